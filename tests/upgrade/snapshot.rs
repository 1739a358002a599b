//! Everything of a lab that its owner cares about, before and after a run, and what changed between the two.
//!
//! A snapshot is a flat list of facts by path:
//!
//! - `HOST/usr/local/bin/kubelet`: mode and checksum of a file, or where a link leads; of folders, the mode
//! - `HOST/unit/kubelet`: how the unit stands, and with which version
//! - `HOST/unit/kubelet/process`: its main process and since when, so that a restart is seen
//! - `node/NAME/ready`, `version`, `unschedulable`, `taints`, `pods`, `labels/KEY`, `annotations/KEY`
//! - `budget/NAMESPACE/NAME`
//!
//! Left out are the run's own undo log and lock (`var/lib/windlass/runs`, `lock`), what the lab itself writes at each start (kubeconfigs),
//! and the lab's own notes (`run`, `faults`).

use crate::inventory::sha256;
use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Parts of a host's folder that are not the owner's.
const NOT_THE_OWNERS: [&str; 6] = [
    "run",
    "faults",
    "var/lib/windlass/lock",
    "var/lib/windlass/runs",
    "etc/kubernetes/admin.conf",
    "etc/rancher/k3s/k3s.yaml",
];

/// The facts of a lab at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Looks at the lab, which must not run.
    pub(crate) fn take(lab: &Lab) -> Self {
        let mut facts = BTreeMap::new();
        // First the status: it starts the clusters once, so that they have settled, and folds what a killed run left.
        let status = lab.status();
        for host in lab.hosts() {
            let root = lab.host_folder(&host);
            walk(&root, &root, &host, &mut facts);
            units(&root, &host, &mut facts);
        }
        for cluster in status.0["clusters"].as_array().into_iter().flatten() {
            for node in cluster["nodes"].as_array().into_iter().flatten() {
                describe(node, &mut facts);
            }
            for budget in cluster["budgets"].as_array().into_iter().flatten() {
                let name = format!(
                    "budget/{}/{}",
                    text(&budget["namespace"]),
                    text(&budget["name"])
                );
                facts.insert(name, format!("needs {}", budget["needed"]));
            }
        }
        Self(facts)
    }

    /// What a path holds.
    pub(crate) fn fact(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The differences to a later snapshot, one line each.
    pub(crate) fn differences(&self, after: &Self) -> Vec<(String, String)> {
        let mut paths: Vec<&String> = self.0.keys().chain(after.0.keys()).collect();
        paths.sort();
        paths.dedup();
        let shown = |fact: Option<&String>| fact.map_or("nothing", String::as_str).to_owned();
        paths
            .into_iter()
            .filter(|path| self.0.get(*path) != after.0.get(*path))
            .map(|path| {
                let (was, is) = (shown(self.0.get(path)), shown(after.0.get(path)));
                (path.clone(), format!("{path}: was {was}, is {is}"))
            })
            .collect()
    }
}

/// Fails when anything changed that is not under one of `allowed`, and names all of it.
///
/// A `*` in an allowed path stands for one part of a path: `*/var/lib/windlass/artifacts`, `node/worker1`.
pub(crate) fn assert_only_changed(before: &Snapshot, after: &Snapshot, allowed: &[&str]) {
    let others: Vec<String> = before
        .differences(after)
        .into_iter()
        .filter(|(path, _)| !allowed.iter().any(|pattern| covers(pattern, path)))
        .map(|(_, line)| line)
        .collect();
    assert!(
        others.is_empty(),
        "this changed, too:\n{}",
        others.join("\n")
    );
}

/// Fails when anything changed but what the upgrade of these hosts' kubelets changes, and what is under one of `more`.
pub(crate) fn assert_only_upgraded(
    before: &Snapshot,
    after: &Snapshot,
    hosts: &[&str],
    more: &[&str],
) {
    let mut allowed = vec!["node/*/pod_names".to_owned(), "budget".to_owned()];
    for host in hosts {
        allowed.extend([
            format!("{host}/var/lib/windlass"),
            format!("{host}/usr/local/bin/kubelet"),
            format!("{host}/unit/kubelet"),
            format!("node/{host}/version"),
            format!("node/{host}/annotations"),
        ]);
    }
    let own = allowed.iter().map(String::as_str);
    let allowed: Vec<&str> = own.chain(more.iter().copied()).collect();
    assert_only_changed(before, after, &allowed);
}

fn covers(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    pattern.split('/').all(|wanted| {
        parts
            .next()
            .is_some_and(|part| wanted == "*" || wanted == part)
    })
}

fn walk(root: &Path, folder: &Path, host: &str, facts: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if NOT_THE_OWNERS.contains(&name.as_str()) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let fact = if metadata.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_dir() {
            walk(root, &path, host, facts);
            format!("folder {mode:04o}")
        } else if metadata.is_file() {
            format!("{mode:04o} {}", sha256(&fs::read(&path).unwrap()))
        } else {
            format!("{:?}", metadata.file_type())
        };
        facts.insert(format!("{host}/{name}"), fact);
    }
}

fn units(root: &Path, host: &str, facts: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(root.join("run/units")) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let unit = entry.file_name().into_string().unwrap();
        let state = fs::read_to_string(entry.path()).unwrap();
        let (process, standing): (Vec<&str>, Vec<&str>) = state
            .lines()
            .partition(|line| line.starts_with("MainPID=") || line.starts_with("Started="));
        facts.insert(format!("{host}/unit/{unit}"), standing.join(" "));
        facts.insert(format!("{host}/unit/{unit}/process"), process.join(" "));
    }
}

fn describe(node: &Value, facts: &mut BTreeMap<String, String>) {
    let name = text(&node["name"]);
    let mut insert = |what: &str, value: &Value| {
        facts.insert(format!("node/{name}/{what}"), text(value));
    };
    for what in ["ready", "version", "unschedulable", "taints", "pod_names"] {
        insert(what, &node[what]);
    }
    for what in ["labels", "annotations"] {
        for (key, value) in node[what].as_object().into_iter().flatten() {
            // A key has a slash of its own, which would look like a part of the path.
            insert(&format!("{what}/{}", key.replace('/', ":")), value);
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn patterns_cover_a_path_and_what_is_under_it() {
    for (pattern, path, expected) in [
        ("worker1", "worker1/usr/local/bin/kubelet", true),
        ("worker1/usr", "worker1/usr", true),
        (
            "*/usr/local/bin/kubelet",
            "worker2/usr/local/bin/kubelet",
            true,
        ),
        ("worker1", "worker10/usr", false),
        ("worker1/usr/local", "worker1/usr", false),
        ("node/*/pod_names", "node/worker1/ready", false),
    ] {
        assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn a_change_that_was_not_allowed_is_named() {
    let of = |facts: &[(&str, &str)]| {
        let facts = facts
            .iter()
            .map(|(path, fact)| ((*path).to_owned(), (*fact).to_owned()));
        Snapshot(facts.collect())
    };
    let before = of(&[("a/x", "1"), ("a/y", "1"), ("b/z", "1")]);
    let after = of(&[("a/x", "2"), ("a/new", "1"), ("b/z", "1")]);
    assert_only_changed(&before, &after, &["a"]);
    let failure = std::panic::catch_unwind(|| assert_only_changed(&before, &after, &["a/x"]));
    let message = failure.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("a/new: was nothing, is 1"), "{message}");
    assert!(message.contains("a/y: was 1, is nothing"), "{message}");
}
