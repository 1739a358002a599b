//! Cordon, drain and uncordon, with what the cluster looks like after each.

use super::bench::benches;
use serde_json::json;

const DRAIN: &str = "drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=30s";

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_cordoned_drained_and_uncordoned() {
    for bench in benches().await {
        let said = bench.run("cordon w1 --dry-run=server").await.good();
        assert!(said.contains("node/w1 cordoned (server dry run)"), "{said}");
        assert!(bench.node("w1")["spec"].get("unschedulable").is_none());

        assert_eq!(bench.run("cordon w1").await.good(), "node/w1 cordoned\n");
        assert_eq!(bench.node("w1")["spec"]["unschedulable"], true);
        let taint = "node.kubernetes.io/unschedulable";
        assert_eq!(bench.node("w1")["spec"]["taints"][0]["key"], taint);
        assert_eq!(
            bench.run("cordon w1").await.good(),
            "node/w1 already cordoned\n"
        );
        let table = bench.run("get node w1").await.good();
        assert!(table.contains("Ready,SchedulingDisabled"), "{table}");

        assert!(!bench.pods_on("w1").is_empty());
        let said = bench.run(DRAIN).await.good();
        // An old kubectl ends with `node/w1 evicted`, a new one with `node/w1 drained`.
        assert!(
            said.contains("pod/web-") && said.contains("node/w1 "),
            "{said}"
        );
        assert_eq!(bench.pods_on("w1"), Vec::<String>::new());
        assert!(!bench.pods_on("w2").is_empty());
        assert_eq!(bench.node("w2")["spec"].get("unschedulable"), None);

        assert_eq!(
            bench.run("uncordon w1").await.good(),
            "node/w1 uncordoned\n"
        );
        let spec = &bench.node("w1")["spec"];
        assert!(spec.get("unschedulable").is_none() && spec.get("taints").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_held_up_by_what_it_may_not_do() {
    for bench in benches().await {
        let said = bench.run("drain w1 --timeout=30s").await.refused();
        assert!(said.contains("DaemonSet-managed Pods"), "{said}");

        bench.cluster.block_budget("w1", true);
        let said = bench
            .run("drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=2s")
            .await;
        assert_eq!(said.code, 1);
        let text = "Cannot evict pod as it would violate the pod's disruption budget.";
        assert!(said.stderr.contains(text), "{}", said.stderr);
        assert_eq!(bench.pods_on("w1").len(), 1);
        bench.cluster.block_budget("w1", false);

        bench.cluster.two_budgets("w1", true);
        let said = bench.run(DRAIN).await.refused();
        let text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert!(said.contains(text), "{said}");
        bench.cluster.two_budgets("w1", false);

        bench.cluster.stick_terminating("w1", true);
        let said = bench
            .run("drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=2s")
            .await;
        assert_eq!(said.code, 1, "{said:?}");
        let stuck = bench.pods_on("w1");
        assert_eq!(stuck.len(), 1);
        let pod = bench.cluster.object("Pod", "shop", &stuck[0]).unwrap();
        assert!(pod["metadata"]["deletionTimestamp"].is_string());
        bench.cluster.stick_terminating("w1", false);
        bench.run(DRAIN).await.good();
        assert_eq!(bench.pods_on("w1"), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taints_labels_and_annotations_are_set_and_taken_away() {
    for bench in benches().await {
        let said = bench
            .run("taint node w1 repair=yes:NoSchedule")
            .await
            .good();
        assert_eq!(said, "node/w1 tainted\n");
        let taint = json!({ "effect": "NoSchedule", "key": "repair", "value": "yes" });
        assert_eq!(bench.node("w1")["spec"]["taints"], json!([taint]));
        bench.run("taint node w1 repair-").await.good();
        assert!(bench.node("w1")["spec"].get("taints").is_none());
        bench
            .run("annotate node w1 windlass.dev/cordoned-by=run-1")
            .await
            .good();
        bench.run("label node w1 tier=front").await.good();
        let node = bench.node("w1");
        assert_eq!(
            node["metadata"]["annotations"]["windlass.dev/cordoned-by"],
            "run-1"
        );
        assert_eq!(node["metadata"]["labels"]["tier"], "front");
        bench
            .run("annotate node w1 windlass.dev/cordoned-by-")
            .await
            .good();
        let annotations = &bench.node("w1")["metadata"]["annotations"];
        assert!(annotations.get("windlass.dev/cordoned-by").is_none());
    }
}
