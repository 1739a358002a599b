//! Which facts are wanted: Ansible's `gather_subset`.

/// Kinds of facts, each of which costs the host something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each kind is wanted or not, whatever the others are"
)]
pub struct Subset {
    /// The system, its distribution, users, time: cheap, and nearly always wanted.
    pub min: bool,
    /// Processors, memory, mounts.
    pub hardware: bool,
    /// Interfaces and addresses.
    pub network: bool,
    /// What the host runs on.
    pub virtualization: bool,
}

impl Default for Subset {
    fn default() -> Self {
        Self::ALL
    }
}

/// The names that Ansible knows, with the kind that has these facts.
const NAMES: &[(&str, Kind)] = &[
    ("all", Kind::All),
    ("all_ipv4_addresses", Kind::Network),
    ("all_ipv6_addresses", Kind::Network),
    ("apparmor", Kind::Min),
    ("architecture", Kind::Min),
    ("cmdline", Kind::Min),
    ("date_time", Kind::Min),
    ("default_ipv4", Kind::Network),
    ("default_ipv6", Kind::Network),
    ("devices", Kind::Hardware),
    ("distribution", Kind::Min),
    ("distribution_major_version", Kind::Min),
    ("distribution_release", Kind::Min),
    ("distribution_version", Kind::Min),
    ("dns", Kind::Min),
    ("env", Kind::Min),
    ("fips", Kind::Min),
    ("hardware", Kind::Hardware),
    ("interfaces", Kind::Network),
    ("kernel", Kind::Min),
    ("kernel_version", Kind::Min),
    ("local", Kind::Min),
    ("lsb", Kind::Min),
    ("machine", Kind::Min),
    ("machine_id", Kind::Min),
    ("min", Kind::Min),
    ("mounts", Kind::Hardware),
    ("network", Kind::Network),
    ("os_family", Kind::Min),
    ("pkg_mgr", Kind::Min),
    ("platform", Kind::Min),
    ("processor", Kind::Hardware),
    ("processor_cores", Kind::Hardware),
    ("processor_count", Kind::Hardware),
    ("python", Kind::Min),
    ("selinux", Kind::Min),
    ("service_mgr", Kind::Min),
    ("system", Kind::Min),
    ("user", Kind::Min),
    ("user_id", Kind::Min),
    ("virtual", Kind::Virtual),
    ("virtualization_role", Kind::Virtual),
    ("virtualization_tech_guest", Kind::Virtual),
    ("virtualization_tech_host", Kind::Virtual),
    ("virtualization_type", Kind::Virtual),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Min,
    Hardware,
    Network,
    Virtual,
}

impl Subset {
    /// Everything.
    pub const ALL: Self = Self {
        min: true,
        hardware: true,
        network: true,
        virtualization: true,
    };

    const NONE: Self = Self {
        min: false,
        hardware: false,
        network: false,
        virtualization: false,
    };

    /// Reads a list such as `!all,network`, by Ansible's rules: the list begins with everything when it only takes away,
    /// and `min` is there unless it is taken away by name.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut added = Self::NONE;
        let mut removed = Self::NONE;
        let mut explicit = false;
        let mut removes_all = false;
        for word in words.iter().map(|word| word.trim()) {
            let (name, is_removed) = match word.strip_prefix('!') {
                Some(name) => (name, true),
                None => (word, false),
            };
            if matches!(name, "facter" | "ohai") && is_removed {
                continue;
            }
            let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) else {
                return Err(unknown(name));
            };
            if is_removed && *kind == Kind::All {
                removes_all = true;
            } else if is_removed {
                // A part of a kind cannot be left out by itself; a kind can.
                if matches!(name, "min" | "hardware" | "network" | "virtual") {
                    removed.add(*kind);
                }
            } else {
                explicit = true;
                added.add(*kind);
            }
        }
        if !explicit && !removes_all {
            added = Self::ALL;
        }
        added.min = true;
        if explicit && removed.min && words.iter().any(|word| is_min(word)) {
            removed.min = false;
        }
        Ok(Self {
            min: added.min && !removed.min,
            hardware: added.hardware && !removed.hardware,
            network: added.network && !removed.network,
            virtualization: added.virtualization && !removed.virtualization,
        })
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::All => *self = Self::ALL,
            Kind::Min => self.min = true,
            Kind::Hardware => self.hardware = true,
            Kind::Network => self.network = true,
            Kind::Virtual => self.virtualization = true,
        }
    }
}

/// Whether this word asks for something that belongs to `min`.
fn is_min(word: &str) -> bool {
    NAMES
        .iter()
        .any(|(name, kind)| *name == word.trim() && *kind == Kind::Min)
}

fn unknown(name: &str) -> String {
    let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
    format!(
        "Bad subset '{name}' given to Ansible. gather_subset options allowed: {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_mean_what_they_mean_in_ansible() {
        for (list, expected) in [
            ("", "mhnv"),
            ("all", "mhnv"),
            ("!all", "m"),
            ("!all,!min", ""),
            ("!all,network", "mn"),
            ("network", "mn"),
            ("!network", "mhv"),
            ("!all,!min,network", "n"),
            ("!all,!min,distribution", "m"),
            ("min", "m"),
            ("hardware,virtual", "mhv"),
            ("all,!hardware,!facter", "mnv"),
        ] {
            let words: Vec<String> = list
                .split(',')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect();
            let subset = Subset::parse(&words).unwrap();
            let letters: String = [
                (subset.min, 'm'),
                (subset.hardware, 'h'),
                (subset.network, 'n'),
                (subset.virtualization, 'v'),
            ]
            .iter()
            .filter_map(|(on, letter)| on.then_some(*letter))
            .collect();
            assert_eq!(letters, expected, "{list}");
        }
        let error = Subset::parse(&["netwrk".to_owned()]).unwrap_err();
        assert!(error.starts_with("Bad subset 'netwrk' given to Ansible."));
        assert!(Subset::parse(&["facter".to_owned()]).is_err());
    }

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| *name));
    }
}
