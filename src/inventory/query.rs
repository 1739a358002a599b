//! Who is in which group.
//!
//! This file answers questions; it must not change the inventory.

use super::model::Inventory;
use indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;

/// Names that mean the controller itself when the inventory does not list them.
pub(super) const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

impl Inventory {
    /// All groups that `host` is in, through however many levels, sorted, without `all`: the value of `group_names`.
    pub fn groups_of(&self, host: &str) -> Vec<String> {
        let parents = self.parents();
        let mut names: Vec<String> = self
            .ancestry(host, &parents)
            .into_iter()
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// The hosts of `group` and of all groups below it, each once; the group's own hosts come first.
    pub fn hosts_in(&self, group: &str) -> Vec<String> {
        let mut hosts: IndexSet<&String> = IndexSet::new();
        for name in self.descendants(group) {
            if let Some(group) = self.groups.get(name) {
                hosts.extend(&group.hosts);
            }
        }
        hosts.into_iter().cloned().collect()
    }

    /// The magic variable `groups`: each group with all hosts in it.
    pub fn groups_map(&self) -> IndexMap<String, Vec<String>> {
        self.groups
            .keys()
            .map(|name| (name.clone(), self.hosts_in(name)))
            .collect()
    }

    /// Whether `name` stands for the controller without being listed.
    pub fn is_implicit_localhost(&self, name: &str) -> bool {
        LOCALHOST.contains(&name) && !self.hosts.contains_key(name)
    }

    /// Whether the group `name` is below the group `above`.
    pub(super) fn is_below(&self, name: &str, above: &str) -> bool {
        name != above && self.descendants(above).contains(name)
    }

    /// The group and all groups below it, level by level.
    pub(super) fn descendants<'a>(&'a self, group: &'a str) -> IndexSet<&'a str> {
        let mut found: IndexSet<&str> = IndexSet::new();
        found.insert(group);
        let mut next = 0;
        while let Some(name) = found.get_index(next).copied() {
            if let Some(group) = self.groups.get(name) {
                found.extend(group.children.iter().map(String::as_str));
            }
            next += 1;
        }
        found
    }

    /// The direct parents of each group.
    pub(super) fn parents(&self) -> HashMap<&str, Vec<&str>> {
        let mut parents: HashMap<&str, Vec<&str>> = HashMap::new();
        for group in self.groups.values() {
            for child in &group.children {
                parents.entry(child).or_default().push(&group.name);
            }
        }
        parents
    }

    /// All groups above `host`, without `all`.
    pub(super) fn ancestry<'a>(
        &'a self,
        host: &str,
        parents: &HashMap<&'a str, Vec<&'a str>>,
    ) -> IndexSet<&'a str> {
        let mut found: IndexSet<&str> = self
            .hosts
            .get(host)
            .map(|host| host.groups.iter().map(String::as_str).collect())
            .unwrap_or_default();
        let mut next = 0;
        while let Some(name) = found.get_index(next).copied() {
            found.extend(parents.get(name).into_iter().flatten());
            next += 1;
        }
        found.shift_remove("all");
        found
    }

    /// How far each group is below `all`, by the longest way.
    pub(super) fn depths(&self) -> HashMap<&str, usize> {
        let mut depths: HashMap<&str, usize> =
            self.groups.keys().map(|name| (name.as_str(), 0)).collect();
        // The groups form no circle, so as many rounds as there are groups settle all ways.
        for _ in 0..self.groups.len() {
            let mut changed = false;
            for group in self.groups.values() {
                let below = depths.get(group.name.as_str()).copied().unwrap_or(0) + 1;
                for child in &group.children {
                    if let Some(depth) = depths.get_mut(child.as_str())
                        && *depth < below
                    {
                        *depth = below;
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        depths
    }
}
