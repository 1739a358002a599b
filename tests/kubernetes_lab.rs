//! The Kubernetes room against the lab's API server: cordon, drain, gate, release.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use windlass::connection::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use windlass::holder::Holder;
use windlass::kubernetes::{
    Cluster as Client, Clusters, Dial, DrainOptions, GateOptions, HeldLease, LeaseAnswer,
    NodeChecks, ReleaseKind, ReleaseRecord, Renewal, break_lease, cordon, drain, gate,
    look_at_lease, overview, plan_drain, release, take_lease,
};
use windlass::lab::cluster::{Cluster, ClusterConfig, Flavor, NodeConfig, Observation, Observe};
use windlass::shell::Become;

/// A control-plane host whose tunnel is a plain TCP stream.
#[derive(Debug, Clone)]
struct Host(String);

#[async_trait]
impl Connection for Host {
    async fn run(&self, _: Command) -> Result<Output, ConnectionError> {
        Ok(Output {
            status: 0,
            stdout: self.0.clone().into(),
            stderr: Vec::new().into(),
        })
    }

    async fn upload(&self, _: Upload) -> Result<(), ConnectionError> {
        Err(ConnectionError::Unsupported("upload".to_owned()))
    }

    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, ConnectionError> {
        match TcpStream::connect((host, port)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(ConnectionError::TunnelEnd(error.to_string())),
        }
    }

    fn is_closed(&self) -> bool {
        false
    }

    async fn close(&self) {}
}

#[async_trait]
impl Dial for Host {
    async fn connection(
        &self,
        _: &str,
    ) -> Result<(Arc<dyn Connection>, Option<Become>), ConnectionError> {
        Ok((Arc::new(self.clone()), None))
    }
}

/// Every host runs the same version.
struct Versions(Mutex<String>);

impl Observe for Versions {
    fn observe(&self, _: &str) -> Observation {
        let version = self.0.lock().unwrap().clone();
        Observation {
            kubelet_running: true,
            kubelet_version: version.clone(),
            api_running: true,
            api_version: version,
            ..Observation::default()
        }
    }
}

#[tokio::test]
async fn a_node_is_cordoned_drained_gated_and_released() {
    let folder = tempfile::tempdir().unwrap();
    let node = |name: &str, control_plane| NodeConfig {
        name: name.to_owned(),
        control_plane,
        internal_ip: "10.0.0.1".to_owned(),
    };
    let config = ClusterConfig {
        name: "lab".to_owned(),
        flavor: Flavor::Kubernetes,
        nodes: vec![
            node("cp1", true),
            node("w1", false),
            node("w2", false),
            node("w3", false),
        ],
        state_file: folder.path().join("state.json"),
    };
    let versions = Arc::new(Versions(Mutex::new("v1.34.3".to_owned())));
    let lab = Cluster::start(config, versions.clone()).await.unwrap();
    let clusters = Clusters::new(Arc::new(Host(lab.kubeconfig("cp1").unwrap())));
    let hosts = vec!["cp1".to_owned()];
    let cluster = clusters.get(&hosts, "/k").await.unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let progress: windlass::kubernetes::Progress =
        Arc::new(move |line| sink.lock().unwrap().push(line));
    let mut options = GateOptions {
        timeout: Duration::from_secs(20),
        version: Some("v1.34.3".to_owned()),
        ..GateOptions::default()
    };
    gate(&cluster, "w1", &options, &NodeChecks::default(), &progress)
        .await
        .unwrap();

    cordon(&cluster, "w1", "run-1", false).await.unwrap();
    let drained = drain(&cluster, "w1", &DrainOptions::default(), &progress)
        .await
        .unwrap();
    let plan = plan_drain(&cluster, "w1", &DrainOptions::default())
        .await
        .unwrap();
    assert!(plan.evict.is_empty(), "{plan:?}");
    println!("{drained:?}");

    *versions.0.lock().unwrap() = "v1.35.1".to_owned();
    options.version = Some("v1.35.1".to_owned());
    gate(&cluster, "w1", &options, &NodeChecks::default(), &progress)
        .await
        .unwrap();
    *versions.0.lock().unwrap() = "v1.34.3".to_owned();
    let record = ReleaseRecord {
        kind: ReleaseKind::Uncordon,
        node: "w1".to_owned(),
        hosts,
        kubeconfig: "/k".to_owned(),
        version: "v1.34.3".to_owned(),
        run: "run-1".to_owned(),
    };
    let done = release(&clusters, &record.to_value(), &progress)
        .await
        .unwrap();
    assert!(done.changed, "{done:?}");
    let seen = overview(&cluster, "w1").await.unwrap();
    assert!(seen.exists && seen.ready && seen.schedulable && seen.cordoned_by.is_empty());
    println!("{:#?}", lines.lock().unwrap());
}

