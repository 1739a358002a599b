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
        if let Matcher::Hosts(names) = &part.matcher {
            let here = self.hosts.keys().filter(|host| names.contains(*host));
            return (here.cloned().collect(), true);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::load;
    use std::io::Write;

    fn inventory() -> Inventory {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = "lone\n[web]\nweb[1:3]\n[db]\ndb1.lan\ndb2.lan\n[prod:children]\nweb\ndb\n[test]\nweb3\n[none]\n";
        file.write_all(text.as_bytes()).unwrap();
        load(&[file.path().display().to_string()], None).unwrap()
    }

    #[test]
    fn patterns_select_hosts_in_order() {
        // `all` goes level by level as in Ansible, so `test`, right below it, comes before `web` below `prod`.
        let cases: [(&str, Option<&str>, &str); 27] = [
            ("all", None, "lone web3 web1 web2 db1.lan db2.lan"),
            ("*", None, "lone web3 web1 web2 db1.lan db2.lan"),
            ("", None, "lone web3 web1 web2 db1.lan db2.lan"),
            ("web", None, "web1 web2 web3"),
            ("db:web1", None, "db1.lan db2.lan web1"),
            ("db,web1", None, "db1.lan db2.lan web1"),
            ("prod:&test", None, "web3"),
            ("&test:prod", None, "web3"),
            ("prod:!web", None, "db1.lan db2.lan"),
            ("!web", None, "lone db1.lan db2.lan"),
            ("!web1:web1:web2", None, "web2"),
            ("web[0]", None, "web1"),
            ("web[-1]", None, "web3"),
            ("web[1:2]", None, "web2 web3"),
            ("web[1:]", None, "web2 web3"),
            ("web[1:9]", None, "web2 web3"),
            ("web[5:]", None, ""),
            ("*.lan", None, "db1.lan db2.lan"),
            ("~web[13]", None, "web1 web3"),
            ("db*", None, "db1.lan db2.lan"),
            ("ungrouped", None, "lone"),
            ("none", None, ""),
            ("localhost", None, "localhost"),
            ("127.0.0.1", None, "127.0.0.1"),
            ("localhost", Some("web"), ""),
            ("prod", Some("web2:db1.lan"), "web2 db1.lan"),
            ("prod", Some("!db"), "web1 web2 web3"),
        ];
        let inventory = inventory();
        for (pattern, limit, expected) in cases {
            let limit = limit.map(|limit| Pattern::limit(limit).unwrap());
            let found = inventory
                .select(&Pattern::parse(pattern).unwrap(), limit.as_ref())
                .unwrap();
            assert_eq!(found.hosts.join(" "), expected, "{pattern}");
            assert!(found.unmatched.is_empty(), "{pattern}");
        }
    }

    #[test]
    fn what_matches_nothing_is_reported_with_a_suggestion() {
        let inventory = inventory();
        let cases = [
            ("wbe", "wbe", Some("web")),
            ("web:!db3.lan", "db3.lan", Some("db1.lan")),
            ("web:&staging", "staging", None),
            ("zz*", "zz*", None),
            ("wbe[0]", "wbe", Some("web")),
        ];
        for (pattern, part, suggestion) in cases {
            let found = inventory
                .select(&Pattern::parse(pattern).unwrap(), None)
                .unwrap();
            assert_eq!(found.unmatched.len(), 1, "{pattern}");
            let unmatched = &found.unmatched[0];
            assert_eq!(unmatched.suggestion.as_deref(), suggestion, "{pattern}");
            let text = format!("Could not match supplied host pattern, ignoring: {part}");
            assert_eq!(unmatched.to_string(), text);
        }
    }

    #[test]
    fn a_subscript_past_the_end_is_an_error() {
        let error = inventory()
            .select(&Pattern::parse("web[3]").unwrap(), None)
            .unwrap_err();
        let expected = PatternError::Subscript {
            part: "web[3]".to_owned(),
            count: 3,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_limit_file_lists_hosts() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"# failed last time\nweb2\n\n db1.lan \n")
            .unwrap();
        let limit = Pattern::limit(&format!("@{}", file.path().display())).unwrap();
        let found = inventory()
            .select(&Pattern::parse("all").unwrap(), Some(&limit))
            .unwrap();
        assert_eq!(found.hosts, ["web2", "db1.lan"]);
    }

    #[test]
    fn a_listed_localhost_serves_its_other_names() {
        let inventory = load(&["127.0.0.1,".to_owned()], None).unwrap();
        let found = inventory
            .select(&Pattern::parse("localhost").unwrap(), None)
            .unwrap();
        assert_eq!(found.hosts, ["127.0.0.1"]);
    }
}
