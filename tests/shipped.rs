//! What ships beside the program fits together: the lab's artifacts are what the lab's hosts run, and every playbook is
//! without mistakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use windlass::lab::{BinaryKind, binary};

const ARTIFACTS: [(&str, &[BinaryKind]); 2] = [
    (
        "v1.35.1",
        &[
            BinaryKind::KubeApiserver,
            BinaryKind::KubeControllerManager,
            BinaryKind::KubeScheduler,
            BinaryKind::Kubeadm,
            BinaryKind::Kubelet,
        ],
    ),
    ("v1.35.1+k3s1", &[BinaryKind::K3s]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `sha256  name` lines, by name.
fn sums(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (sum, name) = line.split_once("  ").unwrap();
            (name.to_owned(), sum.to_owned())
        })
        .collect()
}

#[test]
fn artifacts_are_the_labs_binaries() {
    for (version, kinds) in ARTIFACTS {
        let folder = root().join("inventory/artifacts").join(version);
        let mut expected = BTreeMap::new();
        for kind in kinds {
            let path = folder.join(kind.file_name());
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, binary(*kind, version), "{}", path.display());
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{} can be run", path.display());
            let sum = Sha256::digest(&text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            expected.insert(kind.file_name().to_owned(), sum);
        }
        assert_eq!(sums(&folder.join("SHA256SUMS")), expected, "{version}");
    }
}

#[test]
fn artifacts_are_of_the_version_that_the_inventory_asks_for() {
    for (group, name, version) in [
        ("k8s_cluster", "kube_version", ARTIFACTS[0].0),
        ("k3s_cluster", "k3s_version", ARTIFACTS[1].0),
    ] {
        let path = root().join(format!("inventory/group_vars/{group}.yml"));
        let text = fs::read_to_string(path).unwrap();
        let line = format!("{name}: {version}");
        assert!(text.lines().any(|each| each == line), "{group}: {line}");
    }
}

#[test]
fn playbooks_have_no_mistakes() {
    let state = tempfile::tempdir().unwrap();
    let mut playbooks: Vec<PathBuf> = fs::read_dir(root().join("playbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yml"))
        .collect();
    playbooks.sort();
    assert!(playbooks.len() >= 5);
    for playbook in playbooks {
        let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
            .args(["run", "--syntax-check", "-i"])
            .arg(root().join("inventory"))
            .arg("--state-dir")
            .arg(state.path())
            .arg(&playbook)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", playbook.display());
        assert!(!said.contains("warning"), "{}: {said}", playbook.display());
    }
}

/// Every role explains its variables, and says the same of them in both of its files.
#[test]
fn roles_explain_their_variables() {
    let roles = root().join("playbooks/roles");
    let mut seen = 0;
    for entry in fs::read_dir(roles).unwrap() {
        let role = entry.unwrap().path();
        let defaults = fs::read_to_string(role.join("defaults/main.yml")).unwrap();
        let specs = fs::read_to_string(role.join("meta/argument_specs.yml")).unwrap();
        let mut explained = false;
        for line in defaults.lines() {
            let variable = line
                .trim_start_matches("# ")
                .split_once(':')
                .map(|(name, _)| name)
                .filter(|name| {
                    name.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
                    })
                });
            if let Some(name) = variable {
                assert!(explained, "{}: {name} has no comment", role.display());
                assert!(
                    specs.contains(&format!("{name}:")),
                    "{}: {name} is not in the argument spec",
                    role.display()
                );
                seen += 1;
            }
            explained = line.starts_with('#') || variable.is_some() && explained;
        }
    }
    assert!(seen > 40, "{seen}");
}
