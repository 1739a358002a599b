//! The hosts that a pattern means.
//!
//! This file knows how parts of a pattern work together; it must not know their notation.

use super::model::Inventory;
use super::pattern::{Matcher, Operator, Part, Pattern, PatternError, Subscript};
use super::query::LOCALHOST;
use crate::source::did_you_mean;
use indexmap::IndexSet;
use std::fmt;

/// The hosts that a pattern means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Their names, in order, each once.
    pub hosts: Vec<String>,
    /// Parts of the pattern that match no host and no group.
    pub unmatched: Vec<Unmatched>,
}

/// A part of a pattern that matches nothing. Its text is Ansible's warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The part, without `&` or `!`.
    pub part: String,
    /// The host or group that may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Could not match supplied host pattern, ignoring: {}",
            self.part
        )
    }
}

impl Inventory {
    /// The hosts of `pattern`, without those that `limit` leaves out.
    ///
    /// The controller is selected by `localhost`, `127.0.0.1` or `::1` even if the inventory does not list it.
    pub fn select(
        &self,
        pattern: &Pattern,
        limit: Option<&Pattern>,
    ) -> Result<Selection, PatternError> {
        let mut unmatched = Vec::new();
        let mut hosts = self.evaluate(pattern, &mut unmatched)?;
        if let Some(limit) = limit {
            let allowed = self.evaluate(limit, &mut unmatched)?;
            hosts.retain(|host| allowed.contains(host));
        }
        Ok(Selection {
            hosts: hosts.into_iter().collect(),
            unmatched,
        })
    }

    fn evaluate(
        &self,
        pattern: &Pattern,
        unmatched: &mut Vec<Unmatched>,
    ) -> Result<IndexSet<String>, PatternError> {
        let adds = pattern
            .parts
            .iter()
            .any(|part| part.operator == Operator::Add);
        let mut hosts: IndexSet<String> = IndexSet::new();
        if !adds {
            hosts.extend(self.hosts_in("all"));
        }
        for part in &pattern.parts {
            let these = self.part(part, unmatched)?;
            match part.operator {
                Operator::Add => hosts.extend(these),
                Operator::And => hosts.retain(|host| these.contains(host)),
                Operator::Not => hosts.retain(|host| !these.contains(host)),
            }
        }
        Ok(hosts)
    }

    fn part(
        &self,
        part: &Part,
        unmatched: &mut Vec<Unmatched>,
    ) -> Result<IndexSet<String>, PatternError> {
        // A name that looks like a subscript but is a host's is that host.
        if self.hosts.contains_key(&part.text) {
            return Ok(IndexSet::from([part.text.clone()]));
        }
        let (hosts, found) = self.matching(part);
        if hosts.is_empty() && !found && part.name != "all" {
            unmatched.push(self.unmatched(part));
        }
        pick(part, hosts)
    }

    /// The hosts before the subscript, and whether any host or group has such a name.
    fn matching(&self, part: &Part) -> (IndexSet<String>, bool) {
        let mut hosts = IndexSet::new();
        let mut any_group = false;
        for group in self.groups.keys().filter(|name| part.matches(name)) {
            any_group = true;
            hosts.extend(self.hosts_in(group));
        }
        let is_wide = !matches!(part.matcher, Matcher::Name) || part.name.contains('.');
        if !any_group || is_wide {
            hosts.extend(self.hosts.keys().filter(|name| part.matches(name)).cloned());
        }
        if hosts.is_empty() && LOCALHOST.contains(&part.name.as_str()) {
            let listed = LOCALHOST
                .iter()
                .find(|name| self.hosts.contains_key(**name));
            hosts.insert(listed.map_or(part.name.clone(), |name| (*name).to_owned()));
        }
        let found = any_group || !hosts.is_empty();
        (hosts, found)
    }

    fn unmatched(&self, part: &Part) -> Unmatched {
        let names = self
            .hosts
            .keys()
            .chain(self.groups.keys())
            .map(String::as_str);
        Unmatched {
            part: part.name.clone(),
            suggestion: did_you_mean(&part.name, names).map(str::to_owned),
        }
    }
}

fn pick(part: &Part, hosts: IndexSet<String>) -> Result<IndexSet<String>, PatternError> {
    let Some(subscript) = part.subscript.filter(|_| !hosts.is_empty()) else {
        return Ok(hosts);
    };
    match subscript {
        Subscript::Slice(first, last) => {
            let end = last.map_or(hosts.len(), |last| last.saturating_add(1));
            Ok(hosts.into_iter().take(end).skip(first).collect())
        }
        Subscript::Index(index) => {
            let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
            let place = if index < 0 {
                hosts.len().checked_sub(distance)
            } else {
                Some(distance)
            };
            let host = place.and_then(|place| hosts.get_index(place)).cloned();
            host.map(|host| IndexSet::from([host]))
                .ok_or_else(|| PatternError::Subscript {
                    part: part.text.clone(),
                    count: hosts.len(),
                })
        }
    }
}
