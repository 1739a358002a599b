//! A lab cluster with a kubeconfig in a folder of its own, and one kubectl that works on it.

use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use windlass::lab::cluster::{Cluster, ClusterConfig, Flavor, NodeConfig, Observation, Observe};

/// Every host runs the same version, and is well.
struct Hosts;

impl Observe for Hosts {
    fn observe(&self, _: &str) -> Observation {
        Observation {
            kubelet_running: true,
            kubelet_version: "v1.35.6".to_owned(),
            api_running: true,
            api_version: "v1.35.6".to_owned(),
            ..Observation::default()
        }
    }
}

/// One kubectl and its cluster of `cp1`, `w1` and `w2`.
pub(crate) struct Bench {
    kubectl: PathBuf,
    pub(crate) cluster: Arc<Cluster>,
    folder: tempfile::TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// The output of a command that must have gone well.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// What a command said that must have failed.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        self.stderr
    }

    /// The output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }
}

/// A bench for each kubectl that is to be tested.
pub(crate) async fn benches() -> Vec<Bench> {
    let Ok(list) = std::env::var("WINDLASS_TEST_KUBECTL") else {
        println!("skipped: WINDLASS_TEST_KUBECTL names no kubectl");
        return Vec::new();
    };
    let mut benches = Vec::new();
    for kubectl in list.split(':').filter(|path| !path.is_empty()) {
        benches.push(Bench::start(PathBuf::from(kubectl)).await);
    }
    assert!(!benches.is_empty(), "WINDLASS_TEST_KUBECTL is empty");
    benches
}

impl Bench {
    async fn start(kubectl: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = |name: &str, control_plane| NodeConfig {
            name: name.to_owned(),
            control_plane,
            internal_ip: "192.0.2.1".to_owned(),
        };
        let config = ClusterConfig {
            name: "lab".to_owned(),
            flavor: Flavor::Kubernetes,
            nodes: vec![node("cp1", true), node("w1", false), node("w2", false)],
            state_file: folder.path().join("state.json"),
        };
        let cluster = Cluster::start(config, Arc::new(Hosts)).await.unwrap();
        let text = cluster.kubeconfig("cp1").unwrap();
        std::fs::write(folder.path().join("kubeconfig"), text).unwrap();
        println!("{}", kubectl.display());
        Self {
            kubectl,
            cluster,
            folder,
        }
    }

    /// The command line of this kubectl, split at blanks. It finds nothing of the machine's own.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command.
    pub(crate) async fn run(&self, line: &str) -> Done {
        self.feed(line, "").await
    }

    /// Runs a command with something on its standard input.
    pub(crate) async fn feed(&self, line: &str, input: &str) -> Done {
        let mut command = self.command(line);
        let input = input.to_owned();
        let line = line.to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // A kubectl that reads nothing may be gone already.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        });
        let output = tokio::time::timeout(Duration::from_mins(1), work)
            .await
            .unwrap_or_else(|_| panic!("kubectl {line} does not end"))
            .unwrap();
        let done = Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        println!("$ kubectl {line}\n{}{}", done.stdout, done.stderr);
        done
    }

    pub(crate) fn node(&self, name: &str) -> Value {
        self.cluster.object("Node", "", name).unwrap()
    }

    /// The names of the pods on a node that no DaemonSet owns.
    pub(crate) fn pods_on(&self, node: &str) -> Vec<String> {
        let pods = self.cluster.objects("Pod");
        let mine = pods.iter().filter(|pod| {
            pod["spec"]["nodeName"] == node
                && pod["metadata"]["ownerReferences"][0]["kind"] != "DaemonSet"
        });
        mine.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }
}
