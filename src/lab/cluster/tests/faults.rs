//! Hosts that fail, as the API shows them.

use super::client::{Lab, eventually};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

fn ready(node: &Value) -> &Value {
    let conditions = node["status"]["conditions"].as_array().unwrap();
    conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")
        .unwrap()
}

#[tokio::test]
async fn an_endpoint_without_its_api_server_is_silent_and_the_other_goes_on() {
    let lab = Lab::start(1).await;
    let (first, second) = (lab.client("cp1"), lab.client("cp2"));
    assert_eq!(first.get("/api/v1/nodes/w1").await.0, 200);
    let watch = first.try_send(
        Method::GET,
        "/api/v1/nodes?watch=1&resourceVersion=0",
        "",
        &Value::Null,
    );
    let stop = async {
        lab.hosts.set("cp1", |host| host.api_running = false);
    };
    let (watched, ()) = tokio::join!(watch, stop);
    assert!(watched.is_none(), "a watch breaks off");
    assert!(
        first
            .try_send(Method::GET, "/readyz", "", &Value::Null)
            .await
            .is_none()
    );
    assert_eq!(second.get("/api/v1/nodes/w1").await.0, 200);
    lab.hosts.set("cp1", |host| {
        host.api_running = true;
        host.api_version = "v1.36.2".to_owned();
    });
    assert_eq!(first.get("/version").await.1["gitVersion"], "v1.36.2");
    assert_eq!(second.get("/version").await.1["gitVersion"], "v1.35.6");
}

#[tokio::test]
async fn a_restarted_kubelet_is_ready_again_with_its_new_version() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    lab.hosts.set("w1", |host| host.kubelet_running = false);
    eventually("the node is given up", || async {
        ready(&api.get("/api/v1/nodes/w1").await.1)["status"] == "Unknown"
    })
    .await;
    let daemons = "/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3Dw1";
    for pod in api.items(daemons).await {
        assert_eq!(
            ready(&pod)["status"],
            "False",
            "a pod of a lost node is not Ready"
        );
    }
    lab.hosts.set("w1", |host| {
        host.kubelet_running = true;
        host.kubelet_version = "v1.36.2".to_owned();
        host.kubelet_started = Some(Timestamp::now());
    });
    let (_, node) = api.get("/api/v1/nodes/w1").await;
    assert_eq!(
        ready(&node)["reason"],
        "KubeletNotReady",
        "a gate has to wait"
    );
    eventually("the node is ready", || async {
        ready(&api.get("/api/v1/nodes/w1").await.1)["status"] == "True"
    })
    .await;
    let (_, node) = api.get("/api/v1/nodes/w1").await;
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.36.2");
    assert!(node["spec"].get("taints").is_none());
    for pod in api.items(daemons).await {
        assert_eq!(ready(&pod)["status"], "True");
    }
}

#[tokio::test]
async fn a_pod_of_a_dead_kubelet_stays_terminating() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    let pods = api
        .items("/api/v1/namespaces/shop/pods?labelSelector=app%3Dcache")
        .await;
    let path = format!(
        "/api/v1/namespaces/shop/pods/{}",
        pods[0]["metadata"]["name"].as_str().unwrap()
    );
    let node = pods[0]["spec"]["nodeName"].as_str().unwrap();
    lab.hosts.set(node, |host| host.kubelet_running = false);
    let (code, pod) = api.send(Method::DELETE, &path, "", &Value::Null).await;
    assert_eq!(code, 200);
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    eventually("its successor runs", || async {
        let pods = api
            .items("/api/v1/namespaces/shop/pods?labelSelector=app%3Dcache")
            .await;
        pods.iter().any(|pod| {
            pod["status"]["phase"] == "Running"
                && pod["metadata"].get("deletionTimestamp").is_none()
        })
    })
    .await;
    assert_eq!(api.get(&path).await.0, 200);
    let (code, _) = api
        .send(
            Method::DELETE,
            &format!("{path}?gracePeriodSeconds=0"),
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(code, 200, "a forced delete needs no kubelet");
    assert_eq!(api.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_blocked_budget_holds_one_pod_on_the_node_until_it_is_lifted() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    lab.cluster.block_budget("w2", true);
    lab.cluster.block_budget("w2", true);
    let path = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dblocked-w2";
    let pods = api.items(path).await;
    assert_eq!(
        (pods.len(), &pods[0]["spec"]["nodeName"]),
        (1, &json!("w2"))
    );
    let name = pods[0]["metadata"]["name"].as_str().unwrap();
    let eviction =
        json!({ "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": name } });
    let (code, answer) = api
        .post(
            &format!("/api/v1/namespaces/shop/pods/{name}/eviction"),
            &eviction,
        )
        .await;
    assert_eq!(code, 429);
    let message = "The disruption budget blocked-w2 needs 1 healthy pods and has 1 currently";
    assert_eq!(answer["details"]["causes"][0]["message"], message);
    lab.cluster.block_budget("w2", false);
    assert!(api.items(path).await.is_empty());
    let snapshot = lab.cluster.snapshot();
    assert_eq!(snapshot["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(snapshot["budgets"].as_array().unwrap().len(), 2);
}
