//! Hosts, groups and their variables.

use super::vars_files::VarsFolder;
use crate::source::Diagnostic;
use crate::template::Variables;
use indexmap::{IndexMap, IndexSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One host.
#[derive(Clone, Default)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// The groups that list it directly, in order; without `all`.
    pub groups: IndexSet<String>,
    /// Its own variables: from the inventory, then `host_vars` beside it, then `host_vars` beside the playbook.
    pub vars: Variables,
    /// The part of `vars` that the inventory's own text gives; `finish` makes `vars` of it.
    pub own: Variables,
    /// The file that named it first, behind `inventory_file` and `inventory_dir`; none for a list of hosts.
    pub file: Option<PathBuf>,
}

/// One group.
#[derive(Clone, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its direct hosts, in order.
    pub hosts: IndexSet<String>,
    /// Its direct child groups, in order.
    pub children: IndexSet<String>,
    /// Its own variables: from the inventory, then `group_vars` beside it, then `group_vars` beside the playbook.
    pub vars: Variables,
    /// The part of `vars` that the inventory's own text gives; `finish` makes `vars` of it.
    pub own: Variables,
    /// `ansible_group_priority`, 1 unless given: of groups on one level the higher wins.
    pub priority: i64,
}

/// All hosts and groups, with `all` and `ungrouped` among the groups.
#[derive(Clone, Default)]
pub struct Inventory {
    /// The hosts in the order they were first named.
    pub hosts: IndexMap<String, Host>,
    /// The groups in the order they were first named.
    pub groups: IndexMap<String, Group>,
    /// What `-i` named, as the user wrote it.
    pub sources: Vec<PathBuf>,
    /// Each host's variables from all its groups and itself, merged by Ansible's precedence; filled by `finish`.
    pub merged: IndexMap<String, Arc<Variables>>,
    /// What was odd but does not keep the run from starting.
    pub warnings: Vec<Diagnostic>,
    /// `group_vars` and `host_vars` beside the sources, in the order of the sources, the weakest first.
    pub beside: Vec<Arc<VarsFolder>>,
    /// `group_vars` and `host_vars` beside the playbook.
    pub playbook: Option<Arc<VarsFolder>>,
}

// Variables hold passwords, so these show names only.

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("groups", &self.groups)
            .field("vars", &self.vars.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .field("children", &self.children)
            .field("vars", &self.vars.keys())
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory")
            .field("sources", &self.sources)
            .field("hosts", &self.hosts.values())
            .field("groups", &self.groups.values())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::load;

    #[test]
    fn debug_output_shows_no_values() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = "[web]\nh ansible_password=hunter2\n[web:vars]\nkey=hunter2\n";
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let found = load(&[file.path().display().to_string()], None).unwrap();
        let debug = format!("{found:?}");
        assert!(
            debug.contains("ansible_password") && !debug.contains("hunter2"),
            "{debug}"
        );
    }
}
