//! The holder itself, as it is written down and as it is read out.

use super::life::{Place, started};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who holds a lock. What older versions did not write is empty.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// The process.
    pub pid: u32,
    /// The user's login name.
    pub user: String,
    /// When it was taken, by the clock of the holder's machine.
    pub since: Timestamp,
    /// The host name of the machine that the process runs on.
    #[serde(default)]
    pub machine: String,
    /// What is run: the playbooks, or `rollback of RUN`.
    #[serde(default)]
    pub what: String,
    /// The inventory sources, as they were given.
    #[serde(default)]
    pub inventory: String,
    /// `/etc/machine-id`.
    #[serde(default)]
    pub(super) machine_id: String,
    /// The boot that the process belongs to.
    #[serde(default)]
    pub(super) boot: String,
    /// The space that the process's number counts in.
    #[serde(default)]
    pub(super) space: String,
    /// When the process was started, in ticks since the boot.
    #[serde(default)]
    pub(super) started: u64,
}

impl Holder {
    /// This process as the holder for `run`, from now on.
    pub fn new(run: &str, user: &str, machine: &str) -> Self {
        let pid = std::process::id();
        let place = Place::here();
        Self {
            run: run.to_owned(),
            pid,
            user: user.to_owned(),
            since: Timestamp::now(),
            machine: machine.to_owned(),
            what: String::new(),
            inventory: String::new(),
            machine_id: place.machine_id,
            boot: place.boot,
            space: place.space,
            started: started(pid).unwrap_or_default(),
        }
    }

    /// `run 20261121-070312-4f1c2a of ann on laptop (process 7, playbooks/upgrade.yml)`.
    pub fn who(&self) -> String {
        let mut text = format!("run {} of {}", self.run, self.user);
        if !self.machine.is_empty() {
            text += " on ";
            text += &self.machine;
        }
        text += " (process ";
        text += &self.pid.to_string();
        if !self.what.is_empty() {
            text += ", ";
            text += &self.what;
        }
        text.push(')');
        text
    }

    /// `2026-11-21 07:03:12 UTC`.
    pub fn since_text(&self) -> String {
        self.since.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// How long it has been held, by this machine's clock; nothing when the clocks disagree about the future.
    pub fn held_for(&self) -> Duration {
        let held = Timestamp::now().duration_since(self.since);
        Duration::try_from(held).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_of_an_older_version_is_read() {
        let text = r#"{"run":"r1","pid":7,"user":"ann","since":"1970-01-01T00:00:00Z"}"#;
        let old: Holder = serde_json::from_str(text).unwrap();
        assert_eq!(old.who(), "run r1 of ann (process 7)");
        assert_eq!(old.since_text(), "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn a_holder_says_who_where_and_what() {
        let mut holder = Holder::new("r1", "ann", "laptop");
        holder.pid = 7;
        holder.what = "upgrade.yml".to_owned();
        assert_eq!(
            holder.who(),
            "run r1 of ann on laptop (process 7, upgrade.yml)"
        );
        let again: Holder = serde_json::from_str(&serde_json::to_string(&holder).unwrap()).unwrap();
        assert_eq!(again, holder);
    }
}
