//! What a host answered, taken apart. Judges nothing.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// The host's answer was cut off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the host's answer to the preflight was cut off")]
pub struct CutOff;

/// A file system, as `df` sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Disk {
    /// Where it is mounted.
    pub(super) mount: String,
    /// Free bytes for users.
    pub(super) free: u64,
    /// Free inodes; `None` where the file system does not count them.
    pub(super) inodes: Option<u64>,
    /// The folder that cannot be written, if so.
    pub(super) readonly: Option<String>,
}

/// What one host said.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    fields: BTreeMap<String, String>,
    /// The earliest and the latest that the host's clock may be ahead of ours, in seconds.
    pub clock: Option<(f64, f64)>,
}

impl HostFacts {
    /// Reads the answer of the script that was sent and answered at these moments, by our clock.
    pub fn read(output: &[u8], sent: Timestamp, answered: Timestamp) -> Result<Self, CutOff> {
        let text = String::from_utf8_lossy(output);
        let mut fields = BTreeMap::new();
        let mut parts = text.split('\0');
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            fields.insert(name.to_owned(), value.trim().to_owned());
        }
        let mut facts = Self {
            fields,
            clock: None,
        };
        if facts.needed() && facts.get("end") != "yes" {
            return Err(CutOff);
        }
        facts.clock = facts.moment().map(|(then, unsure)| {
            let seconds = |at: Timestamp| at.as_nanosecond() as f64 / 1e9;
            (then - seconds(answered), then + unsure - seconds(sent))
        });
        Ok(facts)
    }

    /// Whether anything on the host, or of its node, is not at the target.
    pub fn needed(&self) -> bool {
        self.get("needed") != "no"
    }

    /// A field; empty without it.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The field of a component.
    pub(super) fn of(&self, field: &str, component: &str) -> &str {
        self.get(&format!("{field}:{component}"))
    }

    /// The same as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }

    /// The version that a binary on the disk says it has.
    pub fn version(&self, component: &str) -> Option<&str> {
        self.of("version", component)
            .split(|c: char| c.is_whitespace() || c == ',')
            .find(|word| {
                word.strip_prefix('v')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
    }

    /// `/etc/machine-id`.
    pub fn machine_id(&self) -> &str {
        self.get("machine_id")
    }

    /// As `uname -m` says it.
    pub fn machine(&self) -> &str {
        self.get("machine")
    }

    /// The host's own addresses, without loopback ones.
    pub fn addresses(&self) -> Vec<&str> {
        self.get("addresses")
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                words.find(|word| matches!(*word, "inet" | "inet6"))?;
                words.next()?.split('/').next()
            })
            .filter(|address| !address.starts_with("127.") && !matches!(*address, "::1"))
            .collect()
    }

    /// Whether kubeadm keeps the host.
    pub fn is_kubeadm(&self) -> bool {
        self.get("kubeadm") == "yes"
    }

    /// Runs of ours that neither stayed nor were taken back.
    pub fn open_runs(&self) -> Vec<&str> {
        self.get("open").split_whitespace().collect()
    }

    /// The moment by the host's clock, in seconds, and how much later it may have been.
    fn moment(&self) -> Option<(f64, f64)> {
        let digits = self.get("clock");
        // Without nanoseconds busybox prints the seconds alone, or a letter after them.
        if digits.len() > 15
            && let Ok(nanos) = digits.parse::<u64>()
        {
            return Some((nanos as f64 / 1e9, 0.0));
        }
        let seconds: u64 = self.get("seconds").parse().ok()?;
        Some((seconds as f64, 1.0))
    }

    /// The file system of one of the folders that were asked for.
    pub(super) fn disk(&self, folder: &str) -> Option<Disk> {
        let line = self.of("df", folder);
        let words: Vec<&str> = line.split_whitespace().collect();
        // Source, blocks of 1024, used, available, capacity, and a mount point that may have spaces.
        let mount = words.get(5..)?.join(" ");
        let free: u64 = words.get(3)?.parse().ok()?;
        let inodes: Vec<&str> = self.of("inodes", folder).split_whitespace().collect();
        let total = inodes.get(1).and_then(|word| word.parse::<u64>().ok());
        Some(Disk {
            mount,
            free: free.saturating_mul(1024),
            inodes: total
                .filter(|total| *total > 0)
                .and_then(|_| inodes.get(3)?.parse().ok()),
            readonly: Some(self.of("readonly", folder).to_owned())
                .filter(|folder| !folder.is_empty()),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Facts of a host that said this.
    pub(in super::super) fn facts(fields: &[(&str, &str)]) -> HostFacts {
        let text: String = fields
            .iter()
            .chain(&[("end", "yes")])
            .map(|(name, value)| format!("{name}\0{value}\0"))
            .collect();
        HostFacts::read(
            text.as_bytes(),
            Timestamp::UNIX_EPOCH,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap()
    }

    #[test]
    fn fields_are_read() {
        let host = facts(&[
            ("version:kubelet", "Kubernetes v1.34.3"),
            (
                "version:k3s",
                "k3s version v1.34.3+k3s1 (abc)\ngo version go1.24",
            ),
            (
                "addresses",
                "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 10.0.0.5/24 brd 10.0.0.255\n2: eth0    inet6 fe80::1/64 scope link",
            ),
            ("df:state", "/dev/sda1 100000 40000 60000 40% /var/lib my"),
            ("inodes:state", "/dev/sda1 1000 400 600 40% /var/lib my"),
            ("df:binaries", "overlay 1 1 2 3% /"),
            ("inodes:binaries", "overlay 0 0 0 - /"),
            ("readonly:binaries", "/usr/local"),
        ]);
        assert_eq!(host.version("kubelet"), Some("v1.34.3"));
        assert_eq!(host.version("k3s"), Some("v1.34.3+k3s1"));
        assert_eq!(host.version("kubectl"), None);
        assert_eq!(host.addresses(), ["10.0.0.5", "fe80::1"]);
        let disk = host.disk("state").unwrap();
        assert_eq!(
            (disk.mount.as_str(), disk.free),
            ("/var/lib my", 60000 * 1024)
        );
        assert_eq!((disk.inodes, disk.readonly), (Some(600), None));
        let disk = host.disk("binaries").unwrap();
        assert_eq!(
            (disk.inodes, disk.readonly.as_deref()),
            (None, Some("/usr/local"))
        );
        assert!(host.needed() && host.disk("data").is_none());
    }

    #[test]
    fn an_answer_that_ends_in_the_middle_is_an_error_and_a_host_that_needs_nothing_ends_early() {
        let at = Timestamp::UNIX_EPOCH;
        assert!(HostFacts::read(b"clock\x001\0needed\0yes\0", at, at).is_err());
        assert!(
            !HostFacts::read(b"clock\x001\0needed\0no\0", at, at)
                .unwrap()
                .needed()
        );
    }

    #[test]
    fn the_clock_is_known_as_well_as_the_round_trip_allows() {
        let sent = Timestamp::from_second(1000).unwrap();
        let answered = Timestamp::from_second(1003).unwrap();
        for (clock, low, high) in [("1002500000000000000", 0.0, 0.0), ("1002N", -1.0, 3.0)] {
            let text = format!("clock\0{clock}\0seconds\x001002\0needed\0no\0");
            let found = HostFacts::read(text.as_bytes(), sent, answered)
                .unwrap()
                .clock
                .unwrap();
            if clock.ends_with('N') {
                assert_eq!(found, (low, high));
            } else {
                // 1002500000 s since 1970, far ahead.
                assert!(
                    found.0 > 1e9 - 1e4 && (found.1 - found.0 - 3.0).abs() < 0.001,
                    "{found:?}"
                );
            }
        }
    }
}
