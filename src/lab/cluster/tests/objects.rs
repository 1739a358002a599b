//! Reading and writing objects, watching, and what outlives the process.

use super::client::{Lab, eventually};
use http::Method;
use serde_json::{Value, json};

const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn a_cordon_sets_the_taint_and_both_endpoints_see_it() {
    let lab = Lab::start(2).await;
    let (first, second) = (lab.client("cp1"), lab.client("cp2"));
    let cordon =
        json!({ "spec": { "unschedulable": true }, "metadata": { "annotations": { "a": "b" } } });
    let (code, node) = first
        .send(Method::PATCH, "/api/v1/nodes/w1?", STRATEGIC, &cordon)
        .await;
    assert_eq!(code, 200, "{node}");
    let (_, node) = second.get("/api/v1/nodes/w1").await;
    assert_eq!(node["spec"]["unschedulable"], true);
    assert_eq!(
        node["spec"]["taints"][0]["key"],
        "node.kubernetes.io/unschedulable"
    );
    assert_eq!(node["metadata"]["annotations"]["a"], "b");
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.35.6");
    let (_, node) = second
        .merge(
            "/api/v1/nodes/w1",
            &json!({ "spec": { "unschedulable": false } }),
        )
        .await;
    assert!(
        node["spec"].get("unschedulable").is_none() && node["spec"].get("taints").is_none(),
        "{node}"
    );
    let (code, _) = first
        .send(
            Method::PATCH,
            "/api/v1/nodes/w1",
            "application/apply-patch+yaml",
            &cordon,
        )
        .await;
    assert_eq!(code, 415);
}

#[tokio::test]
async fn a_stale_put_is_a_conflict() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    let (_, old) = api.get("/api/v1/nodes/w1").await;
    let (code, _) = api
        .merge(
            "/api/v1/nodes/w1",
            &json!({ "metadata": { "labels": { "x": "y" } } }),
        )
        .await;
    assert_eq!(code, 200);
    let (code, refusal) = api.put("/api/v1/nodes/w1", &old).await;
    assert_eq!((code, &refusal["reason"]), (409, &json!("Conflict")));
    let (_, mut new) = api.get("/api/v1/nodes/w1").await;
    new["spec"]["unschedulable"] = json!(true);
    new["status"] = json!({});
    let (code, node) = api.put("/api/v1/nodes/w1", &new).await;
    assert_eq!((code, &node["spec"]["unschedulable"]), (200, &json!(true)));
    assert!(
        node["status"]["nodeInfo"].is_object(),
        "an ordinary write leaves the status alone"
    );
}

#[tokio::test]
async fn a_watch_sees_a_cordon_and_nothing_before_it() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    let (_, list) = api.get("/api/v1/nodes").await;
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    api.merge(
        "/api/v1/nodes/w2",
        &json!({ "spec": { "unschedulable": true } }),
    )
    .await;
    let events = |query: &str| {
        let path =
            format!("/api/v1/nodes?&watch=true&timeoutSeconds=1&allowWatchBookmarks=true{query}");
        let api = &api;
        async move {
            let (_, text) = api
                .try_send(Method::GET, &path, "", &Value::Null)
                .await
                .unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect::<Vec<Value>>()
        }
    };
    let seen = events(&format!("&resourceVersion={version}")).await;
    assert_eq!(seen[0]["type"], "MODIFIED", "{seen:?}");
    assert_eq!(seen[0]["object"]["metadata"]["name"], "w2");
    assert_eq!(seen[0]["object"]["spec"]["unschedulable"], true);
    assert_eq!(seen[1]["type"], "BOOKMARK");
    assert_eq!(seen.len(), 2);

    let seen = events("&fieldSelector=metadata.name%3Dw1").await;
    let kinds: Vec<&str> = seen
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["ADDED", "BOOKMARK", "BOOKMARK"]);
    assert_eq!(
        seen[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );

    let lab = lab.restart(2).await;
    let api = lab.client("cp1");
    let path = "/api/v1/nodes?watch=1&resourceVersion=1";
    let (code, event) = api.get(path).await;
    assert_eq!(
        (code, &event["type"], &event["object"]["code"]),
        (200, &json!("ERROR"), &json!(410))
    );
}

