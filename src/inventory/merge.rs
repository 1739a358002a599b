//! Which variable wins: Ansible's order from the inventory's `all` up to `host_vars` beside the playbook.
//!
//! This file knows the order; it must not know where variables were written.

use super::model::Inventory;
use super::vars_files::VarsFolder;
use crate::template::{Variable, Variables};
use indexmap::IndexMap;
use serde_json::Value;
use std::sync::Arc;

impl Inventory {
    /// Puts groups without a parent below `all` and hosts without a group into `ungrouped`, then works out all
    /// variables anew. Call it after changing hosts or groups.
    pub fn finish(&mut self) {
        self.ensure_group("all");
        self.ensure_group("ungrouped");
        self.adopt_groups();
        self.sort_out_ungrouped();
        self.own_variables();
        self.merged = self.merge_all();
    }

    /// Adds a host while the run goes on (`add_host`, `group_by`): new groups are made, its variables replace
    /// those of the same name that the inventory gave it. Call [`Inventory::finish`] afterwards.
    pub fn add_host(&mut self, name: &str, groups: &[String], vars: Variables) {
        self.ensure_host(name, "all");
        for group in groups {
            self.ensure_host(name, group);
        }
        if let Some(host) = self.hosts.get_mut(name) {
            host.own.extend(vars);
        }
    }

    /// Puts variables on top of all that a host has, without working anything out anew.
    pub fn overlay(&mut self, name: &str, vars: Variables) {
        if let Some(merged) = self.merged.get_mut(name) {
            Arc::make_mut(merged).extend(vars);
        }
    }

    /// Leaves only these hosts; groups stay, with fewer hosts.
    pub fn keep_only(&mut self, names: &[String]) {
        let keep = |name: &String| names.contains(name);
        self.hosts.retain(|name, _| keep(name));
        self.merged.retain(|name, _| keep(name));
        for group in self.groups.values_mut() {
            group.hosts.retain(keep);
        }
    }

    /// The variables of a host, or of the controller under a name that the inventory does not list.
    pub fn host_variables(&self, name: &str) -> Option<Arc<Variables>> {
        if let Some(merged) = self.merged.get(name) {
            return Some(merged.clone());
        }
        if !self.is_implicit_localhost(name) {
            return None;
        }
        let local = Variable::from(Value::from("local"));
        let own = Variables::from_iter([("ansible_connection".to_owned(), local)]);
        Some(Arc::new(self.merge(name, &[], &own)))
    }

    fn adopt_groups(&mut self) {
        let parents = self.parents();
        let orphans: Vec<String> = self
            .groups
            .keys()
            .filter(|name| *name != "all" && !parents.contains_key(name.as_str()))
            .cloned()
            .collect();
        if let Some(all) = self.groups.get_mut("all") {
            // `ungrouped` comes first among the children of `all`.
            let known = std::mem::take(&mut all.children);
            all.children.insert("ungrouped".to_owned());
            all.children.extend(known);
            all.children.extend(orphans);
        }
    }

    fn sort_out_ungrouped(&mut self) {
        let Some(mut ungrouped) = self.groups.shift_remove("ungrouped") else {
            return;
        };
        for (name, host) in &mut self.hosts {
            host.groups.shift_remove("ungrouped");
            if host.groups.is_empty() {
                host.groups.insert("ungrouped".to_owned());
                ungrouped.hosts.insert(name.clone());
            } else {
                ungrouped.hosts.shift_remove(name);
            }
        }
        let place = self.groups.len().min(1);
        self.groups
            .shift_insert(place, "ungrouped".to_owned(), ungrouped);
    }

    fn folders(&self) -> Vec<Arc<VarsFolder>> {
        self.beside.iter().chain(&self.playbook).cloned().collect()
    }

    fn own_variables(&mut self) {
        let folders = self.folders();
        for (name, group) in &mut self.groups {
            group.vars = group.own.clone();
            for folder in &folders {
                overlay(&mut group.vars, folder.groups.get(name));
            }
        }
        for (name, host) in &mut self.hosts {
            host.vars = host.own.clone();
            for folder in &folders {
                overlay(&mut host.vars, folder.hosts.get(name));
            }
        }
    }

    fn merge_all(&self) -> IndexMap<String, Arc<Variables>> {
        let parents = self.parents();
        let depths = self.depths();
        let rank = |name: &&str| {
            let depth = depths.get(name).copied().unwrap_or(0);
            let priority = self.groups.get(*name).map_or(1, |group| group.priority);
            (depth, priority, (*name).to_owned())
        };
        self.hosts
            .iter()
            .map(|(name, host)| {
                let mut groups: Vec<&str> = self.ancestry(name, &parents).into_iter().collect();
                groups.sort_by_cached_key(rank);
                (name.clone(), Arc::new(self.merge(name, &groups, &host.own)))
            })
            .collect()
    }

    /// The variables of one host, the weakest first; `groups` are without `all`, sorted by rank.
    fn merge(&self, host: &str, groups: &[&str], own: &Variables) -> Variables {
        let folders = self.folders();
        let mut merged = Variables::new();
        for group in std::iter::once(&"all").chain(groups) {
            overlay(&mut merged, self.groups.get(*group).map(|group| &group.own));
        }
        for folder in &folders {
            overlay(&mut merged, folder.groups.get("all"));
        }
        for folder in &folders {
            for group in groups {
                overlay(&mut merged, folder.groups.get(*group));
            }
        }
        overlay(&mut merged, Some(own));
        for folder in &folders {
            overlay(&mut merged, folder.hosts.get(host));
        }
        merged
    }
}

/// Sets all of `stronger`; values are replaced whole, as with Ansible's `hash_behaviour=replace`.
fn overlay(variables: &mut Variables, stronger: Option<&Variables>) {
    for (name, value) in stronger.into_iter().flatten() {
        variables.insert(name.clone(), value.clone());
    }
}
