//! Clusters that a test has altered: objects put there, checks that fail, faults by name.

use super::client::{Api, Lab, eventually};
use crate::lab::cluster::DeprecatedApi;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

async fn evict(api: &Api, name: &str) -> (u16, Value) {
    let eviction =
        json!({ "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": name } });
    api.post(
        &format!("/api/v1/namespaces/shop/pods/{name}/eviction"),
        &eviction,
    )
    .await
}

/// The name of the pod that a fault has made.
async fn pod(api: &Api, app: &str) -> String {
    let pods = api
        .items(&format!(
            "/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}"
        ))
        .await;
    let first = pods.iter().find(|pod| pod["spec"]["nodeName"].is_string());
    first.unwrap()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn what_is_put_is_served_stored_and_removed() {
    let lab = Lab::start(1).await;
    let hook = json!({
        "kind": "ValidatingWebhookConfiguration", "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": { "name": "guard" }, "webhooks": [{ "name": "a.example", "failurePolicy": "Fail" }],
    });
    lab.cluster.put(hook).unwrap();
    let config = json!({ "kind": "ConfigMap", "metadata": { "namespace": "new", "name": "a" }, "data": { "k": "v" } });
    let first = lab.cluster.put(config.clone()).unwrap();
    let again = lab.cluster.put(config).unwrap();
    assert_eq!(first["metadata"]["uid"], again["metadata"]["uid"]);
    assert_ne!(
        first["metadata"]["resourceVersion"],
        again["metadata"]["resourceVersion"]
    );
    for wrong in [
        json!({ "kind": "Nothing", "metadata": { "name": "a" } }),
        json!({ "kind": "Pod", "apiVersion": "v2", "metadata": { "name": "a" } }),
        json!({ "kind": "Pod", "metadata": {} }),
    ] {
        assert!(lab.cluster.put(wrong).is_err());
    }
    let lab = lab.restart(1).await;
    let api = lab.client("cp1");
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard";
    assert_eq!(
        api.get(path).await.1["webhooks"][0]["failurePolicy"],
        "Fail"
    );
    assert_eq!(
        api.get("/api/v1/namespaces/new/configmaps/a").await.1["data"]["k"],
        "v"
    );
    assert!(lab.cluster.remove("ConfigMap", "new", "a"));
    assert!(!lab.cluster.remove("ConfigMap", "new", "a"));
    assert_eq!(api.get("/api/v1/namespaces/new/configmaps/a").await.0, 404);
    assert_eq!(
        lab.cluster.objects("ValidatingWebhookConfiguration").len(),
        1
    );
    assert!(lab.cluster.object("Node", "", "w1").is_some());
}

#[tokio::test]
async fn checks_fail_and_metrics_tell_where_they_were_told_to() {
    let lab = Lab::start(1).await;
    let (first, second) = (lab.client("cp1"), lab.client("cp2"));
    lab.cluster.fail_check("cp1", "etcd", true);
    let (code, text) = first.get("/readyz?verbose").await;
    assert_eq!(code, 500);
    assert!(
        text.as_str()
            .unwrap()
            .contains("[-]etcd failed: reason withheld\n")
    );
    assert_eq!(second.get("/readyz").await.0, 200);
    lab.cluster.fail_check("cp1", "etcd", false);
    assert_eq!(first.get("/livez").await, (200, json!("ok")));
    lab.cluster.note_deprecated_api(DeprecatedApi {
        group: "flowcontrol.apiserver.k8s.io".to_owned(),
        version: "v1beta3".to_owned(),
        resource: "flowschemas".to_owned(),
        removed_release: "1.32".to_owned(),
    });
    let (code, text) = first.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(
        text.as_str()
            .unwrap()
            .contains("removed_release=\"1.32\",resource=\"flowschemas\"")
    );
    assert_eq!(lab.stranger("cp1").get("/metrics").await.0, 403);
}

#[tokio::test]
async fn an_object_that_is_denied_is_denied_by_its_name_alone() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    lab.cluster.forbid("leases", "windlass");
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let (code, status) = api.get(&format!("{leases}/windlass")).await;
    assert_eq!((code, &status["reason"]), (403, &json!("Forbidden")));
    assert_eq!(
        status["message"],
        "leases.coordination.k8s.io \"windlass\" is forbidden: User \"kubernetes-admin\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-system\""
    );
    let (code, _) = api.get(&format!("{leases}/kube-scheduler")).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn an_api_server_may_stand_in_for_an_older_one() {
    let lab = Lab::start(1).await;
    lab.hosts.set("cp1", |host| {
        host.api_version = "v1.36.2".to_owned();
        host.api_emulated = Some("1.35".to_owned());
    });
    let (_, version) = lab.client("cp1").get("/version").await;
    let numbers = [
        "minor",
        "emulationMajor",
        "emulationMinor",
        "minCompatibilityMajor",
        "minCompatibilityMinor",
    ];
    assert_eq!(
        numbers.map(|field| version[field].as_str().unwrap()),
        ["36", "1", "35", "1", "34"]
    );
    let (_, version) = lab.client("cp2").get("/version").await;
    assert_eq!(
        (&version["minor"], &version["emulationMinor"]),
        (&json!("35"), &json!("35"))
    );
}

#[tokio::test]
async fn two_budgets_on_a_pod_are_an_error_that_waiting_does_not_end() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    lab.cluster.two_budgets("w1", true);
    let name = pod(&api, "budgets-w1").await;
    let (code, answer) = evict(&api, &name).await;
    assert_eq!((code, answer.get("reason")), (500, None));
    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    assert_eq!(answer["message"], message);
    lab.cluster.two_budgets("w1", false);
    assert_eq!(evict(&api, &name).await.0, 404);
    assert_eq!(lab.cluster.objects("PodDisruptionBudget").len(), 2);
}

