//! What the server refuses, as a person with kubectl reads it.

use super::bench::benches;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_worded_as_kubectl_users_know_them() {
    for bench in benches().await {
        let cases = [
            (
                "get node nope",
                "Error from server (NotFound): nodes \"nope\" not found",
            ),
            (
                "get pod nope -n shop",
                "Error from server (NotFound): pods \"nope\" not found",
            ),
            (
                "get deploy nope -n shop",
                "Error from server (NotFound): deployments.apps \"nope\" not found",
            ),
            (
                "get nothing",
                "error: the server doesn't have a resource type \"nothing\"",
            ),
            (
                "get --raw /nope",
                "Error from server (NotFound): the server could not find the requested resource",
            ),
        ];
        for (command, wanted) in cases {
            let said = bench.run(command).await.refused();
            assert!(said.contains(wanted), "{command}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_and_invalid_objects_are_refused() {
    for bench in benches().await {
        let mut old = bench.node("w1");
        bench.run("annotate node w1 newer=yes").await.good();
        old["spec"]["unschedulable"] = json!(true);
        let said = bench
            .feed("replace --raw /api/v1/nodes/w1 -f -", &old.to_string())
            .await
            .refused();
        assert!(
            said.contains("Operation cannot be fulfilled on nodes \"w1\""),
            "{said}"
        );
        assert!(bench.node("w1")["spec"].get("unschedulable").is_none());
        let bare =
            json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "x" }, "spec": {} });
        let path = "create --raw /api/v1/namespaces/shop/pods -f -";
        let said = bench.feed(path, &bare.to_string()).await.refused();
        assert!(
            said.contains("Pod \"x\" is invalid: spec.containers: Required value"),
            "{said}"
        );
        bench.cluster.block_budget("w1", true);
        let map =
            json!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": "shop" } });
        let said = bench
            .feed("create --validate=false -f -", &map.to_string())
            .await
            .refused();
        let wanted =
            "(AlreadyExists): error when creating \"STDIN\": namespaces \"shop\" already exists";
        assert!(said.contains(wanted), "{said}");
        let pods = bench.pods_on("w1");
        let pod = pods
            .iter()
            .find(|pod| pod.starts_with("blocked-w1"))
            .unwrap();
        let path = format!("create -v=4 --raw /api/v1/namespaces/shop/pods/{pod}/eviction -f -");
        let eviction =
            json!({ "kind": "Eviction", "apiVersion": "policy/v1", "metadata": { "name": pod } });
        let said = bench.feed(&path, &eviction.to_string()).await;
        assert_eq!(said.code, 1);
        let cause = "The disruption budget blocked-w1 needs 1 healthy pods and has 1 currently";
        assert!(said.stderr.contains(cause), "{}", said.stderr);
    }
}
