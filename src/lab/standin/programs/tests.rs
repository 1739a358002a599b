//! The programs, run by every shell that the machine has.

use super::install;
use crate::lab::host::{HostFolder, LabHostConfig, Role, provision};
use crate::lab::standin::{BinaryKind, binary};
use std::path::PathBuf;
use std::process::Command;

struct Machine {
    _place: tempfile::TempDir,
    host: HostFolder,
    standins: PathBuf,
    shell: &'static [&'static str],
}

const SHELLS: [&[&str]; 4] = [&["sh"], &["dash"], &["busybox", "sh"], &["bash", "--posix"]];

/// A host of this role for every shell that is there; `sh` always is.
fn machines(role: Role, version: &str) -> Vec<Machine> {
    let mut machines = Vec::new();
    for shell in SHELLS {
        let probe = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", ":"])
            .status();
        if !probe.is_ok_and(|status| status.success()) {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        // A folder with a space, because a user's may have one.
        let host = HostFolder::new(place.path().join("a lab/hosts/node1"));
        let config = LabHostConfig {
            name: "node1".to_owned(),
            role,
            version: Some(version.to_owned()),
        };
        provision(&host, &config).unwrap();
        let standins = place.path().join("stand-ins");
        install(&standins).unwrap();
        install(&standins).unwrap();
        machines.push(Machine {
            _place: place,
            host,
            standins,
            shell,
        });
    }
    assert!(!machines.is_empty());
    machines
}

impl Machine {
    /// Runs a program; the answer is its status, output and errors.
    fn run(&self, line: &str) -> (i32, String, String) {
        let mut words = line.split(' ');
        let program = self.standins.join(words.next().unwrap());
        let output = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(program)
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LAB_ROOT", self.host.root())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Runs a program that has to succeed.
    fn ok(&self, line: &str) -> String {
        let (status, output, errors) = self.run(line);
        assert_eq!((status, &*errors), (0, ""), "{:?} {line}", self.shell);
        output
    }

    fn put(&self, kind: BinaryKind, version: &str) {
        let path = self.host.local_bin().join(kind.file_name());
        crate::lab::folder::write(&path, binary(kind, version).as_bytes(), 0o755).unwrap();
    }
}

#[test]
fn a_restart_takes_up_the_binary_on_disk() {
    for machine in machines(Role::K3sServer, "v1.34.3+k3s1") {
        let show =
            "systemctl show k3s -p ActiveState,SubState -p MainPID --property=NRestarts,LoadState";
        assert_eq!(
            machine.ok(show),
            "ActiveState=active\nSubState=running\nMainPID=1001\nNRestarts=0\nLoadState=loaded\n"
        );
        machine.put(BinaryKind::K3s, "v1.35.1+k3s1");
        assert_eq!(machine.ok("systemctl start k3s"), "");
        let unit = machine.host.unit("k3s");
        let version = |state: &str| {
            let line = state.lines().find_map(|line| line.strip_prefix("Version="));
            line.unwrap().to_owned()
        };
        assert_eq!(
            version(&std::fs::read_to_string(&unit).unwrap()),
            "v1.34.3+k3s1"
        );
        assert_eq!(machine.ok("systemctl restart --no-block k3s.service"), "");
        assert_eq!(
            version(&std::fs::read_to_string(&unit).unwrap()),
            "v1.35.1+k3s1"
        );
        assert_eq!(
            machine.ok("systemctl show --value -p MainPID k3s"),
            "2001\n"
        );
        let journal = machine.ok("journalctl -u k3s -n 1 --no-pager -o cat");
        assert_eq!(journal, "Started k3s.service (v1.35.1+k3s1).\n");
        let since = machine.ok("systemctl show -P ExecMainStartTimestamp k3s");
        assert!(since.ends_with(" UTC\n"), "{since}");
    }
}

#[test]
fn units_are_stopped_enabled_and_masked() {
    for machine in machines(Role::KubeNode, "v1.34.3") {
        let run = |line: &str| {
            let (status, output, errors) = machine.run(line);
            (status, output + &errors)
        };
        for (line, status, output) in [
            ("systemctl is-active kubelet", 0, "active\n"),
            ("systemctl is-enabled kubelet", 0, "enabled\n"),
            ("systemctl stop kubelet", 0, ""),
            ("systemctl is-active kubelet", 3, "inactive\n"),
            ("systemctl is-active -q kubelet", 3, ""),
            ("systemctl is-failed kubelet", 1, "inactive\n"),
            ("systemctl try-restart kubelet", 0, ""),
            ("systemctl is-active kubelet", 3, "inactive\n"),
            (
                "systemctl reload kubelet",
                1,
                "kubelet.service is not active, cannot reload.\n",
            ),
            ("systemctl disable kubelet", 0, ""),
            ("systemctl is-enabled kubelet", 1, "disabled\n"),
            ("systemctl mask --now kubelet", 0, ""),
            (
                "systemctl start kubelet",
                1,
                "Failed to start kubelet.service: Unit kubelet.service is masked.\n",
            ),
            (
                "systemctl show -p LoadState kubelet",
                0,
                "LoadState=masked\n",
            ),
            ("systemctl unmask kubelet", 0, ""),
            ("systemctl enable --now kubelet", 0, ""),
            (
                "systemctl is-active kubelet nothing",
                0,
                "active\ninactive\n",
            ),
            ("systemctl daemon-reload", 0, ""),
            (
                "systemctl restart nothing",
                5,
                "Failed to restart nothing.service: Unit nothing.service not found.\n",
            ),
            (
                "systemctl show -p LoadState,ActiveState,FragmentPath nothing",
                0,
                "LoadState=not-found\nActiveState=inactive\nFragmentPath=\n",
            ),
            (
                "systemctl dance kubelet",
                1,
                "Unknown command verb 'dance'.\n",
            ),
        ] {
            let answer = run(line);
            assert_eq!(
                answer,
                (status, output.to_owned()),
                "{:?} {line}",
                machine.shell
            );
        }
        assert!(machine.ok("systemctl cat kubelet").contains("ExecStart="));
        assert!(
            machine
                .ok("systemctl list-unit-files")
                .starts_with("kubelet.service")
        );
        assert!(
            machine
                .ok("systemctl status kubelet")
                .contains("Active: active (running) since")
        );
        assert!(
            machine
                .ok("systemctl show kubelet")
                .contains("\nUnitFileState=enabled\n")
        );
        assert_eq!(
            machine.ok("systemctl --version"),
            "systemd 255 (windlass lab)\n"
        );
    }
}

#[test]
fn a_binary_that_fails_or_is_gone_fails_the_unit() {
    for machine in machines(Role::KubeNode, "v1.34.3") {
        let path = machine.host.local_bin().join("kubelet");
        std::fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
        let check = || {
            let (status, output, errors) = machine.run("systemctl restart kubelet");
            assert_eq!((status, &*output), (1, ""));
            assert!(errors.starts_with("Job for kubelet.service failed because"));
            assert_eq!(
                machine.ok("systemctl show kubelet -p ActiveState,Result,MainPID"),
                "ActiveState=failed\nResult=exit-code\nMainPID=0\n"
            );
        };
        check();
        assert_eq!(machine.ok("systemctl reset-failed kubelet"), "");
        assert_eq!(machine.run("systemctl is-active kubelet").1, "inactive\n");
        std::fs::remove_file(&path).unwrap();
        check();
        machine.put(BinaryKind::Kubelet, "v1.34.4");
        assert_eq!(machine.ok("systemctl start kubelet"), "");
        assert_eq!(machine.ok("systemctl is-active kubelet"), "active\n");
    }
}

#[test]
fn a_drop_in_replaces_the_program() {
    for machine in machines(Role::KubeNode, "v1.34.3") {
        let other = machine.host.bin().join("other kubelet");
        let text = binary(BinaryKind::Kubelet, "v1.33.9");
        crate::lab::folder::write(&other, text.as_bytes(), 0o755).unwrap();
        let folder = machine.host.systemd().join("kubelet.service.d");
        std::fs::create_dir(&folder).unwrap();
        let drop_in = |flag: &str| {
            let program = other.display();
            let text = format!("[Service]\nExecStart=\nExecStart=-\"{program}\" {flag}");
            std::fs::write(folder.join("10-other.conf"), text).unwrap();
        };
        drop_in("--node-ip=192.0.2.1");
        assert_eq!(machine.ok("systemctl restart kubelet"), "");
        let journal = machine.ok("journalctl -n1 -ukubelet -ocat");
        assert_eq!(journal, "Started kubelet.service (v1.33.9).\n");

        drop_in("--x");
        let (status, _, _) = machine.run("systemctl restart kubelet");
        assert_eq!(status, 1);
        let journal = machine.ok("journalctl -ukubelet -ocat");
        assert!(journal.contains("Error: unknown flag: --x"), "{journal}");
    }
}

#[test]
fn only_a_new_version_crashes_on_start() {
    for machine in machines(Role::KubeControlPlane, "v1.34.3") {
        let fault = machine.host.faults().join("crash-on-start");
        std::fs::write(fault, "kube-apiserver=v1.34.3\nkubelet=v1.34.3\n").unwrap();
        assert_eq!(machine.ok("systemctl restart kubelet kube-apiserver"), "");
        machine.put(BinaryKind::Kubelet, "v1.35.1");
        machine.put(BinaryKind::KubeApiserver, "v1.35.1");
        // A simple service has started when its process has; one that notifies has not.
        assert_eq!(machine.ok("systemctl restart kubelet"), "");
        let (status, _, errors) = machine.run("systemctl restart kube-apiserver");
        assert_eq!(status, 1);
        assert!(errors.starts_with("Job for kube-apiserver.service failed"));
        let (status, state, _) = machine.run("systemctl is-active kubelet");
        assert_eq!(status, 3);
        assert!(["activating\n", "failed\n"].contains(&&*state));

        // The loop goes on with time: as if it had begun long ago.
        let unit = machine.host.unit("kubelet");
        let text = std::fs::read_to_string(&unit).unwrap();
        let old: String = text
            .lines()
            .map(|line| {
                if line.starts_with("Started=") {
                    "Started=1000"
                } else {
                    line
                }
            })
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(&unit, old).unwrap();
        assert_eq!(
            machine.ok("systemctl show kubelet -p ActiveState,SubState,NRestarts"),
            "ActiveState=failed\nSubState=failed\nNRestarts=5\n"
        );
        machine.put(BinaryKind::Kubelet, "v1.34.3");
        assert_eq!(machine.ok("systemctl restart kubelet"), "");
        assert_eq!(machine.ok("systemctl is-active kubelet"), "active\n");
    }
}

#[test]
fn sudo_runs_the_command_and_eats_the_password() {
    for machine in machines(Role::Plain, "v1") {
        assert_eq!(machine.ok("sudo -H -n -u root echo -u root"), "-u root\n");
        assert_eq!(machine.ok("sudo -Hn -- echo x").trim(), "x");
        assert_eq!(machine.ok("sudo -E A=b printenv A"), "b\n");
        let (status, _, errors) = machine.run("sudo -Z true");
        assert_eq!(status, 1);
        assert!(errors.contains("does not know the option -Z"));
        let script = format!(
            "printf 'secret\\nrest' | {} '{}' -S -p '' -u root cat",
            machine.shell.join(" "),
            machine.standins.join("sudo").display()
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"rest");
    }
}
