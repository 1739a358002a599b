//! etcd, asked by `etcdctl` on one of its hosts: members, health, alarms, versions. Nothing is changed.
//!
//! The script answers NUL-ended fields; parsing and judging are pure.

use super::{Finding, Group};
use crate::shell::quote;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How far a member's log may be behind that of the leader.
const LAG: u64 = 1000;
/// Above this share of its quota a database is close to refusing writes.
const QUOTA_SHARE: f64 = 0.8;
/// What etcd takes as quota when it is not told (2 GiB).
const USUAL_QUOTA: u64 = 2 << 30;

/// How to ask.
#[derive(Debug, Clone, Default)]
pub struct EtcdRequest {
    /// Folder of the binaries; `etcdctl` may also be elsewhere in PATH.
    pub bin_dir: String,
    /// Folder of the Kubernetes configuration: kubeadm's certificates and static pods are below it.
    pub config_dir: String,
    /// Environment for `etcdctl`. Without it Kubespray's `/etc/etcd.env` or kubeadm's certificates are used where they are.
    pub environment: BTreeMap<String, String>,
}

/// Finds the tools and asks. Nothing of a key but its path is ever read.
const SCRIPT: &str = r#"put() { printf '%s\0%s\0' "$1" "$2"; }
etcdctl=$bin/etcdctl etcdutl=$bin/etcdutl
[ -x "$etcdctl" ] || etcdctl=$(command -v etcdctl)
[ -x "$etcdutl" ] || etcdutl=$(command -v etcdutl)
if [ -e "$bin/etcd" ] || [ -e "$config/manifests/etcd.yaml" ] || systemctl cat etcd >/dev/null 2>&1; then put there yes; fi
if [ -z "$etcdctl" ]; then put missing yes; put end yes; exit 0; fi
[ -z "$etcdutl" ] || put utl yes
ask() {
  name=$1
  shift
  put "$name" "$("$etcdctl" "$@" -w json --command-timeout=8s 2>/dev/null </dev/null)"
}
put why "$("$etcdctl" member list -w json --command-timeout=8s 2>&1 >/dev/null </dev/null | tail -n 1)"
ask members member list
ask health endpoint health --cluster
ask status endpoint status --cluster
ask alarms alarm list
put end yes
exit 0
"#;

/// The usual places, as the role that saves the datastore looks for them.
const USUAL: &str = r#"if [ -r /etc/etcd.env ]; then
  set -a
  . /etc/etcd.env
  set +a
elif [ -r "$config/pki/etcd/server.crt" ]; then
  export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT="$config/pki/etcd/ca.crt"
  export ETCDCTL_CERT="$config/pki/etcd/server.crt" ETCDCTL_KEY="$config/pki/etcd/server.key"
fi
"#;

/// The script for one host.
pub fn etcd_script(request: &EtcdRequest) -> String {
    let mut script = format!(
        "bin={}\nconfig={}\nexport ETCDCTL_API=3\n",
        quote(&request.bin_dir),
        quote(&request.config_dir)
    );
    if request.environment.is_empty() {
        script.push_str(USUAL);
    }
    for (name, value) in &request.environment {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "export {}", quote(&format!("{name}={value}")));
    }
    script.push_str(SCRIPT);
    script
}

