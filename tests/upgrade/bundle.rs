//! An upgrade out of one file, as a place without a way out of its network does it.

use crate::events::Ended;
use crate::lab::{Lab, TARGET};

#[test]
fn a_fleet_is_staged_out_of_one_bundle() {
    let place = tempfile::tempdir().unwrap();
    let bundle = place.path().join("all.tar");
    let bundle = bundle.to_str().unwrap();
    let lab = Lab::new();
    let k3s = format!("{TARGET}+k3s1");
    let folders = [TARGET, &k3s].map(|version| format!("inventory/artifacts/{version}"));
    lab.ok(&[
        "bundle",
        "create",
        bundle,
        "--arch",
        "any",
        "--folder",
        &folders[0],
        "--folder",
        &folders[1],
    ]);
    let checked = lab.ok(&["bundle", "verify", bundle]);
    assert!(checked.contains("all as their checksums say"), "{checked}");
    // The folders that the inventory names are not needed any more.
    let source = format!("artifact_source={bundle}");
    let stage = |more: &[&str]| {
        let mut arguments = vec!["run", "playbooks/stage.yml", "-i", "inventory"];
        arguments.extend(["--json", "-e", &source]);
        arguments.extend(more);
        Ended::of(&lab.command(&arguments).output().unwrap())
    };
    let run = stage(&["--limit", "control1,worker1,server1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    for host in ["control1", "worker1", "server1"] {
        assert_eq!(run.recap(host)["changed"], 1, "{host}");
    }
    let other = stage(&["--limit", "worker1", "-e", "kube_version=v1.35.9"]);
    assert_eq!(other.code, Some(2));
    let said = serde_json::to_string(&other.events).unwrap();
    assert!(said.contains("has no kubelet v1.35.9"), "{said}");
}

#[test]
fn a_bundle_of_nothing_is_refused_with_what_to_do() {
    let lab = Lab::new();
    for (arguments, message) in [
        (
            ["bundle", "create", "x.tar"].as_slice(),
            "name releases with --kubernetes or --k3s",
        ),
        (
            &["bundle", "create", "x.zip", "--k3s", "v1"],
            "does not end in .tar",
        ),
        (
            &[
                "bundle",
                "create",
                "x.tar",
                "--folder",
                "a",
                "--arch",
                "amd64,arm64",
            ],
            "one architecture",
        ),
        (&["bundle", "verify", "README.md"], "not a sound bundle"),
    ] {
        let output = lab.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(message), "{arguments:?}: {errors}");
    }
}
