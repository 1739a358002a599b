//! Creating, replacing, patching and deleting, raw and not, for real and for show.

use super::bench::benches;
use serde_json::json;

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";

#[tokio::test(flavor = "multi_thread")]
async fn raw_requests_reach_the_store() {
    for bench in benches().await {
        let mut map = json!({
            "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "probe" }, "data": { "k": "1" },
        });
        let made = bench
            .feed(&format!("create --raw {MAPS} -f -"), &map.to_string())
            .await
            .json();
        assert_eq!(made["data"]["k"], "1");
        map["data"]["k"] = json!("2");
        bench
            .feed(
                &format!("replace --raw {MAPS}/probe -f -"),
                &map.to_string(),
            )
            .await
            .good();
        let stored = bench.cluster.object("ConfigMap", "shop", "probe").unwrap();
        assert_eq!(stored["data"]["k"], "2");
        let gone = bench
            .run(&format!("delete --raw {MAPS}/probe"))
            .await
            .json();
        assert_eq!(
            (&gone["kind"], &gone["status"]),
            (&json!("Status"), &json!("Success"))
        );
        assert!(bench.cluster.object("ConfigMap", "shop", "probe").is_none());

        let pod = bench
            .pods_on("w1")
            .into_iter()
            .find(|pod| pod.starts_with("web-"))
            .unwrap();
        let path = format!("/api/v1/namespaces/shop/pods/{pod}/eviction");
        let eviction = json!({
            "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": pod, "namespace": "shop" },
        });
        let said = bench
            .feed(&format!("create --raw {path} -f -"), &eviction.to_string())
            .await
            .json();
        assert_eq!(
            (&said["status"], &said["code"]),
            (&json!("Success"), &json!(201))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_all_three_kinds_are_applied_or_only_shown() {
    for bench in benches().await {
        let patches = [
            (
                "strategic",
                r#"{"metadata":{"annotations":{"a":"1"}}}"#,
                "a",
            ),
            ("merge", r#"{"metadata":{"annotations":{"b":"1"}}}"#, "b"),
            (
                "json",
                r#"[{"op":"add","path":"/metadata/annotations/c","value":"1"}]"#,
                "c",
            ),
        ];
        for (kind, patch, key) in patches {
            let command = format!("patch node w1 --type {kind} -p {patch}");
            bench
                .run(&format!("{command} --dry-run=server"))
                .await
                .good();
            assert!(
                bench.node("w1")["metadata"]["annotations"]
                    .get(key)
                    .is_none()
            );
            assert_eq!(bench.run(&command).await.good(), "node/w1 patched\n");
            assert_eq!(bench.node("w1")["metadata"]["annotations"][key], "1");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_created_deleted_and_tried() {
    for bench in benches().await {
        let pod = json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "try", "namespace": "kube-system" },
            "spec": { "containers": [{ "name": "a", "image": "registry.invalid/a:1" }] },
        });
        let flags = "--validate=false -f -";
        let said = bench
            .feed(
                &format!("create --dry-run=server {flags}"),
                &pod.to_string(),
            )
            .await;
        assert_eq!(said.good(), "pod/try created (server dry run)\n");
        assert!(bench.cluster.object("Pod", "kube-system", "try").is_none());
        bench
            .feed(&format!("create {flags}"), &pod.to_string())
            .await
            .good();
        assert!(bench.cluster.object("Pod", "kube-system", "try").is_some());
        bench
            .run("delete pod try -n kube-system --timeout=30s")
            .await
            .good();
        assert!(bench.cluster.object("Pod", "kube-system", "try").is_none());

        for object in [
            json!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": "tries" } }),
            json!({
                "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "one", "namespace": "tries" },
                "data": { "k": "v" },
            }),
        ] {
            bench
                .feed(&format!("create {flags}"), &object.to_string())
                .await
                .good();
        }
        bench
            .run("delete namespace tries --timeout=30s")
            .await
            .good();
        assert!(bench.cluster.object("ConfigMap", "tries", "one").is_none());
        assert!(bench.cluster.object("Namespace", "", "tries").is_none());
    }
}
