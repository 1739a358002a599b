//! What the hosts of a lab are like now, for people.
//!
//! This file must not know whether the lab runs.

use super::error::LabError;
use super::fault::{self, Fault};
use super::folder::LabFolder;
use super::host::{LabHostConfig, Role, UnitState};
use super::standin::BinaryKind;
use std::path::Path;

/// One host of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatus {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The binaries that it has.
    pub binaries: Vec<BinaryStatus>,
    /// The units that such a host has.
    pub units: Vec<UnitStatus>,
    /// The faults that are set.
    pub faults: Vec<Fault>,
}

/// A binary of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryStatus {
    /// File name, such as `kubelet`.
    pub name: &'static str,
    /// Its version; `None` when it is not one of the lab's own binaries.
    pub version: Option<String>,
}

/// A unit of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitStatus {
    /// Name without `.service`.
    pub name: &'static str,
    /// As systemd says it: `active`, `inactive`, `activating`, `failed`.
    pub active: String,
    /// As systemd says it: `running`, `dead`, `auto-restart`, `failed`.
    pub sub: String,
    /// The version of the binary when the unit was last started.
    pub version: String,
    /// How often systemd restarted it by itself.
    pub restarts: u64,
}

/// The hosts that the lab in this folder had in its last run; none where no lab ever ran.
pub fn status(folder: &Path) -> Result<Vec<HostStatus>, LabError> {
    let folder = LabFolder::new(folder)?;
    let hosts = folder.read_record()?;
    Ok(hosts.iter().map(|host| of(&folder, host)).collect())
}

/// The status of one host.
pub(in crate::lab) fn of(lab: &LabFolder, config: &LabHostConfig) -> HostStatus {
    let host = lab.host(&config.name);
    let binaries = BinaryKind::ALL.into_iter().filter_map(|kind| {
        let text = std::fs::read(host.local_bin().join(kind.file_name())).ok()?;
        Some(BinaryStatus {
            name: kind.file_name(),
            version: BinaryKind::version_of(&text),
        })
    });
    let units = config.role.units().iter().map(|unit| {
        let state = UnitState::read(&host, unit.name).unwrap_or_default();
        UnitStatus {
            name: unit.name,
            active: state.active,
            sub: state.sub,
            version: state.version,
            restarts: state.restarts,
        }
    });
    HostStatus {
        name: config.name.clone(),
        role: config.role,
        binaries: binaries.collect(),
        units: units.collect(),
        faults: fault::of(&host),
    }
}