fn asks(run: &str, user: &str) -> Holder {
    Holder::new(run, user, "laptop")
}

async fn taken(cluster: &Arc<Client>, holder: &Holder, dead: &[&str]) -> LeaseAnswer {
    let is_dead = |held: &HeldLease| dead.contains(&held.run());
    take_lease(cluster, holder, is_dead).await.unwrap()
}

#[tokio::test]
async fn one_run_has_the_lease_of_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let config = ClusterConfig {
        name: "lab".to_owned(),
        flavor: Flavor::Kubernetes,
        nodes: vec![NodeConfig {
            name: "cp1".to_owned(),
            control_plane: true,
            internal_ip: "10.0.0.1".to_owned(),
        }],
        state_file: folder.path().join("state.json"),
    };
    let versions = Arc::new(Versions(Mutex::new("v1.34.3".to_owned())));
    let lab = Cluster::start(config, versions).await.unwrap();
    let clusters = Clusters::new(Arc::new(Host(lab.kubeconfig("cp1").unwrap())));
    let cluster = clusters.get(&["cp1".to_owned()], "/k").await.unwrap();
    assert_eq!(look_at_lease(&cluster).await.unwrap(), None);

    // Of several that ask at once one gets it.
    let holders: Vec<Holder> = (0..4).map(|n| asks(&format!("r{n}"), "ann")).collect();
    let asking = holders.iter().map(|holder| taken(&cluster, holder, &[]));
    let answers = futures::future::join_all(asking).await;
    let (ours, held): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|answer| matches!(answer, LeaseAnswer::Ours(_)));
    assert_eq!((ours.len(), held.len()), (1, 3));
    let Some(LeaseAnswer::Ours(first)) = ours.into_iter().next() else {
        panic!("nobody has it");
    };
    assert_eq!(first.renew().await.unwrap(), Renewal::Ours);
    let found = look_at_lease(&cluster).await.unwrap().unwrap();
    let run = found.run().to_owned();
    assert_eq!(found.identity, format!("ann@laptop/{run}"));
    assert_eq!(found.holder.unwrap().user, "ann");

    // A run that is known to be dead loses it, and notices if it was not.
    let bob = asks("r9", "bob");
    let LeaseAnswer::Ours(second) = taken(&cluster, &bob, &[&run]).await else {
        panic!("it is not taken over");
    };
    let Renewal::Lost(Some(by)) = first.renew().await.unwrap() else {
        panic!("it has it still");
    };
    assert_eq!(by.run(), "r9");
    first.give_back().await.unwrap();
    let found = look_at_lease(&cluster).await.unwrap().unwrap();
    assert_eq!(found.run(), "r9", "it gives back only what it has");

    assert!(!break_lease(&cluster, &run).await.unwrap());
    assert!(break_lease(&cluster, "r9").await.unwrap());
    assert_eq!(second.renew().await.unwrap(), Renewal::Lost(None));
    let LeaseAnswer::Ours(third) = taken(&cluster, &bob, &[]).await else {
        panic!("nobody has it");
    };
    third.give_back().await.unwrap();
    assert_eq!(look_at_lease(&cluster).await.unwrap(), None);
}
