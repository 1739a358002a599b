//! Answers held against those of a real server.

use super::client::Lab;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A recorded answer, with other names in it.
fn recorded(text: &str, names: &[(&str, &str)]) -> Value {
    let mut text = text.to_owned();
    for (theirs, ours) in names {
        text = text.replace(theirs, ours);
    }
    serde_json::from_str(&text).unwrap()
}

/// The fields of a recorded object that are not in ours, or are of another type there.
fn missing(recorded: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (field, value) in recorded {
                let own = ["managedFields", "annotations", "labels", "taints"];
                if !own.contains(&field.as_str()) {
                    let ours = ours.get(field).unwrap_or(&Value::Null);
                    missing(value, ours, &format!("{path}.{field}"), found);
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) if !recorded.is_empty() => {
            missing(
                &recorded[0],
                ours.first().unwrap_or(&Value::Null),
                &format!("{path}[0]"),
                found,
            );
        }
        (recorded, ours) => {
            if std::mem::discriminant(recorded) != std::mem::discriminant(ours) {
                found.push(path.to_owned());
            }
        }
    }
}

#[tokio::test]
async fn refusals_over_the_wire_are_the_recorded_ones() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    let anonymous = recorded(
        include_str!("../recorded/error-401-or-403-anonymous.json"),
        &[],
    );
    assert_eq!(
        lab.stranger("cp1").get("/api/v1/nodes").await,
        (403, anonymous)
    );

    let (_, old) = api.get("/api/v1/nodes/w1").await;
    api.merge(
        "/api/v1/nodes/w1",
        &json!({ "metadata": { "labels": { "x": "y" } } }),
    )
    .await;
    let conflict = recorded(
        include_str!("../recorded/error-409-conflict.json"),
        &[("cap-node", "w1")],
    );
    assert_eq!(api.put("/api/v1/nodes/w1", &old).await, (409, conflict));

    let home = json!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": "shop" } });
    let names = [("cap-node", "shop"), ("nodes", "namespaces")];
    let exists = recorded(
        include_str!("../recorded/error-409-alreadyexists.json"),
        &names,
    );
    assert_eq!(api.post("/api/v1/namespaces", &home).await, (409, exists));

    let bare =
        json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "x" }, "spec": {} });
    let invalid = recorded(include_str!("../recorded/error-422-invalid.json"), &[]);
    assert_eq!(
        api.post("/api/v1/namespaces/shop/pods", &bare).await,
        (422, invalid)
    );

    let gone = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "pods \"nope\" not found", "reason": "NotFound",
        "details": { "name": "nope", "kind": "pods" }, "code": 404
    });
    assert_eq!(
        api.get("/api/v1/namespaces/shop/pods/nope").await,
        (404, gone.clone())
    );
    let eviction =
        json!({ "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": "nope" } });
    let path = "/api/v1/namespaces/shop/pods/nope/eviction";
    assert_eq!(api.post(path, &eviction).await, (404, gone));
}

#[tokio::test]
async fn anonymous_clients_are_told_what_they_may_not() {
    let lab = Lab::start(1).await;
    let api = lab.stranger("cp1");
    let cases = [
        (
            "/apis/apps/v1/namespaces/shop/deployments/web",
            "deployments.apps \"web\" is forbidden: User \"system:anonymous\" cannot get resource \"deployments\" in API \
             group \"apps\" in the namespace \"shop\"",
        ),
        (
            "/api/v1/namespaces/shop/pods?watch=1",
            "pods is forbidden: User \"system:anonymous\" cannot watch resource \"pods\" in API group \"\" in the \
             namespace \"shop\"",
        ),
        (
            "/apis",
            "forbidden: User \"system:anonymous\" cannot get path \"/apis\"",
        ),
    ];
    for (path, message) in cases {
        let (code, answer) = api.get(path).await;
        assert_eq!((code, &answer["message"]), (403, &json!(message)), "{path}");
    }
    assert_eq!(api.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn lists_objects_and_discovery_have_the_recorded_fields() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    let mut empty = recorded(include_str!("../recorded/podlist-empty.json"), &[]);
    let (_, list) = api.get("/api/v1/namespaces/default/pods").await;
    empty["metadata"]["resourceVersion"] = list["metadata"]["resourceVersion"].clone();
    assert_eq!(list.to_string(), empty.to_string());

    let cases = [
        ("/api/v1/nodes/w1", include_str!("../recorded/node.json")),
        (
            "/apis/apps/v1/namespaces/shop/deployments/web",
            include_str!("../recorded/deployment.json"),
        ),
        ("/api", include_str!("../recorded/api.json")),
        ("/apis", include_str!("../recorded/apis.json")),
        (
            "/apis/policy/v1",
            include_str!("../recorded/resources-apis-policy-v1.json"),
        ),
    ];
    for (path, text) in cases {
        let mut found = Vec::new();
        missing(&recorded(text, &[]), &api.get(path).await.1, "", &mut found);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}

#[tokio::test]
async fn a_watch_goes_as_the_recorded_one() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    let wanted: Vec<Value> = include_str!("../recorded/watch.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let path = "/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=2&fieldSelector=metadata.name%3Dw1";
    let kinds = |events: &[Value]| -> Vec<String> {
        events
            .iter()
            .map(|event| event["type"].to_string())
            .collect()
    };
    let mut seen = Vec::new();
    // Whether the watch or the cordon is first is chance, so both are done again until the watch was.
    for _ in 0..5 {
        api.merge(
            "/api/v1/nodes/w1",
            &json!({ "spec": { "unschedulable": null } }),
        )
        .await;
        let watch = api.try_send(Method::GET, path, "", &Value::Null);
        let cordon = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            api.merge(
                "/api/v1/nodes/w1",
                &json!({ "spec": { "unschedulable": true } }),
            )
            .await;
        };
        let (text, ()) = tokio::join!(watch, cordon);
        let text = text.unwrap().1;
        seen = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        if kinds(&seen) == kinds(&wanted) {
            break;
        }
    }
    assert_eq!(kinds(&seen), kinds(&wanted));
    for (seen, wanted) in seen.iter().zip(&wanted) {
        let mut found = Vec::new();
        let mut wanted = wanted["object"].clone();
        if seen["type"] == "BOOKMARK" {
            // A real one carries the empty fields of its type, which no client reads.
            wanted["spec"] = Value::Null;
            wanted["status"] = Value::Null;
            assert_eq!(
                seen["object"]["metadata"]["annotations"],
                wanted["metadata"]["annotations"]
            );
        }
        missing(&wanted, &seen["object"], "", &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}
