//! Faults by name, for tests and for users who want to see a rollback.
//!
//! A fault of a host is a file in its folder, so that another process can set it while the lab runs and a stand-in can
//! read it. The file holds, one line each, `UNIT=VERSION` for every unit at the time the fault was set: some faults
//! strike only a version that is new since then. So a host that goes back to its old version is well again.

use super::control::{self, Message};
use super::error::LabError;
use super::folder::{self, LabFolder};
use super::host::{HostFolder, UnitState};
use std::collections::HashMap;
use std::path::Path;

/// Something that is wrong with a lab host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A service whose binary has another version than now crashes when it is started.
    CrashOnStart,
    /// The node does not become Ready while its kubelet has another version than now.
    NeverReady,
    /// A disruption budget refuses all evictions from the node.
    BudgetBlocked,
    /// The next restart of a unit loses the host's SSH connections; it completes on the host. Happens once.
    DropConnection,
    /// The host's SSH port is closed.
    Unreachable,
}

/// Faults that the lab is to have later.
const NOT_THERE: [&str; 9] = [
    "stale-heartbeat",
    "wrong-version",
    "budget-clears-after",
    "two-budgets",
    "stuck-terminating",
    "disk-full",
    "reboot",
    "slow-shell",
    "refuse-forwarding",
];

impl Fault {
    /// All faults, in the order of their names.
    pub const ALL: [Self; 5] = [
        Self::BudgetBlocked,
        Self::CrashOnStart,
        Self::DropConnection,
        Self::NeverReady,
        Self::Unreachable,
    ];

    /// The fault's name, which is also its file's.
    pub fn name(self) -> &'static str {
        match self {
            Self::CrashOnStart => "crash-on-start",
            Self::NeverReady => "never-ready",
            Self::BudgetBlocked => "budget-blocked",
            Self::DropConnection => "drop-connection",
            Self::Unreachable => "unreachable",
        }
    }

    /// The fault of this name.
    pub fn from_name(name: &str) -> Result<Self, LabError> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| {
                if NOT_THERE.contains(&name) {
                    LabError::FaultNotThere(name.to_owned())
                } else {
                    LabError::UnknownFault(name.to_owned())
                }
            })
    }

    /// The names of all faults for a message.
    pub(in crate::lab) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// Sets a fault of a host. It holds from now on, whether a process runs this lab or not.
pub fn set_fault(lab: &Path, host: &str, fault: Fault) -> Result<(), LabError> {
    let lab = LabFolder::new(lab)?;
    let folder = lab.existing_host(host)?;
    let path = folder.faults().join(fault.name());
    let what = format!("cannot write {}", path.display());
    folder::write(&path, now_running(&folder).as_bytes(), folder::PLAIN)
        .map_err(LabError::io(what))?;
    tell(&lab, host)
}

/// Clears a fault of a host; one that is not set is fine.
pub fn clear_fault(lab: &Path, host: &str, fault: Fault) -> Result<(), LabError> {
    let lab = LabFolder::new(lab)?;
    let path = lab.existing_host(host)?.faults().join(fault.name());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let what = format!("cannot remove {}", path.display());
            return Err(LabError::io(what)(error));
        }
        _ => {}
    }
    tell(&lab, host)
}

/// The faults that a host has now, in the order of their names.
pub fn faults(lab: &Path, host: &str) -> Result<Vec<Fault>, LabError> {
    let folder = LabFolder::new(lab)?.existing_host(host)?;
    Ok(of(&folder))
}

/// The faults of a host by its folder.
pub(in crate::lab) fn of(host: &HostFolder) -> Vec<Fault> {
    Fault::ALL
        .into_iter()
        .filter(|fault| is_set(host, *fault))
        .collect()
}

/// Whether the host has this fault.
pub(in crate::lab) fn is_set(host: &HostFolder, fault: Fault) -> bool {
    host.faults().join(fault.name()).exists()
}

/// The versions of the units when the fault was set; `None` when it is not set.
pub(in crate::lab) fn versions(host: &HostFolder, fault: Fault) -> Option<HashMap<String, String>> {
    let text = std::fs::read_to_string(host.faults().join(fault.name())).ok()?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Some(
        pairs
            .map(|(unit, version)| (unit.to_owned(), version.to_owned()))
            .collect(),
    )
}

fn now_running(host: &HostFolder) -> String {
    let Ok(entries) = std::fs::read_dir(host.units()) else {
        return String::new();
    };
    let mut lines: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|unit| {
            let state = UnitState::read(host, &unit)?;
            Some(format!("{unit}={}\n", state.version))
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn tell(lab: &LabFolder, host: &str) -> Result<(), LabError> {
    let path = lab.control();
    let what = format!("cannot write to {}", path.display());
    control::tell(&path, &Message::Faults(host.to_owned())).map_err(LabError::io(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::host::{LabHostConfig, Observer, Role, provision};

    #[test]
    fn names_are_known_planned_or_wrong() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()).unwrap(), fault);
        }
        let known = "budget-blocked, crash-on-start, drop-connection, never-ready, unreachable";
        for (name, message) in [
            (
                "reboot",
                "the fault \"reboot\" is not there yet; there are ",
            ),
            ("rebot", "the lab has no fault \"rebot\"; there are "),
        ] {
            let error = Fault::from_name(name).unwrap_err();
            assert_eq!(error.to_string(), format!("{message}{known}"));
        }
    }

    #[test]
    fn faults_are_set_and_cleared_without_a_running_lab() {
        let place = tempfile::tempdir().unwrap();
        let lab = LabFolder::new(place.path()).unwrap();
        let hosts = [LabHostConfig {
            name: "node1".to_owned(),
            role: Role::KubeNode,
            version: Some("v1.34.3".to_owned()),
        }];
        lab.write_record(&hosts).unwrap();
        let host = lab.host("node1");
        provision(&host, &hosts[0]).unwrap();
        let observer = Observer::new(lab, &hosts);

        set_fault(place.path(), "node1", Fault::NeverReady).unwrap();
        set_fault(place.path(), "node1", Fault::BudgetBlocked).unwrap();
        assert_eq!(
            faults(place.path(), "node1").unwrap(),
            [Fault::BudgetBlocked, Fault::NeverReady]
        );
        let seen = observer.observe("node1");
        assert!(seen.budget_blocked && seen.kubelet_running && !seen.never_ready);
        assert!(!seen.api_running && seen.kubelet_started.is_some());

        let newer = UnitState::running("v1.35.1", 1002);
        newer.write(&host.unit("kubelet")).unwrap();
        let seen = observer.observe("node1");
        assert!(seen.never_ready);
        assert_eq!(seen.kubelet_version, "v1.35.1");

        clear_fault(place.path(), "node1", Fault::NeverReady).unwrap();
        clear_fault(place.path(), "node1", Fault::NeverReady).unwrap();
        assert!(!observer.observe("node1").never_ready);
        assert!(matches!(
            set_fault(place.path(), "node9", Fault::Unreachable),
            Err(LabError::UnknownHost(_))
        ));
    }
}
