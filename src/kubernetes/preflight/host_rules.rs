//! What the facts of one host mean for its upgrade. Pure: facts in, findings out.

use super::certificates::{CertificateLimits, certificates};
use super::host_answer::HostFacts;
use super::host_script::{Component, HostRequest};
use super::{Finding, Group};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is asked of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLimits {
    /// Bytes that must be left on a file system after the upgrade.
    pub spare: u64,
    /// Inodes that must be free.
    pub inodes: u64,
    /// When certificates are worth a word.
    pub certificates: CertificateLimits,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            spare: 100 << 20,
            inodes: 1000,
            certificates: CertificateLimits::default(),
        }
    }
}

/// Everything that stands in the way of an upgrade of this host; nothing for one that needs none.
pub fn judge_host(
    facts: &HostFacts,
    request: &HostRequest,
    limits: HostLimits,
    now: Timestamp,
) -> Vec<Finding> {
    if !facts.needed() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    findings.extend(login(facts, request));
    findings.extend(disks(facts, request, limits));
    for component in &request.components {
        findings.extend(unit(facts, component));
    }
    findings.extend(left_overs(facts));
    findings.extend(runtime(facts));
    findings.extend(backup(facts, request));
    findings.extend(certificates(
        facts.get("certificates"),
        now,
        limits.certificates,
    ));
    findings
}

fn login(facts: &HostFacts, request: &HostRequest) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Under another root another machine is played, whose user is not asked for.
    if request.root.is_empty() && facts.get("uid") != "0" {
        findings.push(Finding::block(
            Group::Host,
            "not-root",
            format!("commands run as user {}, not as root", facts.get("uid")),
            "set become: true, and let the user become root",
        ));
    }
    if facts.get("system") != "Linux" {
        findings.push(Finding::block(
            Group::Host,
            "not-linux",
            format!("the host runs {}", facts.get("system")),
            "take it out of the inventory's groups",
        ));
    }
    if facts.get("systemd") != "yes" {
        findings.push(Finding::block(
            Group::Host,
            "no-systemd",
            "systemd does not run there",
            "upgrade this host by hand: its services are restarted through systemd",
        ));
    }
    findings
}

