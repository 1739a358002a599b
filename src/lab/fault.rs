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
///
/// Those that strike a *new version* strike a unit whose binary has another version than when the fault was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A disruption budget refuses all evictions from the node.
    BudgetBlocked,
    /// The same, but some seconds after its first refusal the budget allows everything.
    BudgetClearsAfter,
    /// A service of a new version crashes when it is started.
    CrashOnStart,
    /// The host's disk is all but full: small files fit, and whatever grows beyond 16 KiB fails in the middle. The system
    /// says `File too large` where a full disk says `No space left on device`, since a process can limit itself only so.
    DiskFull,
    /// The next restart of a unit loses the host's SSH connections; it completes on the host. Happens once.
    DropConnection,
    /// The start of a service of a new version never returns.
    HangOnStart,
    /// The node does not become Ready while its kubelet has a new version.
    NeverReady,
    /// The next restart of a unit reboots the host instead. Happens once.
    Reboot,
    /// The host refuses to forward connections, to an API server or elsewhere.
    RefuseForwarding,
    /// Every new shell takes a second, as with slow start-up files.
    SlowShell,
    /// The node stays Ready while its kubelet has a new version, but its heartbeat and lease do not move.
    StaleHeartbeat,
    /// A pod on the node can be evicted, but a finalizer keeps it Terminating for ever.
    StuckTerminating,
    /// Two disruption budgets cover one pod on the node, so the API server cannot evict it.
    TwoBudgets,
    /// The host's SSH port is closed.
    Unreachable,
    /// The kubelet says the version that it had when the fault was set, whatever runs.
    WrongVersion,
}

impl Fault {
    /// All faults, in the order of their names.
    pub const ALL: [Self; 15] = [
        Self::BudgetBlocked,
        Self::BudgetClearsAfter,
        Self::CrashOnStart,
        Self::DiskFull,
        Self::DropConnection,
        Self::HangOnStart,
        Self::NeverReady,
        Self::Reboot,
        Self::RefuseForwarding,
        Self::SlowShell,
        Self::StaleHeartbeat,
        Self::StuckTerminating,
        Self::TwoBudgets,
        Self::Unreachable,
        Self::WrongVersion,
    ];

    /// The fault's name, which is also its file's.
    pub fn name(self) -> &'static str {
        match self {
            Self::BudgetBlocked => "budget-blocked",
            Self::BudgetClearsAfter => "budget-clears-after",
            Self::CrashOnStart => "crash-on-start",
            Self::DiskFull => "disk-full",
            Self::DropConnection => "drop-connection",
            Self::HangOnStart => "hang-on-start",
            Self::NeverReady => "never-ready",
            Self::Reboot => "reboot",
            Self::RefuseForwarding => "refuse-forwarding",
            Self::SlowShell => "slow-shell",
            Self::StaleHeartbeat => "stale-heartbeat",
            Self::StuckTerminating => "stuck-terminating",
            Self::TwoBudgets => "two-budgets",
            Self::Unreachable => "unreachable",
            Self::WrongVersion => "wrong-version",
        }
    }

    /// The fault of this name.
    pub fn from_name(name: &str) -> Result<Self, LabError> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| LabError::UnknownFault(name.to_owned()))
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
    fn names_are_known_or_wrong() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()).unwrap(), fault);
        }
        assert!(Fault::ALL.is_sorted_by_key(|fault| fault.name()));
        let message = Fault::from_name("rebot").unwrap_err().to_string();
        assert!(
            message.starts_with("the lab has no fault \"rebot\"; there are budget-blocked, "),
            "{message}"
        );
    }

    #[test]
    fn a_new_version_may_stay_silent_or_lie_about_itself() {
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
        set_fault(place.path(), "node1", Fault::StaleHeartbeat).unwrap();
        set_fault(place.path(), "node1", Fault::WrongVersion).unwrap();
        assert!(!observer.observe("node1").stale_heartbeat);

        UnitState::running("v1.35.1", 1002)
            .write(&host.unit("kubelet"))
            .unwrap();
        let seen = observer.observe("node1");
        assert!(seen.stale_heartbeat && seen.kubelet_running);
        assert_eq!(seen.kubelet_version, "v1.34.3");
        clear_fault(place.path(), "node1", Fault::WrongVersion).unwrap();
        assert_eq!(observer.observe("node1").kubelet_version, "v1.35.1");
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
