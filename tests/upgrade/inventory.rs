//! An inventory of a test's own: few hosts, its own versions and its own binaries, so that a run takes a second or two.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use windlass::lab::{BinaryKind, binary};

/// What is wrong with a binary that the inventory offers.
#[derive(Debug, Clone)]
pub(crate) enum Artifact {
    /// Another text under its own checksum, such as a script that prints something else.
    Script(String),
    /// Its checksum is another file's.
    WrongChecksum,
    /// Only its first half is there; the checksum is the whole file's.
    Truncated,
    /// A program for another processor, under its own checksum.
    ForeignArchitecture,
    /// Prints its version, and ends at once with an unknown flag when systemd starts it.
    ExitsAtOnce,
}

impl Artifact {
    /// The file's bytes, and the bytes that its checksum is taken of.
    fn bytes(&self, kind: BinaryKind, version: &str) -> (Vec<u8>, Vec<u8>) {
        let good = binary(kind, version).into_bytes();
        match self {
            Self::Script(text) => (text.clone().into_bytes(), text.clone().into_bytes()),
            Self::WrongChecksum => (good, b"another file".to_vec()),
            Self::Truncated => (good[..good.len() / 2].to_vec(), good),
            Self::ForeignArchitecture => (foreign(), foreign()),
            Self::ExitsAtOnce => {
                let mut text = good;
                text.extend(b"# The lab: exits with: unknown flag: --no-such-flag\n");
                (text.clone(), text)
            }
        }
    }
}

/// The head of an ELF file for a processor (EM_S390) that this machine does not have; the kernel refuses to run it.
fn foreign() -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 2, 1, 0];
    bytes.resize(16, 0);
    // Big-endian: an executable (2), for an S/390 (22), of version 1.
    bytes.extend([0, 2, 0, 22, 0, 0, 0, 1]);
    bytes.resize(256, 0);
    bytes
}

/// An inventory before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Inventory {
    groups: Vec<(&'static str, &'static str, usize)>,
    before: String,
    target: String,
    /// Versions on the way to the target.
    via: Vec<String>,
    artifacts: BTreeMap<&'static str, Artifact>,
    variables: Map<String, Value>,
}

impl Inventory {
    /// No hosts yet; the versions are the shipped inventory's.
    pub(crate) fn new() -> Self {
        let variables = json!({
            "ansible_connection": "lab",
            "binary_settle": 0,
            "gate_settle": 0,
            "kube_apiserver_gate_settle": 0,
            "k3s_server_gate_settle": 0,
            "gate_timeout": 20,
            "kube_apiserver_gate_timeout": 20,
            "k3s_server_gate_timeout": 20,
            "drain_timeout": "20s",
            "drain_grace_period": 30,
            "drain_retries": 0,
            // Tests take workers ahead of their API servers.
            "preflight_strict_skew": false,
        });
        let Value::Object(variables) = variables else {
            unreachable!("it is written as an object")
        };
        Self {
            groups: Vec::new(),
            before: crate::lab::BEFORE.to_owned(),
            target: crate::lab::TARGET.to_owned(),
            via: Vec::new(),
            artifacts: BTreeMap::new(),
            variables,
        }
    }

    /// Control planes `control1`, `control2`, ...
    pub(crate) fn control_planes(mut self, count: usize) -> Self {
        self.groups.push(("kube_control_plane", "control", count));
        self
    }

    /// Workers `worker1`, `worker2`, ...
    pub(crate) fn workers(mut self, count: usize) -> Self {
        self.groups.push(("kube_node", "worker", count));
        self
    }

    /// k3s servers `server1`, `server2`, ...
    pub(crate) fn servers(mut self, count: usize) -> Self {
        self.groups.push(("server", "server", count));
        self
    }

    /// k3s agents `agent1`, `agent2`, ...
    pub(crate) fn agents(mut self, count: usize) -> Self {
        self.groups.push(("agent", "agent", count));
        self
    }

    /// The version that the hosts have at first, such as `v1.34.3`; k3s gets `+k3s1`.
    pub(crate) fn before(mut self, version: &str) -> Self {
        version.clone_into(&mut self.before);
        self
    }

    /// The version to upgrade to, such as `v1.35.1`; k3s gets `+k3s1`.
    pub(crate) fn target(mut self, version: &str) -> Self {
        version.clone_into(&mut self.target);
        self
    }

    /// Offers binaries of a version on the way too, such as `v1.34.5`; k3s gets `+k3s1`.
    pub(crate) fn via(mut self, version: &str) -> Self {
        self.via.push(version.to_owned());
        self
    }

    /// Offers this in the place of a good binary, such as `kubelet`.
    pub(crate) fn artifact(mut self, name: &'static str, artifact: Artifact) -> Self {
        self.artifacts.insert(name, artifact);
        self
    }

    /// A variable of all hosts.
    pub(crate) fn variable(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The name of its first host.
    pub(crate) fn first_host(&self) -> String {
        format!("{}1", self.groups[0].1)
    }

    /// Writes the inventory: `hosts.yml` and, under `artifacts/VERSION`, binaries with their checksums.
    pub(crate) fn write(&self, folder: &Path) {
        let mut groups = Map::new();
        for (group, prefix, count) in &self.groups {
            let hosts: Map<String, Value> = (1..=*count)
                .map(|number| format!("{prefix}{number}"))
                .map(|name| (name, json!({})))
                .collect();
            groups.insert((*group).to_owned(), json!({ "hosts": hosts }));
        }
        let has = |name: &str| groups.contains_key(name);
        let parents = [
            (
                "k8s_cluster",
                ["kube_control_plane", "kube_node"],
                "kube_version",
                "",
            ),
            ("k3s_cluster", ["server", "agent"], "k3s_version", "+k3s1"),
        ];
        let mut clusters = Map::new();
        for (parent, children, variable, suffix) in parents {
            let children: Map<String, Value> = children
                .into_iter()
                .filter(|child| has(child))
                .map(|child| (child.to_owned(), json!({})))
                .collect();
            if children.is_empty() {
                continue;
            }
            let target = format!("{}{suffix}", self.target);
            for version in self.via.iter().chain([&self.target]) {
                let version = format!("{version}{suffix}");
                self.write_artifacts(&folder.join("artifacts").join(&version), &version);
            }
            let variables = json!({
                variable: target,
                "artifact_source": format!("{{{{ inventory_dir }}}}/artifacts/{{{{ {variable} }}}}"),
                "lab_version": format!("{}{suffix}", self.before),
            });
            clusters.insert(
                parent.to_owned(),
                json!({"children": children, "vars": variables}),
            );
        }
        groups.append(&mut clusters);
        // JSON is YAML, too.
        let all = json!({"all": {"vars": self.variables, "children": groups}});
        fs::create_dir_all(folder).unwrap();
        fs::write(
            folder.join("hosts.yml"),
            serde_json::to_vec_pretty(&all).unwrap(),
        )
        .unwrap();
    }

    fn write_artifacts(&self, folder: &Path, version: &str) {
        fs::create_dir_all(folder).unwrap();
        let mut sums = String::new();
        for kind in BinaryKind::ALL {
            let name = kind.file_name();
            let (bytes, checked) = if let Some(artifact) = self.artifacts.get(name) {
                artifact.bytes(kind, version)
            } else {
                let good = binary(kind, version).into_bytes();
                (good.clone(), good)
            };
            fs::write(folder.join(name), bytes).unwrap();
            writeln!(sums, "{}  {name}", sha256(&checked)).unwrap();
        }
        fs::write(folder.join("SHA256SUMS"), sums).unwrap();
    }
}

/// The SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
