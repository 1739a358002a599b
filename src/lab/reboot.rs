//! A host goes down and comes up again: no connection and no process survives, and services start as at boot.
//!
//! This file must not know why.

use super::fault::{self, Fault};
use super::folder;
use super::host::{HostFolder, UnitState};
use super::ssh::HostServer;
use std::io;
use std::time::Duration;

/// From the end of all processes until the host's services start.
const DOWN: Duration = Duration::from_millis(1500);

/// From its first reboot on a host has a boot id of its own, which is not this machine's.
const CAT: &str = include_str!("standin/cat.sh");

/// Takes the host down, and brings it up a moment later.
pub(super) async fn reboot(host: &HostFolder, server: &HostServer) -> io::Result<()> {
    server.go_down();
    folder::write(&host.booting(), b"", folder::PLAIN)?;
    for unit in units(host) {
        if let Some(mut state) = UnitState::read(host, &unit) {
            "inactive".clone_into(&mut state.active);
            "dead".clone_into(&mut state.sub);
            state.pid = 0;
            state.write(&host.unit(&unit))?;
        }
    }
    tokio::time::sleep(DOWN).await;
    boot(host, server).await
}

/// Goes on where a boot was interrupted by the end of the lab, if it was.
pub(super) async fn finish_boot(host: &HostFolder, server: &HostServer) -> io::Result<()> {
    if host.booting().exists() {
        boot(host, server).await?;
    }
    Ok(())
}

async fn boot(host: &HostFolder, server: &HostServer) -> io::Result<()> {
    let id = format!("{}\n", boot_id());
    folder::write(&host.boot_id(), id.as_bytes(), folder::PLAIN)?;
    folder::write(&host.bin().join("cat"), CAT.as_bytes(), folder::PROGRAM)?;
    let enabled: Vec<String> = units(host)
        .into_iter()
        .filter(|unit| {
            UnitState::read(host, unit).is_some_and(|state| state.enablement == "enabled")
        })
        .collect();
    if !enabled.is_empty() {
        // A service that does not start is no reason for the others not to, nor for the host to stay down.
        server
            .run(&format!("systemctl start {}", enabled.join(" ")))
            .await?;
    }
    std::fs::remove_file(host.booting())?;
    server.set_reachable(!fault::is_set(host, Fault::Unreachable));
    Ok(())
}

/// The units that were ever started, by name.
fn units(host: &HostFolder) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(host.units()) else {
        return Vec::new();
    };
    let mut units: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    units.sort();
    units
}

/// A random number as the kernel writes it.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").map_or_else(
        |_| format!("{:?}", std::time::SystemTime::now()),
        |text| text.trim().to_owned(),
    )
}