#[tokio::test]
async fn a_budget_may_clear_at_its_time() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    let far = Timestamp::now() + SignedDuration::from_hours(1);
    lab.cluster.block_budget_until("w1", far);
    let name = pod(&api, "blocked-w1").await;
    assert_eq!(evict(&api, &name).await.0, 429);
    let lab = lab.restart(2).await;
    let api = lab.client("cp1");
    assert_eq!(evict(&api, &name).await.0, 429, "the time is kept");
    lab.cluster.block_budget_until("w1", Timestamp::now());
    let budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/blocked-w1";
    eventually("the budget allows it", || async {
        api.get(budget).await.1["status"]["disruptionsAllowed"] == 1
    })
    .await;
    assert_eq!(evict(&api, &name).await.0, 201);
}

#[tokio::test]
async fn a_stuck_pod_stays_until_its_finalizer_goes() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    lab.cluster.stick_terminating("w1", true);
    let name = pod(&api, "stuck-w1").await;
    assert_eq!(evict(&api, &name).await.0, 201);
    let path = format!("/api/v1/namespaces/shop/pods/{name}");
    let forced = format!("{path}?gracePeriodSeconds=0");
    api.send(Method::DELETE, &forced, "", &Value::Null).await;
    let (code, pod) = api.get(&path).await;
    assert_eq!(code, 200, "even a forced delete does not help");
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    api.merge(&path, &json!({ "metadata": { "finalizers": null } }))
        .await;
    eventually("it is gone", || async { api.get(&path).await.0 == 404 }).await;
    lab.cluster.stick_terminating("w1", false);
    assert!(
        lab.cluster
            .object("Deployment", "shop", "stuck-w1")
            .is_none()
    );
}

#[tokio::test]
async fn a_kubelet_may_report_another_version_or_fall_silent() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    lab.cluster.report_version("w1", Some("v1.30.0"));
    let version = |node: &Value| node["status"]["nodeInfo"]["kubeletVersion"].clone();
    assert_eq!(version(&api.get("/api/v1/nodes/w1").await.1), "v1.30.0");
    lab.cluster.report_version("w1", None);
    assert_eq!(version(&api.get("/api/v1/nodes/w1").await.1), "v1.35.6");
    lab.cluster.hold_heartbeat("w1", true);
    lab.hosts
        .set("w1", |host| host.kubelet_started = Some(Timestamp::now()));
    let (_, node) = api.get("/api/v1/nodes/w1").await;
    let ready = node["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "Ready")
        .unwrap();
    let heartbeat: Timestamp = ready["lastHeartbeatTime"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(ready["status"], "True");
    assert!(heartbeat <= Timestamp::now() - SignedDuration::from_secs(1));
}
