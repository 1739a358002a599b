//! Making a host: folders, binaries and unit files of its first version.
//!
//! This happens once. What a host has become later is its own, and a second run of the lab does not touch it. This file
//! must not know what happens on the host afterwards.

use super::config::{LabHostConfig, Role, RoleUnit};
use super::layout::HostFolder;
use super::unit::UnitState;
use crate::lab::folder;
use crate::lab::machine_id::machine_id;
use crate::lab::standin::{K3S_KILLALL, binary};
use std::io;
use std::path::Path;

/// Number of the first main process of a host.
const FIRST_PID: u32 = 1001;
/// Ends all of k3s on a host, containers too.
const KILLALL: &str = "k3s-killall.sh";
/// For how long the services of a new host have run, in milliseconds.
const UPTIME: u64 = 3_600_000;

/// Makes the host if it is not there; an incomplete one, or one that was something else, gets what is missing.
pub(in crate::lab) fn provision(host: &HostFolder, config: &LabHostConfig) -> io::Result<()> {
    // Before the mark, so that a host that was made by an older lab gets it too.
    std::fs::create_dir_all(host.systemd())?;
    let id = format!("{}\n", machine_id(&config.name));
    write_new(&host.root().join("etc/machine-id"), &id, folder::PLAIN)?;
    let mark = mark(config.role);
    if std::fs::read(host.provisioned()).is_ok_and(|text| text == mark.as_bytes()) {
        return Ok(());
    }
    for path in host.all() {
        std::fs::create_dir_all(path)?;
    }
    if matches!(config.role, Role::K3sServer | Role::K3sAgent) {
        k3s_files(host, config.role)?;
    }
    // A plain host has no units and may do without a version.
    let kubernetes = config.version.as_deref().unwrap_or_default();
    for kind in config.role.tools() {
        let program = host.local_bin().join(kind.file_name());
        let version = kind.version_beside(kubernetes);
        write_new(&program, &binary(*kind, version), folder::PROGRAM)?;
    }
    if config.role == Role::KubeadmControlPlane {
        static_pods(host, kubernetes)?;
    }
    for (unit, pid) in config.role.units().iter().zip(FIRST_PID..) {
        let program = host.local_bin().join(unit.binary.file_name());
        let version = unit.binary.version_beside(kubernetes);
        write_new(&program, &binary(unit.binary, version), folder::PROGRAM)?;
        let file = host.systemd().join(format!("{}.service", unit.name));
        write_new(&file, &unit_file(unit, &program), folder::PLAIN)?;
        let state = host.unit(unit.name);
        if !state.exists() {
            running_for_long(version, pid).write(&state)?;
        }
    }
    folder::write(&host.provisioned(), mark.as_bytes(), folder::PLAIN)
}

/// By this a host is known that has all that such a host has; one that was made by an older lab lacks a unit.
fn mark(role: Role) -> String {
    let units = role.units().iter().map(|unit| unit.name);
    let killall = matches!(role, Role::K3sServer | Role::K3sAgent).then_some(KILLALL);
    let names: Vec<_> = units
        .chain(role.tools().iter().map(|kind| kind.file_name()))
        .chain(killall)
        .collect();
    format!("{role:?} {}\n", names.join(" "))
}

/// What k3s keeps beside its binary. The secrets are the lab's own and open nothing.
fn k3s_files(host: &HostFolder, role: Role) -> io::Result<()> {
    let killall = host.local_bin().join(KILLALL);
    write_new(&killall, K3S_KILLALL, folder::PROGRAM)?;
    if role == Role::K3sServer {
        let server = host.k3s_data().join("server");
        for folder in ["db/etcd", "cred", "tls"] {
            // By the first one knows that the datastore is embedded etcd.
            std::fs::create_dir_all(server.join(folder))?;
        }
        for (name, text) in [
            ("token", "K10lab::server:the-labs-own-token\n"),
            ("cred/passwd", "the-labs-own-password,server,server\n"),
            ("tls/service.key", "the lab's own key\n"),
        ] {
            write_new(&server.join(name), text, folder::PRIVATE)?;
        }
    }
    Ok(())
}

/// The manifests of a control plane of kubeadm's.
fn static_pods(host: &HostFolder, version: &str) -> io::Result<()> {
    let manifests = host.kubernetes().join("manifests");
    std::fs::create_dir_all(&manifests)?;
    for name in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: kube-system\nspec:\n  \
             containers:\n  - name: {name}\n    command:\n    - {name}\n    \
             image: registry.k8s.io/{name}:{version}\n  hostNetwork: true\n"
        );
        write_new(
            &manifests.join(format!("{name}.yaml")),
            &text,
            folder::PRIVATE,
        )?;
    }
    Ok(())
}

/// A service of a host that was there before the lab: its node is Ready at once.
fn running_for_long(version: &str, pid: u32) -> UnitState {
    let mut state = UnitState::running(version, pid);
    state.started = state.started.map(|now| now.saturating_sub(UPTIME));
    state
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    folder::write(path, text.as_bytes(), mode)
}

fn unit_file(unit: &RoleUnit, program: &Path) -> String {
    let RoleUnit {
        name, arguments, ..
    } = unit;
    let kind = if unit.notifies { "notify" } else { "simple" };
    // In quotes, as systemd wants it, because a lab's folder may have spaces in its name.
    let program = program.display();
    format!(
        "[Unit]\nDescription={name} of a windlass lab host\n\n[Service]\nType={kind}\n\
         ExecStart=\"{program}\"{arguments}\nRestart=always\nRestartSec=10\n\n[Install]\nWantedBy=multi-user.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(role: Role, version: &str) -> LabHostConfig {
        LabHostConfig {
            name: "web".to_owned(),
            role,
            version: Some(version.to_owned()),
        }
    }

    #[test]
    fn a_host_is_made_once_and_then_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = HostFolder::new(place.path().to_owned());
        provision(&folder, &host(Role::KubeControlPlane, "v1.34.3")).unwrap();
        let kubelet = folder.local_bin().join("kubelet");
        assert!(
            std::fs::read_to_string(&kubelet)
                .unwrap()
                .contains("\nVERSION=v1.34.3\n")
        );
        for (unit, version) in [
            ("kubelet", "v1.34.3"),
            ("kube-apiserver", "v1.34.3"),
            ("kube-scheduler", "v1.34.3"),
            ("etcd", "v3.6.6"),
        ] {
            let state = UnitState::read(&folder, unit).unwrap();
            assert!(state.is_running());
            assert_eq!(state.version, version);
        }
        let text = std::fs::read_to_string(folder.systemd().join("kubelet.service")).unwrap();
        assert!(text.contains(&format!("ExecStart=\"{}\"\n", kubelet.display())));

        std::fs::write(&kubelet, "mine").unwrap();
        provision(&folder, &host(Role::KubeControlPlane, "v1.35.0")).unwrap();
        assert_eq!(std::fs::read_to_string(&kubelet).unwrap(), "mine");
    }

    #[test]
    fn a_host_that_becomes_something_else_gets_what_is_missing() {
        let place = tempfile::tempdir().unwrap();
        let folder = HostFolder::new(place.path().to_owned());
        provision(&folder, &host(Role::KubeNode, "v1.34.3")).unwrap();
        assert!(!folder.local_bin().join("kube-apiserver").exists());
        provision(&folder, &host(Role::KubeControlPlane, "v1.34.4")).unwrap();
        assert!(folder.local_bin().join("kube-apiserver").exists());
        assert_eq!(
            UnitState::read(&folder, "kubelet").unwrap().version,
            "v1.34.3"
        );
    }
}
