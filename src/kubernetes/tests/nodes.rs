//! Cordon, uncordon, gate and release of a node; the gate of an API server.

use super::hosts::{Host, Hosts};
use super::world::{listening, tunnelled, world};
use crate::kubernetes::{
    ApiServer, Clusters, Dial, GateOptions, NodeChecks, Owner, ReleaseKind, ReleaseRecord, cordon,
    gate, gate_api, inspect_cordon, overview, release, uncordon,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_cordon_is_marked_survives_interference_and_comes_off() {
    let world = world();
    let (_api, cluster) = tunnelled(&world).await;
    assert!(
        inspect_cordon(&cluster, "n1", "run-1", false)
            .await
            .unwrap()
            .changed
    );
    assert!(world.lock().unwrap().writes.is_empty());
    world.lock().unwrap().interference = 2;
    let done = cordon(&cluster, "n1", "run-1", false).await.unwrap();
    assert_eq!((done.changed, done.owner), (true, Owner::Ours));
    assert_eq!(done.version_before, "v1.34.1");
    {
        let world = world.lock().unwrap();
        assert_eq!(world.node["spec"]["unschedulable"], true);
        assert_eq!(world.mark(), Some("run-1"));
        let from = world.node["metadata"]["annotations"]["windlass.dev/cordoned-from"].as_str();
        let from: Value = serde_json::from_str(from.unwrap()).unwrap();
        assert_eq!(from["version"], "v1.34.1");
        assert_eq!(from["unschedulable"], false);
    }
    let again = cordon(&cluster, "n1", "run-1", false).await.unwrap();
    assert_eq!((again.changed, again.owner), (false, Owner::Ours));
    let taken = cordon(&cluster, "n1", "run-2", false).await.unwrap();
    assert_eq!((taken.changed, taken.owner), (true, Owner::TakenOver));
    let seen = overview(&cluster, "n1").await.unwrap();
    assert!(seen.exists && seen.ready && !seen.schedulable);
    assert_eq!(seen.cordoned_by, "run-2");
    let done = uncordon(&cluster, "n1", None).await.unwrap();
    assert_eq!((done.changed, done.cordoned_by.as_str()), (true, "run-2"));
    let world = world.lock().unwrap();
    assert_eq!(
        world.node["metadata"]["annotations"],
        json!({"other": "kept"})
    );
    assert!(world.node["spec"].get("unschedulable").is_none());
}

#[tokio::test]
async fn a_humans_cordon_is_never_touched() {
    let world = world();
    world.lock().unwrap().node["spec"]["unschedulable"] = json!(true);
    let (_api, cluster) = tunnelled(&world).await;
    let done = cordon(&cluster, "n1", "run-1", false).await.unwrap();
    assert_eq!((done.changed, done.owner), (false, Owner::Human));
    let done = uncordon(&cluster, "n1", None).await.unwrap();
    assert_eq!((done.changed, done.kept), (false, true));
    assert!(world.lock().unwrap().writes.is_empty());
}

#[tokio::test]
async fn the_gate_opens_when_the_version_arrives_and_says_what_it_waits_for() {
    let world = world();
    let (_api, cluster) = tunnelled(&world).await;
    let (progress, lines) = listening();
    let options = GateOptions {
        version: Some("v1.35.1".to_owned()),
        timeout: Duration::from_mins(1),
        ..GateOptions::default()
    };
    let checks = NodeChecks::default();
    let arrival = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.lock().unwrap().node["status"]["nodeInfo"]["kubeletVersion"] = json!("v1.35.1");
    };
    let (passed, ()) = tokio::join!(gate(&cluster, "n1", &options, &checks, &progress), arrival);
    assert_eq!(passed.unwrap().version, "v1.35.1");
    assert_eq!(
        *lines.lock().unwrap(),
        ["waiting for node n1: its kubelet is v1.34.1, not v1.35.1"]
    );
}

#[tokio::test]
async fn a_gate_that_expires_says_what_is_missing() {
    let world = world();
    let (_api, cluster) = tunnelled(&world).await;
    let (progress, _) = listening();
    let options = GateOptions {
        version: Some("v1.35.1".to_owned()),
        timeout: Duration::from_secs(1),
        ..GateOptions::default()
    };
    let error = gate(&cluster, "n1", &options, &NodeChecks::default(), &progress)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "node n1 did not pass within 1 s: its kubelet is v1.34.1, not v1.35.1"
    );
}

#[tokio::test]
async fn an_api_server_is_asked_itself() {
    let world = world();
    let (api, _cluster) = tunnelled(&world).await;
    let host = Host {
        kubeconfig: api.kubeconfig.clone(),
        forwarding: true,
        kubectl: None,
    };
    let dial: Arc<dyn Dial> = Arc::new(Hosts([("cp1", host)].into()));
    let server = ApiServer {
        host: "cp1".to_owned(),
        kubeconfig: "/etc/kubernetes/admin.conf".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: None,
    };
    let (progress, _) = listening();
    let mut options = GateOptions {
        version: Some("1.35.1".to_owned()),
        timeout: Duration::from_secs(1),
        ..GateOptions::default()
    };
    let passed = gate_api(&dial, &server, &options, &progress).await.unwrap();
    assert_eq!(passed.version, "v1.35.1");
    world.lock().unwrap().readyz = (500, json!("[-]etcd failed"));
    options.version = Some("v1.36.0".to_owned());
    let text = gate_api(&dial, &server, &options, &progress)
        .await
        .unwrap_err()
        .to_string();
    assert!(text.contains("/readyz answers 500"), "{text}");
    assert!(
        text.contains("its version is v1.35.1, not v1.36.0"),
        "{text}"
    );
}

#[tokio::test]
async fn a_release_takes_only_its_own_runs_cordon_back() {
    let world = world();
    let (api, cluster) = tunnelled(&world).await;
    let host = Host {
        kubeconfig: api.kubeconfig.clone(),
        forwarding: true,
        kubectl: None,
    };
    let clusters = Clusters::new(Arc::new(Hosts([("cp1", host)].into())));
    let (progress, lines) = listening();
    let mut record = ReleaseRecord {
        kind: ReleaseKind::Uncordon,
        node: "n1".to_owned(),
        hosts: vec!["cp1".to_owned()],
        kubeconfig: "/etc/kubernetes/admin.conf".to_owned(),
        version: "v1.34.1".to_owned(),
        run: "run-1".to_owned(),
    };
    assert_eq!(record.to_value()["kind"], "uncordon");
    cordon(&cluster, "n1", "run-2", false).await.unwrap();
    assert!(
        release(&clusters, &record.to_value(), &progress)
            .await
            .unwrap()
            .kept
    );
    assert_eq!(world.lock().unwrap().mark(), Some("run-2"));
    record.run = "run-2".to_owned();
    let done = release(&clusters, &record.to_value(), &progress)
        .await
        .unwrap();
    assert!(done.changed && !done.kept);
    assert_eq!(world.lock().unwrap().mark(), None);
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "node n1 stays cordoned: the cordon is not this run's",
            "node n1 is schedulable again"
        ]
    );
    assert!(
        release(&clusters, &json!({"kind": "reboot"}), &progress)
            .await
            .is_err()
    );
}
