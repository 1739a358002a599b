//! `windlass schedule`, installed on a host: its timer by systemd, its line by cron, each started by the clock, twice.
//!
//! The host is a controller of its own: the program, the playbooks and the key are there, and other hosts are reached from
//! it by SSH. The timer upgrades one cluster and cron the other, so that the two have no lock in common.

use crate::artifacts::TARGET;
use crate::base::USER;
use crate::fleet::Fleet;
use crate::host::{Host, until};
use crate::or_skip;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the controller has its files.
const FLEET: &str = "/srv/night fleet";
/// The clock decides when something happens: at most two minutes later, and then a run takes its time.
const PATIENCE: Duration = Duration::from_mins(4);
/// Where the user's runs are kept.
const STATE: &str = "/home/ops/.local/state/windlass";

#[test]
fn a_timer_and_cron_upgrade_their_clusters_and_find_nothing_to_do_the_next_time() {
    let fleet = or_skip!(Fleet::nightly());
    let host = fleet.host("control1");
    equip(fleet, host);
    let times = two_times(host);

    // Each is installed as its own text says.
    schedule(host, &times, "--systemd", "kubernetes.yml");
    schedule(host, &times, "--cron", "k3s.yml");
    host.run(&format!(
        "cd '{FLEET}' && cp units/windlass-night.service units/windlass-night.timer /etc/systemd/system/ &&
         systemd-analyze verify /etc/systemd/system/windlass-night.timer &&
         systemctl daemon-reload && systemctl enable --now windlass-night.timer &&
         crontab -u {USER} units/windlass-night.cron"
    ));
    assert_eq!(
        host.run("systemctl is-active windlass-night.timer cron"),
        "active\nactive"
    );

    // The first time there is work.
    let by_timer = || host.run("journalctl -t windlass -o cat --no-pager");
    let by_cron = || host.run(&format!("cat {STATE}/log/night.log 2>/dev/null || true"));
    let runs: [&dyn Fn() -> String; 2] = [&by_timer, &by_cron];
    for said in runs {
        let said = until_said(said, "\njournal: ");
        assert!(said.contains("PLAY ["), "{said}");
        assert!(!said.contains(['\r', '\u{1b}']), "{said:?}");
    }
    fleet.assert_serving("worker1", TARGET);
    fleet.assert_serving("agent1", TARGET);
    let processes = || {
        ["worker1", "agent1"].map(|name| {
            fleet
                .host(name)
                .run("systemctl show -P MainPID kubelet k3s-agent")
        })
    };
    let before = processes();
    assert_eq!(
        host.run("systemctl show -P Result windlass-night.service"),
        "success"
    );

    // The second time there is none, which is one line.
    for said in runs {
        let said = until_said(said, "\nnothing to do: ");
        let (first, second) = said.split_once("\njournal: ").unwrap();
        assert!(first.contains("changed: ["), "{said}");
        let second: Vec<&str> = second.lines().skip(1).collect();
        assert_eq!(second.len(), 1, "{said}");
        assert!(
            second[0].starts_with("nothing to do: 2 hosts in "),
            "{said}"
        );
    }
    until("the service has ended", || {
        host.run("systemctl show -P ActiveState windlass-night.service") == "inactive"
    });
    assert_eq!(
        host.run("systemctl show -P ExecMainStatus windlass-night.service"),
        "0"
    );
    assert_eq!(processes(), before, "a service was restarted");
    // Both kept their journals where the user's other runs are, and nothing was run by root.
    assert_eq!(host.run(&format!("ls {STATE}/runs | wc -l")), "4");
    assert_eq!(
        host.run(&format!("find {STATE} ! -user {USER} | wc -l")),
        "0"
    );
}

/// What was said, once these words are in it.
fn until_said(said: &dyn Fn() -> String, words: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = said();
        if said.contains(words) {
            return said;
        }
        assert!(
            Instant::now() < deadline,
            "{words:?} is not in what was said: {said}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Makes the host a controller.
fn equip(fleet: &Fleet, host: &Host) {
    let program = Path::new(env!("CARGO_BIN_EXE_windlass"));
    host.put(program.parent().unwrap(), &["windlass"], "/usr/local/bin");
    host.put(Path::new(env!("CARGO_MANIFEST_DIR")), &["playbooks"], FLEET);
    host.put(
        &fleet.folder,
        &["id", "known_hosts", "artifacts/ready"],
        FLEET,
    );
    let own = tempfile::tempdir().unwrap();
    for (name, k3s) in [("kubernetes.yml", false), ("k3s.yml", true)] {
        let text = fleet.inventory_of(k3s, Path::new("/srv/night-fleet"));
        fs::write(own.path().join(name), text).unwrap();
    }
    host.put(own.path(), &["kubernetes.yml", "k3s.yml"], FLEET);
    // SSH's options know no spaces, so the inventory goes by a second name of the folder.
    host.run(&format!(
        "ln -s '{FLEET}' /srv/night-fleet && cd '{FLEET}' && mkdir units &&
         chown -R {USER} . && chmod 600 id && chmod -R u=rwX,go=rX playbooks artifacts"
    ));
}

/// The next minute that is not too near, and the one after the next.
fn two_times(host: &Host) -> String {
    host.run(
        "now=$(date +%s); first=$(( (now + 10) / 60 * 60 + 60 ))
         echo \"daily $(date -d @$first +%H:%M), daily $(date -d @$((first + 120)) +%H:%M)\"",
    )
}

/// Has the user write what starts the upgrade of one inventory.
fn schedule(host: &Host, times: &str, kind: &str, inventory: &str) {
    host.run(&format!(
        "su {USER} -c \"cd '{FLEET}' && windlass schedule --on '{times}' {kind} --name night --write units \
         run playbooks/upgrade.yml -i {inventory} -q --window 00:00-24:00\""
    ));
}
