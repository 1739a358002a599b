//! How the API server is reached: tunnel, kubectl, the next host, and what makes it fail.

use super::api::Api;
use super::hosts::{Host, Hosts};
use super::world::{handler, open, tunnelled, world};
use crate::kubernetes::{ClusterError, Clusters, Transport, cordon, overview, uncordon};
use std::sync::Arc;

fn host(api: &Api) -> Host {
    Host {
        kubeconfig: api.kubeconfig.clone(),
        forwarding: true,
        kubectl: None,
    }
}

#[tokio::test]
async fn the_next_host_is_taken_when_one_dies() {
    let world = world();
    let (first, second) = (
        Api::start(handler(&world)).await,
        Api::start(handler(&world)).await,
    );
    let hosts = Hosts([("cp1", host(&first)), ("cp2", host(&second))].into());
    let cluster = open(hosts, &["gone", "cp1", "cp2"]).await.unwrap();
    assert_eq!(cluster.transport(), Some(Transport::Tunnel));
    drop(first);
    assert_eq!(overview(&cluster, "n1").await.unwrap().version, "v1.34.1");
    drop(second);
    let error = overview(&cluster, "n1").await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let text = error.to_string();
    for name in ["gone: ", "cp1: ", "cp2: "] {
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn without_forwarding_kubectl_is_taken() {
    let world = world();
    let api = Api::start(handler(&world)).await;
    let mut refusing = host(&api);
    refusing.forwarding = false;
    let error = open(Hosts([("cp1", refusing.clone())].into()), &["cp1"])
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, ClusterError::ForwardingRefused { .. }),
        "{error}"
    );

    refusing.kubectl = Some(handler(&world));
    let cluster = open(Hosts([("cp1", refusing)].into()), &["cp1"])
        .await
        .unwrap();
    assert_eq!(cluster.transport(), Some(Transport::Kubectl));
    world.lock().unwrap().interference = 1;
    assert!(
        cordon(&cluster, "n1", "run-1", false)
            .await
            .unwrap()
            .changed
    );
    assert_eq!(world.lock().unwrap().mark(), Some("run-1"));
    assert!(uncordon(&cluster, "n1", None).await.unwrap().changed);
    let world = world.lock().unwrap();
    assert_eq!(world.mark(), None);
    assert_eq!(world.node["metadata"]["annotations"]["other"], "kept");
    assert_eq!(world.node["spec"]["podCIDR"], "10.0.0.0/24");
}

#[tokio::test]
async fn a_server_with_another_authority_is_refused_at_once() {
    let world = world();
    let (right, wrong) = (
        Api::start(handler(&world)).await,
        Api::start(handler(&world)).await,
    );
    let mut mixed = host(&right);
    mixed.kubeconfig = right.kubeconfig.replace(
        &right.address.port().to_string(),
        &wrong.address.port().to_string(),
    );
    let error = open(Hosts([("cp1", mixed)].into()), &["cp1"])
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, ClusterError::Configuration { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_unreadable_kubeconfig_is_named_and_never_quoted() {
    let world = world();
    let api = Api::start(handler(&world)).await;
    let missing = Host {
        forwarding: true,
        ..Host::default()
    };
    let error = open(Hosts([("cp1", missing)].into()), &["cp1"])
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "cp1: cannot read /etc/kubernetes/admin.conf: cat: Permission denied"
    );
    let mut broken = host(&api);
    broken.kubeconfig = broken
        .kubeconfig
        .replace("client-key-data: ", "client-key-data: QUFB");
    let secret = "QUFB";
    let error = open(Hosts([("cp1", broken)].into()), &["cp1"])
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, ClusterError::Configuration { .. }),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
}

#[tokio::test]
async fn clusters_are_opened_once_and_failures_are_not_kept() {
    let world = world();
    let api = Api::start(handler(&world)).await;
    let clusters = Clusters::new(Arc::new(Hosts([("cp1", host(&api))].into())));
    let names = ["cp1".to_owned()];
    let path = "/etc/kubernetes/admin.conf";
    let (one, two) = (
        clusters.get(&names, path).await.unwrap(),
        clusters.get(&names, path).await.unwrap(),
    );
    assert!(Arc::ptr_eq(&one, &two));
    assert!(clusters.get(&[], path).await.is_err());
}

#[tokio::test]
async fn a_node_that_is_not_there_is_no_error_to_look_at() {
    let world = world();
    let (_api, cluster) = tunnelled(&world).await;
    assert!(!overview(&cluster, "n2").await.unwrap().exists);
    assert_eq!(
        cordon(&cluster, "n2", "run-1", false)
            .await
            .unwrap_err()
            .to_string(),
        "the cluster has no node `n2`"
    );
    assert!(overview(&cluster, "../pods").await.is_err());
}
