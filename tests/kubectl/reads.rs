//! What only looks: `get` in all its forms, `describe`, `version`, raw paths, watches.

use super::bench::benches;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

/// The words of the line of a table that starts with this one.
fn line<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let mut lines = table.lines().map(|line| line.split_whitespace().collect());
    lines
        .find(|words: &Vec<&str>| words.first() == Some(&first))
        .unwrap_or_else(|| panic!("no {first} in {table}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_have_the_columns_that_people_know() {
    for bench in benches().await {
        let cases = [
            ("get nodes", "NAME STATUS ROLES AGE VERSION"),
            (
                "get nodes -o wide",
                "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
            ),
            ("get pods -A", "NAMESPACE NAME READY STATUS RESTARTS AGE"),
            (
                "get pods -n shop -o wide",
                "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
            ),
            (
                "get pdb -A",
                "NAMESPACE NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
            ),
            (
                "get events -A",
                "NAMESPACE LAST SEEN TYPE REASON OBJECT MESSAGE",
            ),
            ("get leases -A", "NAMESPACE NAME HOLDER AGE"),
            (
                "get deployments -A",
                "NAMESPACE NAME READY UP-TO-DATE AVAILABLE AGE",
            ),
            (
                "get deploy -n shop -o wide",
                "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
            ),
            (
                "get ds -A",
                "NAMESPACE NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
            ),
            ("get rs -n shop", "NAME DESIRED CURRENT READY AGE"),
            ("get ns", "NAME STATUS AGE"),
        ];
        for (command, wanted) in cases {
            let table = bench.run(command).await.good();
            let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
            assert_eq!(head.join(" "), wanted, "{command}");
            assert!(table.lines().count() > 1, "{command}: {table}");
        }
        let nodes = bench.run("get nodes").await.good();
        assert_eq!(line(&nodes, "cp1")[1..3], ["Ready", "control-plane"]);
        assert_eq!(line(&nodes, "w1")[1..3], ["Ready", "<none>"]);
        assert_eq!(line(&nodes, "w1")[4], "v1.35.6");
        let budgets = bench.run("get pdb web -n shop").await.good();
        assert_eq!(line(&budgets, "web")[..4], ["web", "N/A", "1", "1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_whole_in_every_form_and_selectors_select() {
    for bench in benches().await {
        let node = bench.run("get node w1 -o json").await.json();
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.35.6");
        assert_eq!(
            (&node["kind"], &node["apiVersion"]),
            (&json!("Node"), &json!("v1"))
        );
        let yaml = bench.run("get pdb web -n shop -o yaml").await.good();
        let budget: Value = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
        let names = bench.run("get nodes -o name").await.good();
        assert_eq!(names, "node/cp1\nnode/w1\nnode/w2\n");
        let list = bench.run("get deployments -A -o json").await.json();
        assert_eq!(list["kind"], "List");
        let on_node = "get pods -A -o name --field-selector spec.nodeName=w1,status.phase!=Failed";
        let found = bench.run(on_node).await.good().lines().count();
        assert_eq!(found, bench.pods_on("w1").len() + 2, "two of DaemonSets");
        let web = bench
            .run("get pods -n shop -l app=web -o name")
            .await
            .good();
        assert_eq!(web.lines().count(), 3);
        let nothing = bench.run("get pods -n shop -l app=nothing").await;
        assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
        let path = "get node w1 -o jsonpath={.status.addresses[0].address}";
        assert_eq!(bench.run(path).await.good(), "192.0.2.1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_health_and_raw_paths_are_read() {
    for bench in benches().await {
        let version = bench.run("version -o json").await.json();
        assert_eq!(version["serverVersion"]["gitVersion"], "v1.35.6");
        let ready = bench.run("get --raw /readyz?verbose").await.good();
        assert!(
            ready.ends_with("[+]shutdown ok\nreadyz check passed\n"),
            "{ready}"
        );
        assert_eq!(bench.run("get --raw /livez").await.good(), "ok");
        bench.cluster.fail_check("cp1", "etcd", true);
        let failed = bench.run("get --raw /readyz").await.refused();
        assert!(
            failed.contains("[-]etcd failed: reason withheld"),
            "{failed}"
        );
        bench.cluster.fail_check("cp1", "etcd", false);
        let list = bench.run("get --raw /api/v1/nodes").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
        let metrics = bench.run("get --raw /metrics").await.good();
        assert!(metrics.contains("# TYPE apiserver_requested_deprecated_apis gauge"));
        let resources = bench.run("api-resources -o name").await.good();
        for name in [
            "nodes",
            "poddisruptionbudgets.policy",
            "leases.coordination.k8s.io",
        ] {
            assert!(resources.lines().any(|line| line == name), "{resources}");
        }
        let review = json!({
            "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "spec": { "resourceAttributes": { "verb": "create", "resource": "pods", "subresource": "eviction" } },
        });
        let path = "create --raw /apis/authorization.k8s.io/v1/selfsubjectaccessreviews -f -";
        let answer = bench.feed(path, &review.to_string()).await.json();
        assert_eq!(answer["status"]["allowed"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_described_with_its_pods_lease_and_events() {
    for bench in benches().await {
        let text = bench.run("describe node w1").await.good();
        for part in [
            "Name:               w1",
            "HolderIdentity:  w1",
            "KubeletReady",
            "Kubelet Version:            v1.35.6",
            "Non-terminated Pods:",
            "kube-proxy-",
            "NodeReady",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        let text = bench.run("describe pod -n shop -l app=web").await.good();
        assert!(text.contains("Controlled By:  ReplicaSet/web-"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_what_changes() {
    for bench in benches().await {
        for (form, wanted) in [("", "w1"), ("-o name", "node/w1"), ("-o json", "{")] {
            let mut watch = bench
                .command(&format!("get nodes w1 --watch-only {form}"))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut output = BufReader::new(watch.stdout.take().unwrap());
            // The watch starts when it likes, so the node is changed until it has seen one change.
            let cluster = bench.cluster.clone();
            let changes = tokio::spawn(async move {
                for count in 0.. {
                    let mut node = cluster.object("Node", "", "w1").unwrap();
                    node["metadata"]["annotations"]["count"] = json!(count.to_string());
                    cluster.put(node).unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            });
            let seen = tokio::task::spawn_blocking(move || {
                let mut line = String::new();
                while !line.contains(wanted) {
                    line.clear();
                    assert!(
                        output.read_line(&mut line).unwrap() > 0,
                        "the watch has ended"
                    );
                }
                line
            });
            let seen = tokio::time::timeout(std::time::Duration::from_secs(30), seen).await;
            changes.abort();
            watch.kill().unwrap();
            watch.wait().unwrap();
            assert!(seen.unwrap().unwrap().starts_with(wanted));
        }
    }
}
