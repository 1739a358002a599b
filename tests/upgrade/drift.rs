//! What an owner changed by hand on a host stays as it is, whether the upgrade succeeds or goes back.

use crate::inventory::{Artifact, Inventory};
use crate::lab::{BEFORE, Lab, TARGET};
use crate::objects::settled;
use std::fs;
use std::path::PathBuf;

const UNIT: &str = "etc/systemd/system/kubelet.service";
const DROP_IN: &str = "etc/systemd/system/kubelet.service.d/10-mine.conf";

/// Edits the unit of worker1's kubelet, and adds a drop-in; returns both with what they hold now.
fn edited(lab: &Lab) -> [(PathBuf, String); 2] {
    let host = lab.host_folder("worker1");
    let unit = host.join(UNIT);
    let text = fs::read_to_string(&unit).unwrap();
    let text = format!(
        "# edited by hand\n{}",
        text.replace("[Service]", "[Service]\nNice=-5")
    );
    let drop_in = host.join(DROP_IN);
    let more = "[Service]\nEnvironment=MINE=yes\n".to_owned();
    fs::create_dir_all(drop_in.parent().unwrap()).unwrap();
    fs::write(&unit, &text).unwrap();
    fs::write(&drop_in, &more).unwrap();
    [(unit, text), (drop_in, more)]
}

fn small() -> Inventory {
    Inventory::new().control_planes(1).workers(2)
}

fn assert_kept(files: &[(PathBuf, String)]) {
    for (path, text) in files {
        assert_eq!(
            &fs::read_to_string(path).unwrap(),
            text,
            "{}",
            path.display()
        );
    }
}

/// Scenario 40.
#[test]
fn a_unit_edited_by_hand_is_kept_through_an_upgrade() {
    let lab = settled(&small());
    let files = edited(&lab);
    let run = lab.upgrade(&["--limit", "worker1", "--diff"]);
    run.assert_code(0);
    lab.status().assert_serving("worker1", TARGET);
    assert_kept(&files);
    // Nothing that the run recorded to take back is a unit.
    let folder = lab
        .host_folder("worker1")
        .join("var/lib/windlass/runs")
        .join(run.id());
    let revert = fs::read_to_string(folder.join("manifest")).unwrap();
    assert!(!revert.contains(".service"), "{revert}");
}

/// Scenario 40, on the way back.
#[test]
fn a_unit_edited_by_hand_is_kept_through_a_rollback() {
    let lab = settled(&small().artifact("kubelet", Artifact::ExitsAtOnce));
    let files = edited(&lab);
    let run = lab.upgrade(&["--limit", "worker1"]);
    run.assert_code(2);
    assert_eq!(run.recap("worker1")["state"], "rolled_back");
    lab.status().assert_serving("worker1", BEFORE);
    assert_kept(&files);
}

/// Scenario 40, where windlass does write beside a unit: its drop-in is shown, and a file of the owner's there stays.
#[test]
fn the_drop_in_of_an_api_server_is_shown_and_leaves_others_alone() {
    let lab = settled(&small());
    let folder = lab
        .host_folder("control1")
        .join("etc/systemd/system/kube-apiserver.service.d");
    fs::create_dir_all(&folder).unwrap();
    let mine = (
        folder.join("10-mine.conf"),
        "[Service]\nNice=-5\n".to_owned(),
    );
    fs::write(&mine.0, &mine.1).unwrap();
    let run = lab.upgrade(&["--limit", "control1", "--diff"]);
    run.assert_code(0);
    let said = serde_json::to_string(&run.events).unwrap();
    assert!(
        said.contains("+Environment") || said.contains("+ExecStart"),
        "{said}"
    );
    assert_kept(&[mine]);
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left, ["10-mine.conf"]);
}
