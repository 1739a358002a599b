//! Evictions: the table of answers, and a drain from its first pod to its last.

use super::client::{Api, Lab, eventually};
use serde_json::{Value, json};

fn eviction(name: &str) -> Value {
    json!({ "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": name, "namespace": "shop" } })
}

async fn evict(api: &Api, name: &str) -> (u16, Value) {
    api.post(
        &format!("/api/v1/namespaces/shop/pods/{name}/eviction"),
        &eviction(name),
    )
    .await
}

async fn pod(api: &Api, app: &str) -> String {
    let pods = api
        .items(&format!(
            "/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}"
        ))
        .await;
    pods[0]["metadata"]["name"].as_str().unwrap().to_owned()
}

async fn budget(api: &Api, name: &str, app: &str, rule: Value) {
    let mut spec = rule;
    spec["selector"] = json!({ "matchLabels": { "app": app } });
    let body = json!({ "kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": { "name": name }, "spec": spec });
    let (code, answer) = api
        .post(
            "/apis/policy/v1/namespaces/shop/poddisruptionbudgets",
            &body,
        )
        .await;
    assert_eq!(code, 201, "{answer}");
}

#[tokio::test]
async fn every_answer_of_the_table() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");

    let (code, answer) = evict(&api, "nope").await;
    assert_eq!(
        (code, &answer["message"]),
        (404, &json!("pods \"nope\" not found"))
    );

    // Three pods, one may be away.
    let (first, second) = (pod(&api, "web").await, pod(&api, "web").await);
    assert_eq!(first, second);
    let path = format!("/api/v1/namespaces/shop/pods/{first}/eviction?dryRun=All");
    assert_eq!(api.post(&path, &eviction(&first)).await.0, 201);
    assert!(
        api.get(&format!("/api/v1/namespaces/shop/pods/{first}"))
            .await
            .1["metadata"]
            .get("deletionTimestamp")
            .is_none()
    );

    budget(&api, "cache", "cache", json!({ "minAvailable": 1 })).await;
    let cache = pod(&api, "cache").await;
    let (code, answer) = evict(&api, &cache).await;
    let wanted = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "reason": "TooManyRequests",
        "details": { "causes": [{
            "reason": "DisruptionBudget",
            "message": "The disruption budget cache needs 1 healthy pods and has 1 currently"
        }] },
        "code": 429
    });
    assert_eq!((code, answer), (429, wanted));

    // A pod that runs but is not Ready is held by default, and let go where the budget says so.
    let unready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
    api.send(
        http::Method::PATCH,
        &format!("/api/v1/namespaces/shop/pods/{cache}/status"),
        "application/strategic-merge-patch+json",
        &unready,
    )
    .await;
    let (code, answer) = evict(&api, &cache).await;
    let cause = "The disruption budget cache needs 1 healthy pods and has 0 currently";
    assert_eq!(
        (code, &answer["details"]["causes"][0]["message"]),
        (429, &json!(cause))
    );
    let path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/cache";
    api.merge(
        path,
        &json!({ "spec": { "unhealthyPodEvictionPolicy": "AlwaysAllow" } }),
    )
    .await;
    let (code, answer) = evict(&api, &cache).await;
    assert_eq!(
        (code, &answer["status"], &answer["code"]),
        (201, &json!("Success"), &json!(201))
    );

    budget(&api, "second", "web", json!({ "minAvailable": 0 })).await;
    let (code, answer) = evict(&api, &first).await;
    assert_eq!(code, 500);
    assert!(
        answer.get("reason").is_none()
            && answer["message"]
                .as_str()
                .unwrap()
                .contains("more than one"),
        "{answer}"
    );

    // Nowhere to run: the next pods stay Pending, and a Pending pod may go whatever its budget says.
    for node in ["w1", "w2"] {
        api.merge(
            &format!("/api/v1/nodes/{node}"),
            &json!({ "spec": { "unschedulable": true } }),
        )
        .await;
    }
    let api_pod = pod(&api, "api").await;
    assert_eq!(evict(&api, &api_pod).await.0, 201);
    let pending =
        "/api/v1/namespaces/shop/pods?labelSelector=app%3Dapi&fieldSelector=status.phase%3DPending";
    eventually("a Pending pod", || async {
        !api.items(pending).await.is_empty()
    })
    .await;
    budget(&api, "api", "api", json!({ "minAvailable": 2 })).await;
    let name = api.items(pending).await[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(evict(&api, &name).await.0, 201);
}

#[tokio::test]
async fn a_drain_waits_for_the_budget_and_ends() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp2");
    api.merge(
        "/api/v1/nodes/w1",
        &json!({ "spec": { "unschedulable": true } }),
    )
    .await;
    let web =
        "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3Dw1";
    let before = api.items(web).await.len();
    assert!(before > 0);
    eventually("the node is empty of web", || async {
        for pod in api.items(web).await {
            if pod["metadata"].get("deletionTimestamp").is_none() {
                let (code, answer) = evict(&api, pod["metadata"]["name"].as_str().unwrap()).await;
                assert!([201, 404, 429].contains(&code), "{answer}");
            }
        }
        api.items(web).await.is_empty()
    })
    .await;
    let budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web";
    eventually("all pods of web run elsewhere", || async {
        let (_, budget) = api.get(budget).await;
        budget["status"]["currentHealthy"] == 3 && budget["status"]["disruptionsAllowed"] == 1
    })
    .await;
    let (_, deployment) = api
        .get("/apis/apps/v1/namespaces/shop/deployments/web")
        .await;
    assert_eq!(deployment["spec"]["replicas"], 3);
}
