//! Workloads and volumes that clients make, and what becomes of them.

use super::client::{Lab, eventually};
use http::Method;
use serde_json::{Value, json};

fn template(name: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": name } },
        "spec": { "containers": [{ "name": "a", "image": "registry.invalid/a:1" }] },
    })
}

#[tokio::test]
async fn a_deployment_gets_its_pods_is_scaled_and_goes_with_them() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    let sets = "/apis/apps/v1/namespaces/shop/deployments";
    let deployment = json!({
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": { "name": "extra" },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "extra" } }, "template": template("extra") },
    });
    assert_eq!(
        api.post(&format!("{sets}?dryRun=All"), &deployment).await.0,
        201
    );
    assert_eq!(api.get(&format!("{sets}/extra")).await.0, 404);
    assert_eq!(api.post(sets, &deployment).await.0, 201);
    let pods = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dextra";
    let path = format!("{sets}/extra");
    let ready = |wanted: i64| {
        let (api, path) = (&api, &path);
        move || async move { api.get(path).await.1["status"]["readyReplicas"] == wanted }
    };
    eventually("two run", ready(2)).await;
    api.merge(&path, &json!({ "spec": { "replicas": 3 } }))
        .await;
    eventually("three run", ready(3)).await;
    api.send(Method::DELETE, &path, "", &Value::Null).await;
    eventually("all are gone", || async {
        api.items(pods).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_stateful_pod_comes_back_under_its_name() {
    let lab = Lab::start(2).await;
    let api = lab.client("cp1");
    lab.cluster
        .put(json!({
            "kind": "StatefulSet", "metadata": { "namespace": "shop", "name": "db" },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "db" } }, "template": template("db") },
        }))
        .unwrap();
    let running = || async {
        let pods = api
            .items("/api/v1/namespaces/shop/pods?labelSelector=app%3Ddb")
            .await;
        let names: Vec<Value> = pods
            .iter()
            .map(|pod| pod["metadata"]["name"].clone())
            .collect();
        names == ["db-0", "db-1"] && pods.iter().all(|pod| pod["status"]["phase"] == "Running")
    };
    eventually("both run", running).await;
    let path = "/api/v1/namespaces/shop/pods/db-0";
    let first = api.get(path).await.1["metadata"]["uid"].clone();
    api.send(Method::DELETE, path, "", &Value::Null).await;
    eventually("another has its name", || async {
        let (code, pod) = api.get(path).await;
        code == 200 && pod["metadata"]["uid"] != first
    })
    .await;
    eventually("both run again", running).await;
}

#[tokio::test]
async fn a_volume_is_detached_some_time_after_its_pod() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    for object in [
        json!({ "kind": "PersistentVolume", "metadata": { "name": "disk" }, "spec": { "csi": { "driver": "disk.example" } } }),
        json!({ "kind": "PersistentVolumeClaim", "metadata": { "namespace": "shop", "name": "data" }, "spec": { "volumeName": "disk" } }),
        json!({ "kind": "Pod", "metadata": { "namespace": "shop", "name": "holder" }, "spec": {
            "nodeName": "w1", "containers": [{ "name": "a", "image": "a:1" }],
            "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }],
        } }),
        json!({ "kind": "VolumeAttachment", "metadata": { "name": "lost" }, "spec": {
            "attacher": "disk.example", "nodeName": "w1", "source": { "persistentVolumeName": "unknown" },
        } }),
    ] {
        lab.cluster.put(object).unwrap();
    }
    let attached = || async {
        let all = api.items("/apis/storage.k8s.io/v1/volumeattachments").await;
        all.iter().any(|one| {
            one["spec"]["source"]["persistentVolumeName"] == "disk"
                && one["spec"]["nodeName"] == "w1"
        })
    };
    eventually("the volume is attached", attached).await;
    let path = "/api/v1/namespaces/shop/pods/holder";
    eventually("the pod runs", || async {
        api.get(path).await.1["status"]["phase"] == "Running"
    })
    .await;
    api.send(Method::DELETE, path, "", &Value::Null).await;
    eventually("the pod is gone", || async { api.get(path).await.0 == 404 }).await;
    eventually("the volume is detached", || async { !attached().await }).await;
    let left = api.items("/apis/storage.k8s.io/v1/volumeattachments").await;
    assert_eq!(
        left.len(),
        1,
        "an attachment of an unknown volume is left alone"
    );
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_it_holds() {
    let lab = Lab::start(1).await;
    let api = lab.client("cp1");
    api.send(Method::DELETE, "/api/v1/namespaces/shop", "", &Value::Null)
        .await;
    eventually("it is gone", || async {
        api.get("/api/v1/namespaces/shop").await.0 == 404
    })
    .await;
    assert!(api.items("/api/v1/namespaces/shop/pods").await.is_empty());
    assert!(
        api.items("/apis/apps/v1/namespaces/shop/deployments")
            .await
            .is_empty()
    );
}