/// Room for the new binaries (staged, put in place, and the old ones kept: three times), and for a snapshot of the datastore.
fn disks(facts: &HostFacts, request: &HostRequest, limits: HostLimits) -> Vec<Finding> {
    let binaries: u64 = request
        .components
        .iter()
        .filter_map(|each| facts.of("size", &each.name).parse::<u64>().ok())
        .sum();
    // Two and a half times: the snapshot, its verification, and what is written meanwhile.
    let snapshot = facts
        .number("database")
        .map_or(0, |size| size.saturating_mul(5) / 2);
    let mut findings = Vec::new();
    let mut needs: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (folder, need) in [
        ("binaries", binaries),
        ("state", binaries.saturating_mul(2)),
        ("data", snapshot),
    ] {
        let Some(disk) = facts.disk(folder) else {
            continue;
        };
        if let Some(path) = disk.readonly {
            findings.push(Finding::block(
                Group::Host,
                "read-only",
                format!("{path} cannot be written"),
                "remount its file system, or name another folder",
            ));
        }
        if disk.inodes.is_some_and(|free| free < limits.inodes) {
            findings.push(Finding::block(
                Group::Host,
                "inodes",
                format!(
                    "{} has {} free inodes",
                    disk.mount,
                    disk.inodes.unwrap_or_default()
                ),
                format!("remove files until {} are free", limits.inodes),
            ));
        }
        needs.entry(disk.mount).or_insert((disk.free, 0)).1 += need;
    }
    for (mount, (free, need)) in needs {
        let need = need.saturating_add(limits.spare);
        if free < need {
            findings.push(Finding::block(
                Group::Host,
                "disk-space",
                format!("{mount} has {} free, {} needed", size(free), size(need)),
                "make room: binaries need three times their size, a snapshot two and a half times the database's",
            ));
        }
    }
    findings
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mebibytes @ 10_240.. => format!("{} GiB", mebibytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

/// Whether the unit starts the very binary that will be replaced.
fn unit(facts: &HostFacts, component: &Component) -> Option<Finding> {
    let (name, service) = (&component.name, &component.service);
    let program = facts.of("program", name);
    let is_there = !facts.of("size", name).is_empty();
    if facts.of("static", name) == "yes" || component.optional && program.is_empty() {
        return None;
    }
    if program.is_empty() {
        return Some(Finding::block(
            Group::Host,
            "unit-missing",
            format!("there is no unit {service} that starts {name}"),
            "name the service (kubelet_service, kube_apiserver_service, k3s_server_service, k3s_agent_service)",
        ));
    }
    let (real, path) = (facts.of("real", name), facts.of("path", name));
    let same = program == component.path || !real.is_empty() && real == path;
    if !same {
        let folder = program
            .rsplit_once('/')
            .map_or(program, |(folder, _)| folder);
        let wrapper = !program.ends_with(&format!("/{name}"));
        let what = format!("{service} starts {program}, not {}", component.path);
        return Some(if wrapper {
            let todo = format!(
                "make sure that it ends in {}, or the upgrade has no effect",
                component.path
            );
            Finding::warn(Group::Host, "unit-wrapper", what, todo)
        } else {
            let todo = format!("set bin_dir: {folder}, or correct the unit");
            Finding::block(Group::Host, "unit-path", what, todo)
        });
    }
    if !is_there {
        return Some(Finding::block(
            Group::Host,
            "binary-missing",
            format!("{} is not there", component.path),
            "set bin_dir to the folder of the binaries",
        ));
    }
    (facts.of("active", name) != "active").then(|| {
        Finding::warn(
            Group::Host,
            "unit-inactive",
            format!("{service} is {}", facts.of("active", name)),
            "look at it: systemctl status; the upgrade starts it",
        )
    })
}

/// What earlier runs of ours left, and what the system waits for.
fn left_overs(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for timer in facts.get("timers").split_whitespace() {
        // The engine settles it before it starts on the host: by the way back of a dead run, or by waiting for a live one.
        findings.push(Finding::warn(
            Group::Nodes,
            "timer-armed",
            format!("{timer} of an earlier run is still armed and would take this host back"),
            "nothing: what that run left is settled before this one starts on the host",
        ));
    }
    for run in facts.open_runs() {
        findings.push(Finding::warn(
            Group::Nodes,
            "open-run",
            format!("run {run} did not end there"),
            "nothing: this run finishes it; windlass rollback takes it back instead",
        ));
    }
    if facts.get("reboot_due") == "yes" {
        findings.push(Finding::warn(
            Group::Nodes,
            "reboot-due",
            "the system waits for a reboot",
            "reboot it first: a reboot in mid-upgrade mixes two changes",
        ));
    }
    findings
}

/// What kubelet and container runtime ask of the system.
fn runtime(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.get("swaps").is_empty() && facts.get("swap_allowed").is_empty() {
        findings.push(Finding::warn(
            Group::Runtime,
            "swap",
            "swap is on, and the kubelet does not start with it",
            "swapoff -a and take it out of /etc/fstab, or set failSwapOn: false",
        ));
    }
    let two = facts
        .get("containerd")
        .split_whitespace()
        .any(|word| word.starts_with("v2.") || word.starts_with("2."));
    let config = facts.get("containerd_config");
    if two && !matches!(config, "2" | "3") && !facts.get("containerd_config_there").is_empty() {
        let version = if config.is_empty() { "1" } else { config };
        findings.push(Finding::block(
            Group::Runtime,
            "containerd-config",
            format!(
                "containerd 2 does not read /etc/containerd/config.toml, which is of version {version}"
            ),
            "containerd config migrate",
        ));
    }
    findings
}

/// k3s with a datastore that it does not hold itself cannot be saved through k3s.
fn backup(facts: &HostFacts, request: &HostRequest) -> Option<Finding> {
    let external = request
        .components
        .iter()
        .any(|each| each.name == "k3s" && has_flag(facts, "k3s", "--datastore-endpoint"));
    external.then(|| {
        Finding::warn(
            Group::Backup,
            "external-datastore",
            "k3s keeps its data in an external database, of which it can take no snapshot",
            "dump the database before the upgrade",
        )
    })
}

/// Whether a component's unit, environment or manifest has a flag.
pub(super) fn has_flag(facts: &HostFacts, component: &str, flag: &str) -> bool {
    facts
        .of("flags", component)
        .lines()
        .any(|line| line == flag || line.split_once('=').is_some_and(|(name, _)| name == flag))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::host_answer::tests::facts;
    use super::*;

    fn request() -> HostRequest {
        HostRequest {
            components: vec![Component {
                name: "kubelet".to_owned(),
                path: "/usr/local/bin/kubelet".to_owned(),
                service: "kubelet".to_owned(),
                version: "v1.35.1".to_owned(),
                optional: false,
            }],
            ..HostRequest::default()
        }
    }

    type Fields<'a> = &'a [(&'a str, &'a str)];

    const GOOD: &[(&str, &str)] = &[
        ("needed", "yes"),
        ("uid", "0"),
        ("system", "Linux"),
        ("systemd", "yes"),
        ("size:kubelet", "52428800"),
        ("program:kubelet", "/usr/local/bin/kubelet"),
        ("real:kubelet", "/usr/local/bin/kubelet"),
        ("path:kubelet", "/usr/local/bin/kubelet"),
        ("active:kubelet", "active"),
        ("df:binaries", "/dev/sda1 1 1 9000000 1% /"),
        ("df:state", "/dev/sda1 1 1 9000000 1% /"),
    ];

    /// The ids found on a good host of which this is different.
    fn ids(changes: &[(&str, &str)]) -> Vec<String> {
        let all: Vec<_> = GOOD.iter().chain(changes).copied().collect();
        let found = judge_host(
            &facts(&all),
            &request(),
            HostLimits::default(),
            Timestamp::UNIX_EPOCH,
        );
        found
            .into_iter()
            .map(|finding| {
                let word = if finding.severity == Severity::Block {
                    "block"
                } else {
                    "warn"
                };
                format!("{word} {}", finding.id)
            })
            .collect()
    }

    #[test]
    fn each_trouble_of_a_host_is_found() {
        let full = "/dev/sda1 1 1 200000 99% /";
        let cases: &[(Fields, &[&str])] = &[
            (&[], &[]),
            (&[("uid", "1000")], &["block not-root"]),
            (&[("system", "FreeBSD")], &["block not-linux"]),
            (&[("systemd", "no")], &["block no-systemd"]),
            // 3 x 50 MiB and the spare room do not fit into 195 MiB together, though either folder alone would do.
            (
                &[("df:binaries", full), ("df:state", full)],
                &["block disk-space"],
            ),
            (&[("df:state", "/dev/sdb1 1 1 300000 1% /var")], &[]),
            (
                &[
                    ("df:data", "/dev/sdb1 1 1 1000000 1% /var"),
                    ("database", "2000000000"),
                ],
                &["block disk-space"],
            ),
            (
                &[("inodes:state", "/dev/sda1 100000 99990 10 99% /")],
                &["block inodes"],
            ),
            (&[("readonly:state", "/var/lib")], &["block read-only"]),
            (&[("program:kubelet", "")], &["block unit-missing"]),
            (
                &[
                    ("program:kubelet", "/usr/bin/kubelet"),
                    ("real:kubelet", "/usr/bin/kubelet"),
                ],
                &["block unit-path"],
            ),
            // A link to the binary is the binary.
            (&[("program:kubelet", "/usr/bin/kubelet")], &[]),
            (
                &[
                    ("program:kubelet", "/opt/start.sh"),
                    ("real:kubelet", "/opt/start.sh"),
                ],
                &["warn unit-wrapper"],
            ),
            (&[("size:kubelet", "")], &["block binary-missing"]),
            (&[("program:kubelet", ""), ("static:kubelet", "yes")], &[]),
            (&[("active:kubelet", "failed")], &["warn unit-inactive"]),
            (
                &[("timers", "windlass-revert-r1.timer")],
                &["warn timer-armed"],
            ),
            (&[("open", "r1")], &["warn open-run"]),
            (&[("reboot_due", "yes")], &["warn reboot-due"]),
            (&[("swaps", "/dev/sdb2 partition 1 0 -2")], &["warn swap"]),
            (
                &[
                    ("swaps", "/dev/sdb2"),
                    ("swap_allowed", "failSwapOn: false"),
                ],
                &[],
            ),
            (
                &[
                    ("containerd", "containerd x v2.1.0 abc"),
                    ("containerd_config_there", "yes"),
                ],
                &["block containerd-config"],
            ),
            (
                &[
                    ("containerd", "containerd x v2.1.0 abc"),
                    ("containerd_config_there", "yes"),
                    ("containerd_config", "3"),
                ],
                &[],
            ),
            (&[("uid", "1000"), ("needed", "no")], &[]),
        ];
        for (changes, expected) in cases {
            assert_eq!(ids(changes), *expected, "{changes:?}");
        }
    }

    #[test]
    fn a_path_that_does_not_fit_names_both() {
        let all: Vec<_> = GOOD
            .iter()
            .copied()
            .chain([
                ("program:kubelet", "/usr/bin/kubelet"),
                ("real:kubelet", ""),
            ])
            .collect();
        let facts = facts(&all);
        let found = unit(&facts, &request().components[0]).unwrap();
        assert_eq!(
            found.what,
            "kubelet starts /usr/bin/kubelet, not /usr/local/bin/kubelet"
        );
        assert_eq!(found.todo, "set bin_dir: /usr/bin, or correct the unit");
    }
}
