//! The state of a unit, as the `systemctl` stand-in keeps it: lines of `NAME=value` in `run/units/UNIT`.
//!
//! The stand-in and this file must agree on the names and on how a crash loop goes on. This file must not know what the
//! units are for.

use super::layout::HostFolder;
use crate::lab::folder;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds between two starts of a crashing service; the stand-in has the same number.
const CRASH_STEP: u64 = 400;
/// Starts after which systemd gives up; the stand-in has the same number.
const CRASH_LIMIT: u64 = 5;

/// What systemd knows about a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::lab) struct UnitState {
    /// `active`, `inactive`, `activating`, `failed`.
    pub(in crate::lab) active: String,
    /// `running`, `dead`, `auto-restart`, `failed`.
    pub(in crate::lab) sub: String,
    /// The version of the binary when the unit was last started.
    pub(in crate::lab) version: String,
    /// The older version that it was told to behave as, such as `1.34`; empty for none.
    pub(in crate::lab) emulated: String,
    /// Number of the main process; 0 when there is none.
    pub(in crate::lab) pid: u32,
    /// How often systemd has restarted it by itself.
    pub(in crate::lab) restarts: u64,
    /// When it was last started, in milliseconds since 1970.
    pub(in crate::lab) started: Option<u64>,
    /// `enabled`, `disabled` or `masked`.
    pub(in crate::lab) enablement: String,
}

impl UnitState {
    /// A unit that runs since now.
    pub(in crate::lab) fn running(version: &str, pid: u32) -> Self {
        Self {
            active: "active".to_owned(),
            sub: "running".to_owned(),
            version: version.to_owned(),
            emulated: String::new(),
            pid,
            restarts: 0,
            started: Some(now()),
            enablement: "enabled".to_owned(),
        }
    }

    /// The state of a unit of this host; `None` when the unit was never started.
    pub(in crate::lab) fn read(host: &HostFolder, unit: &str) -> Option<Self> {
        let text = std::fs::read_to_string(host.unit(unit)).ok()?;
        Some(Self::parse(&text, now()))
    }

    /// Whether its main process runs.
    pub(in crate::lab) fn is_running(&self) -> bool {
        self.active == "active"
    }

    /// Writes the state for the stand-in to go on with.
    pub(in crate::lab) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = format!(
            "ActiveState={}\nSubState={}\nResult=success\nMainPID={}\nVersion={}\n",
            self.active, self.sub, self.pid, self.version
        );
        if let Some(started) = self.started {
            // Writing to a string cannot fail.
            writeln!(text, "Started={started}").ok();
        }
        writeln!(text, "UnitFileState={}", self.enablement).ok();
        folder::write(path, text.as_bytes(), folder::PLAIN)
    }

    fn parse(text: &str, now: u64) -> Self {
        let mut state = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "ActiveState" => value.clone_into(&mut state.active),
                "SubState" => value.clone_into(&mut state.sub),
                "Version" => value.clone_into(&mut state.version),
                "Emulated" => value.clone_into(&mut state.emulated),
                "MainPID" => state.pid = value.parse().unwrap_or_default(),
                "Started" => state.started = value.parse().ok(),
                "UnitFileState" => value.clone_into(&mut state.enablement),
                _ => {}
            }
        }
        if state.sub == "auto-restart" {
            let passed = now.saturating_sub(state.started.unwrap_or_default());
            state.restarts = (passed / CRASH_STEP).min(CRASH_LIMIT);
            if state.restarts == CRASH_LIMIT {
                "failed".clone_into(&mut state.active);
                "failed".clone_into(&mut state.sub);
            }
        }
        state
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| {
            u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let place = tempfile::tempdir().unwrap();
        let host = HostFolder::new(place.path().to_owned());
        std::fs::create_dir_all(host.units()).unwrap();
        assert_eq!(UnitState::read(&host, "kubelet"), None);
        let state = UnitState::running("v1.34.3+k3s1", 1001);
        state.write(&host.unit("kubelet")).unwrap();
        assert_eq!(UnitState::read(&host, "kubelet"), Some(state));
    }

    #[test]
    fn a_crash_loop_goes_on_by_itself_and_ends_as_failed() {
        let text = "ActiveState=activating\nSubState=auto-restart\nStarted=1000\nVersion=v2\n";
        let at = |now| {
            let state = UnitState::parse(text, now);
            (state.active, state.sub, state.restarts)
        };
        let look =
            |active: &str, sub: &str, restarts| (active.to_owned(), sub.to_owned(), restarts);
        assert_eq!(at(1000), look("activating", "auto-restart", 0));
        assert_eq!(at(2000), look("activating", "auto-restart", 2));
        assert_eq!(at(9000), look("failed", "failed", 5));
    }
}