/// What the members said.
#[derive(Debug, Clone, Default)]
pub struct EtcdSight {
    /// `etcdctl` is not on the host.
    missing: bool,
    /// Something of etcd is: its binary, its unit or its static pod.
    is_there: bool,
    /// Whether `etcdutl` is.
    has_utl: bool,
    /// What `etcdctl` said on standard error.
    why: String,
    members: Option<Members>,
    health: Vec<Health>,
    status: Vec<StatusEntry>,
    alarms: Option<Alarms>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Members {
    members: Vec<Member>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Member {
    #[serde(rename = "ID")]
    id: u64,
    name: String,
    #[serde(rename = "isLearner")]
    is_learner: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Health {
    endpoint: String,
    #[serde(rename = "health")]
    well: bool,
    error: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct StatusEntry {
    #[serde(rename = "Endpoint")]
    endpoint: String,
    #[serde(rename = "Status")]
    status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    header: Header,
    version: String,
    db_size: u64,
    db_size_quota: u64,
    leader: u64,
    raft_index: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Header {
    cluster_id: u64,
    member_id: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Alarms {
    alarms: Vec<Alarm>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Alarm {
    #[serde(rename = "memberID")]
    member_id: u64,
    alarm: u8,
}

impl EtcdSight {
    /// Reads the script's answer; `None` when it was cut off.
    pub fn read(output: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(output);
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        let mut parts = text.split('\0');
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            fields.insert(name, value.trim());
        }
        let get = |name: &str| fields.get(name).copied().unwrap_or_default();
        (get("end") == "yes").then(|| Self {
            missing: get("missing") == "yes",
            is_there: get("there") == "yes",
            has_utl: get("utl") == "yes",
            why: get("why").trim_start_matches("Error: ").to_owned(),
            members: read(get("members")),
            health: read(get("health")).unwrap_or_default(),
            status: read(get("status")).unwrap_or_default(),
            alarms: read(get("alarms")),
        })
    }

    /// The versions of the members that answered, each once.
    pub fn versions(&self) -> BTreeSet<&str> {
        let versions = self
            .status
            .iter()
            .map(|entry| entry.status.version.as_str());
        versions.filter(|version| !version.is_empty()).collect()
    }

    fn name(&self, id: u64) -> String {
        let members = self.members.iter().flat_map(|members| &members.members);
        members
            .filter(|member| member.id == id && !member.name.is_empty())
            .map(|member| member.name.clone())
            .next()
            .unwrap_or_else(|| format!("{id:x}"))
    }
}

/// The first JSON value in a text; etcd's tools may print more behind it.
fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<T>()
        .next()?
        .ok()
}

/// What the members' answers mean. `expected` is how many hosts the inventory has for etcd; 0 when it does not say.
pub fn etcd(sight: &EtcdSight, expected: usize) -> Vec<Finding> {
    if sight.missing && !sight.is_there {
        return vec![Finding::warn(
            Group::Etcd,
            "no-etcd",
            "the inventory says that etcd runs here, and nothing of it is there",
            "correct the group etcd; how etcd is, nobody has looked",
        )];
    }
    if sight.missing {
        return vec![Finding::block(
            Group::Etcd,
            "no-etcdctl",
            "etcdctl is not there, so nobody can say how etcd is",
            "install etcdctl of etcd's version in bin_dir",
        )];
    }
    let mut findings = Vec::new();
    match &sight.members {
        None => findings.push(Finding::block(
            Group::Etcd,
            "no-answer",
            format!("etcd does not answer: {}", sight.why),
            "repair it first; if it is well, set datastore_etcdctl_environment (endpoints, certificates)",
        )),
        Some(members) => {
            findings.extend(membership(&members.members, expected));
        }
    }
    findings.extend(health(sight));
    findings.extend(alarms(sight));
    findings.extend(status(sight));
    if !sight.has_utl {
        findings.push(Finding::warn(
            Group::Backup,
            "no-etcdutl",
            "etcdutl is not there to verify a snapshot",
            "install etcdutl of etcd's version beside etcdctl",
        ));
    }
    findings
}

fn membership(members: &[Member], expected: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let learners: Vec<&str> = members
        .iter()
        .filter(|member| member.is_learner)
        .map(|member| member.name.as_str())
        .collect();
    if !learners.is_empty() {
        findings.push(Finding::block(
            Group::Etcd,
            "learner",
            format!(
                "etcd has a member that is still learning: {}",
                learners.join(", ")
            ),
            "wait until it is promoted, or remove it",
        ));
    }
    let voters = members.len() - learners.len();
    if voters == 2 {
        findings.push(Finding::block(
            Group::Etcd,
            "two-members",
            "etcd has 2 members: it stops as soon as either of them is down",
            "add a third member, or remove one",
        ));
    } else if voters.is_multiple_of(2) {
        findings.push(Finding::warn(
            Group::Etcd,
            "even-members",
            format!("etcd has {voters} members, an even number"),
            "add or remove one: the last one of an even number bears no failure",
        ));
    }
    if expected != 0 && members.len() != expected {
        findings.push(Finding::block(
            Group::Etcd,
            "other-members",
            format!(
                "etcd has {} members, and the inventory {expected} hosts for it",
                members.len()
            ),
            "bring the group etcd and `etcdctl member list` together",
        ));
    }
    findings
}

fn health(sight: &EtcdSight) -> Vec<Finding> {
    sight
        .health
        .iter()
        .filter(|each| !each.well)
        .map(|each| {
            Finding::block(
                Group::Etcd,
                "member-down",
                format!(
                    "the member at {} is not healthy: {}",
                    each.endpoint, each.error
                ),
                "repair it first: a second one down stops the cluster",
            )
        })
        .collect()
}

fn alarms(sight: &EtcdSight) -> Vec<Finding> {
    let alarms = sight.alarms.iter().flat_map(|alarms| &alarms.alarms);
    alarms
        .filter(|alarm| alarm.alarm != 0)
        .map(|alarm| {
            let name = sight.name(alarm.member_id);
            let (what, todo) = match alarm.alarm {
                1 => (
                    format!("{name} raises NOSPACE"),
                    "compact and defragment etcd, then etcdctl alarm disarm",
                ),
                2 => (
                    format!("{name} raises CORRUPT"),
                    "replace that member: its data differs from the others'",
                ),
                other => (
                    format!("{name} raises alarm {other}"),
                    "look at etcdctl alarm list",
                ),
            };
            Finding::block(Group::Etcd, "alarm", what, todo)
        })
        .collect()
}

fn status(sight: &EtcdSight) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all: Vec<&Status> = sight.status.iter().map(|entry| &entry.status).collect();
    let clusters: BTreeSet<u64> = all.iter().map(|status| status.header.cluster_id).collect();
    if clusters.len() > 1 {
        findings.push(Finding::block(
            Group::Etcd,
            "two-clusters",
            "the endpoints belong to different clusters",
            "correct the endpoints",
        ));
    }
    let newest = all.iter().map(|status| status.raft_index).max();
    for entry in &sight.status {
        let status = &entry.status;
        if status.leader == 0 {
            findings.push(Finding::block(
                Group::Etcd,
                "no-leader",
                format!("the member at {} knows no leader", entry.endpoint),
                "repair etcd first",
            ));
        }
        let behind = newest.unwrap_or_default().saturating_sub(status.raft_index);
        if behind > LAG {
            findings.push(Finding::block(
                Group::Etcd,
                "lag",
                format!(
                    "{} is {behind} entries behind",
                    sight.name(status.header.member_id)
                ),
                "wait until it has caught up",
            ));
        }
        let quota = match status.db_size_quota {
            0 => USUAL_QUOTA,
            quota => quota,
        };
        if status.db_size as f64 > quota as f64 * QUOTA_SHARE {
            findings.push(Finding::warn(
                Group::Etcd,
                "quota",
                format!(
                    "the database of {} is {} MiB of {} MiB allowed",
                    sight.name(status.header.member_id),
                    status.db_size >> 20,
                    quota >> 20
                ),
                "defragment it, or raise --quota-backend-bytes",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use serde_json::{Value, json};

    fn members(count: u64) -> Value {
        let each = |at: u64| json!({"ID": 9_372_538_179_322_589_801_u64 + at, "name": format!("e{at}"), "peerURLs": [], "clientURLs": []});
        json!({"header": {"cluster_id": 1}, "members": (0..count).map(each).collect::<Vec<_>>()})
    }

    fn status(change: &Value) -> Value {
        let one = |at: u64, more: &Value| {
            let mut status = json!({"header": {"cluster_id": 7, "member_id": 9_372_538_179_322_589_801_u64 + at},
                "version": "3.5.26", "dbSize": 20480, "leader": 1, "raftIndex": 5000});
            crate::kubernetes::kubectl::merge(&mut status, more);
            json!({"Endpoint": format!("https://10.0.0.{at}:2379"), "Status": status})
        };
        json!([one(0, &json!({})), one(1, change), one(2, &json!({}))])
    }

    fn sight(members: &Value, health: &Value, status: &Value, alarms: &Value) -> EtcdSight {
        let text = format!(
            "utl\0yes\0members\0{members}\0health\0{health}\nError: unhealthy cluster\0status\0{status}\0alarms\0{alarms}\0end\0yes\0"
        );
        EtcdSight::read(text.as_bytes()).unwrap()
    }

    /// Scenario 28.
    #[test]
    #[expect(
        clippy::too_many_lines,
        reason = "one table, one line for each trouble"
    )]
    fn each_trouble_of_etcd_is_found() {
        let fine = json!([{"endpoint": "https://10.0.0.0:2379", "health": true, "took": "1ms"}]);
        let down = json!([{"endpoint": "https://10.0.0.2:2379", "health": false, "error": "context deadline exceeded"}]);
        let mut learning = members(4);
        learning["members"][3]["isLearner"] = json!(true);
        let none = json!({});
        let same = json!({});
        let alarm = |kind: u8| json!({"alarms": [{"memberID": 9_372_538_179_322_589_802_u64, "alarm": kind}]});
        let cases = [
            (members(3), &fine, &same, none.clone(), 3, vec![]),
            (
                members(3),
                &down,
                &same,
                none.clone(),
                3,
                vec![
                    "block the member at https://10.0.0.2:2379 is not healthy: context deadline exceeded",
                ],
            ),
            (
                learning,
                &fine,
                &same,
                none.clone(),
                4,
                vec!["block etcd has a member that is still learning: e3"],
            ),
            (
                members(2),
                &fine,
                &same,
                none.clone(),
                2,
                vec!["block etcd has 2 members: it stops as soon as either of them is down"],
            ),
            (
                members(4),
                &fine,
                &same,
                none.clone(),
                0,
                vec!["warn etcd has 4 members, an even number"],
            ),
            (members(1), &fine, &same, none.clone(), 0, vec![]),
            (
                members(3),
                &fine,
                &same,
                none.clone(),
                5,
                vec!["block etcd has 3 members, and the inventory 5 hosts for it"],
            ),
            (
                members(3),
                &fine,
                &same,
                alarm(1),
                3,
                vec!["block e1 raises NOSPACE"],
            ),
            (
                members(3),
                &fine,
                &same,
                alarm(2),
                3,
                vec!["block e1 raises CORRUPT"],
            ),
            (
                members(3),
                &fine,
                &json!({"leader": 0}),
                none.clone(),
                3,
                vec!["block the member at https://10.0.0.1:2379 knows no leader"],
            ),
            (
                members(3),
                &fine,
                &json!({"raftIndex": 100}),
                none.clone(),
                3,
                vec!["block e1 is 4900 entries behind"],
            ),
            (
                members(3),
                &fine,
                &json!({"header": {"cluster_id": 8}}),
                none.clone(),
                3,
                vec!["block the endpoints belong to different clusters"],
            ),
            (
                members(3),
                &fine,
                &json!({"dbSize": 2_000_000_000_u64}),
                none,
                3,
                vec!["warn the database of e1 is 1907 MiB of 2048 MiB allowed"],
            ),
        ];
        for (members, health, change, alarms, expected, wanted) in cases {
            let sight = sight(&members, health, &status(change), &alarms);
            let found: Vec<String> = etcd(&sight, expected)
                .into_iter()
                .map(|each| {
                    let word = if each.severity == Severity::Block {
                        "block"
                    } else {
                        "warn"
                    };
                    format!("{word} {}", each.what)
                })
                .collect();
            assert_eq!(found, wanted);
            assert_eq!(sight.versions(), ["3.5.26"].into());
        }
    }

    #[test]
    fn without_the_tool_or_an_answer_it_blocks() {
        let missing = EtcdSight::read(b"there\0yes\0missing\0yes\0end\0yes\0").unwrap();
        assert_eq!(etcd(&missing, 3)[0].id, "no-etcdctl");
        let nothing = EtcdSight::read(b"missing\0yes\0end\0yes\0").unwrap();
        assert_eq!(etcd(&nothing, 3)[0].id, "no-etcd");
        let silent =
            EtcdSight::read(b"utl\0yes\0why\0Error: connection refused\0members\0\0end\0yes\0")
                .unwrap();
        let found = etcd(&silent, 3);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "etcd does not answer: connection refused");
        assert!(EtcdSight::read(b"utl\0yes\0members\0").is_none());
    }

    #[test]
    fn the_users_environment_takes_the_place_of_the_usual_files() {
        let mut request = EtcdRequest {
            bin_dir: "/usr/local/bin".to_owned(),
            config_dir: "/etc/kubernetes".to_owned(),
            ..EtcdRequest::default()
        };
        assert!(etcd_script(&request).contains("/etc/etcd.env"));
        request.environment = [("ETCDCTL_CACERT".to_owned(), "/a b".to_owned())].into();
        let script = etcd_script(&request);
        assert!(
            script.contains("export 'ETCDCTL_CACERT=/a b'\n"),
            "{script}"
        );
        assert!(!script.contains("/etc/etcd.env"));
    }
}
