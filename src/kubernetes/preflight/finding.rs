//! What a check found: which group it belongs to, whether it blocks, what is wrong, and what to do about it.

use serde::{Deserialize, Serialize};

/// What a check is about. The names are what `preflight_ignore` takes; the order is the report's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The host itself: login, disk, clock, systemd, the path of what its units start.
    Host,
    /// The inventory's hosts against the cluster's nodes.
    Inventory,
    /// Readiness, cordons, runs of ours that did not end, reboots that are due.
    Nodes,
    /// Versions, and the skew between them on the way to the target.
    Versions,
    /// The API servers, the controller manager and the scheduler.
    Api,
    /// Members, alarms and version of etcd.
    Etcd,
    /// Whether a snapshot of the datastore can be taken and verified.
    Backup,
    /// Objects of the cluster that the target does not serve, and those that stop others from being made.
    Objects,
    /// What the drain of each node would meet.
    Drain,
    /// Certificates that end soon.
    Certificates,
    /// Swap, cgroups, container runtime, flags that the target does not know.
    Runtime,
    /// Whether pods can be made at all.
    Admission,
    /// The binaries of the target, with their checksums.
    Artifacts,
}

impl Group {
    /// All groups, in the order of the report.
    pub const ALL: [Self; 13] = [
        Self::Host,
        Self::Inventory,
        Self::Nodes,
        Self::Versions,
        Self::Api,
        Self::Etcd,
        Self::Backup,
        Self::Objects,
        Self::Drain,
        Self::Certificates,
        Self::Runtime,
        Self::Admission,
        Self::Artifacts,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Inventory => "inventory",
            Self::Nodes => "nodes",
            Self::Versions => "versions",
            Self::Api => "api",
            Self::Etcd => "etcd",
            Self::Backup => "backup",
            Self::Objects => "objects",
            Self::Drain => "drain",
            Self::Certificates => "certificates",
            Self::Runtime => "runtime",
            Self::Admission => "admission",
            Self::Artifacts => "artifacts",
        }
    }
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is upgraded.
    Block,
    /// It is said.
    Warn,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub group: Group,
    /// The check's own name within its group, such as `disk-space`; `preflight_ignore` takes it too.
    pub id: String,
    /// What follows.
    pub severity: Severity,
    /// The host or node; empty when it is the whole cluster's.
    #[serde(default)]
    pub host: String,
    /// What is wrong, without the host's name, so that hosts with the same trouble can be joined.
    pub what: String,
    /// What to do.
    pub todo: String,
}

impl Finding {
    /// Something that must not be upgraded over.
    pub fn block(group: Group, id: &str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            group,
            id: id.to_owned(),
            severity: Severity::Block,
            host: String::new(),
            what: what.into(),
            todo: todo.into(),
        }
    }

    /// Something that a person should know.
    pub fn warn(group: Group, id: &str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warn,
            ..Self::block(group, id, what, todo)
        }
    }

    /// The same, on a host.
    #[must_use]
    pub fn on(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The same, as a warning unless `blocks`.
    #[must_use]
    pub fn blocking(mut self, blocks: bool) -> Self {
        self.severity = if blocks {
            Severity::Block
        } else {
            Severity::Warn
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_finding_goes_to_json_and_back_under_the_names_of_the_groups() {
        for group in Group::ALL {
            assert_eq!(json!(group), json!(group.name()));
        }
        let finding = Finding::block(Group::Etcd, "alarm", "etcd raises NOSPACE", "defragment it")
            .on("etcd1");
        let value = json!({
            "group": "etcd", "id": "alarm", "severity": "block", "host": "etcd1",
            "what": "etcd raises NOSPACE", "todo": "defragment it",
        });
        assert_eq!(json!(finding), value);
        assert_eq!(serde_json::from_value::<Finding>(value).unwrap(), finding);
    }
}