#[tokio::test]
async fn a_cordon_outlives_a_kill_and_the_node_list_is_reconciled() {
    let lab = Lab::start(2).await;
    let patch = json!({ "spec": { "unschedulable": true }, "metadata": { "annotations": { "who": "me" } } });
    lab.client("cp1").merge("/api/v1/nodes/w1", &patch).await;
    let second = lab.after_a_kill().await;
    let (_, node) = second.client("cp1").get("/api/v1/nodes/w1").await;
    assert_eq!(
        (
            &node["spec"]["unschedulable"],
            &node["metadata"]["annotations"]["who"]
        ),
        (&json!(true), &json!("me"))
    );

    let third = second.restart(1).await;
    let api = third.client("cp1");
    assert_eq!(api.get("/api/v1/nodes/w2").await.0, 404);
    assert!(
        api.items("/api/v1/pods?fieldSelector=spec.nodeName%3Dw2")
            .await
            .is_empty()
    );
    assert_eq!(
        api.get("/api/v1/nodes/w1").await.1["spec"]["unschedulable"],
        true
    );
    let fourth = third.restart(3).await;
    let api = fourth.client("cp1");
    let daemons = "/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3Dw3";
    eventually("the new node has its DaemonSet pods", || async {
        api.items(daemons).await.len() == 2
    })
    .await;
}

#[tokio::test]
async fn write_probes_and_refusals() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    let maps = "/api/v1/namespaces/kube-system/configmaps";
    let map = json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "probe" }, "data": { "k": "v" } });
    assert_eq!(api.post(maps, &map).await.0, 201);
    assert_eq!(api.post(maps, &map).await.1["reason"], "AlreadyExists");
    assert_eq!(api.get(&format!("{maps}/probe")).await.1["data"]["k"], "v");
    let (code, gone) = api
        .send(Method::DELETE, &format!("{maps}/probe"), "", &Value::Null)
        .await;
    assert_eq!((code, &gone["status"]), (200, &json!("Success")));
    let cases = [
        (
            Method::GET,
            "/api/v1/namespaces/kube-system/configmaps/probe",
            404,
        ),
        (Method::DELETE, "/api/v1/nodes/w1", 405),
        (
            Method::POST,
            "/apis/apps/v1/namespaces/shop/deployments",
            400,
        ),
        (Method::GET, "/api/v1/pods?fieldSelector=spec.nope%3D1", 400),
        (Method::GET, "/api/v1/pods?continue=abc", 410),
        (Method::POST, "/api/v1/namespaces/none/configmaps", 404),
    ];
    for (method, path, wanted) in cases {
        let body = if method == Method::POST {
            map.clone()
        } else {
            Value::Null
        };
        let (code, refusal) = api.send(method, path, "", &body).await;
        assert_eq!(
            (code, &refusal["kind"]),
            (wanted, &json!("Status")),
            "{path}: {refusal}"
        );
    }
    assert_eq!(lab.stranger("cp1").get("/api/v1/nodes").await.0, 403);
    assert_eq!(
        lab.stranger("cp1").get("/version").await.1["gitVersion"],
        "v1.35.6"
    );
    assert_eq!(api.get("/readyz").await, (200, json!("ok")));
    for path in ["/api/v1/secrets", "/api/v1/nodes/w1/proxy", "/nope"] {
        assert_eq!(
            api.get(path).await,
            (404, json!("404 page not found\n")),
            "{path}"
        );
    }
    assert!(
        api.items("/apis/storage.k8s.io/v1/volumeattachments")
            .await
            .is_empty()
    );
    assert_eq!(
        api.items("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
            .await
            .len(),
        3
    );
}
