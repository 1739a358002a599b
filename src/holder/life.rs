//! Whether the process of a holder still lives, as far as this machine can tell.
//!
//! A number alone says nothing: after a reboot, or in another container, it is another process's. So a holder also names
//! its machine, the boot, the space that its number counts in, and when the process was started.

use super::Holder;
use std::fs;

/// What is known of a holder's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs on this machine.
    Here,
    /// It was on this machine and is gone.
    Gone,
    /// It is on another machine, or in a container that cannot be looked into: nobody here can tell.
    Elsewhere,
}

/// Where this process is, in words that another process on the same machine finds too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) machine_id: String,
    pub(super) boot: String,
    pub(super) space: String,
}

impl Place {
    /// This machine; what it does not say stays empty.
    pub(super) fn here() -> Self {
        let read = |path: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.trim().to_owned()
        };
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Self {
            machine_id: read("/etc/machine-id"),
            boot: read("/proc/sys/kernel/random/boot_id"),
            space: space.to_string_lossy().into_owned(),
        }
    }
}

/// When process `pid` was started, in ticks since the boot (`/proc/PID/stat`, field 22); `None` when there is none.
pub(super) fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

impl Holder {
    /// Whether its process lives.
    pub fn life(&self) -> Life {
        self.life_at(&Place::here())
    }

    fn life_at(&self, here: &Place) -> Life {
        if self.machine_id.is_empty() || self.machine_id != here.machine_id {
            return Life::Elsewhere;
        }
        if self.boot != here.boot {
            return Life::Gone;
        }
        if self.space != here.space {
            return Life::Elsewhere;
        }
        match started(self.pid) {
            Some(ticks) if ticks == self.started => Life::Here,
            _ => Life::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_can_tell_whether_a_process_lives() {
        let here = Place {
            machine_id: "m".to_owned(),
            ..Place::here()
        };
        let mut holder = Holder::new("r1", "ann", "laptop");
        holder.machine_id = "m".to_owned();
        assert_eq!(holder.life_at(&here), Life::Here);
        let changed = |change: fn(&mut Holder)| {
            let mut holder = holder.clone();
            change(&mut holder);
            holder.life_at(&here)
        };
        assert_eq!(changed(|it| it.started += 1), Life::Gone);
        assert_eq!(changed(|it| it.boot = "before".to_owned()), Life::Gone);
        assert_eq!(changed(|it| it.space = "other".to_owned()), Life::Elsewhere);
        assert_eq!(
            changed(|it| it.machine_id = "n".to_owned()),
            Life::Elsewhere
        );
        assert_eq!(changed(|it| it.machine_id.clear()), Life::Elsewhere);
    }

    #[test]
    fn the_start_of_a_process_is_read_behind_its_name() {
        let own = started(std::process::id());
        assert!(own.is_some_and(|ticks| ticks > 0), "{own:?}");
        assert_eq!(started(u32::MAX), None);
    }
}
