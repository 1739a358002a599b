//! The parts of `windlass.preflight` that look at one host (`host`, `etcd`: one round trip each) or at what it gets (`artifacts`).

use super::artifact::architecture_name;
use super::preflight::{distribution, found, rules, version};
use super::{Context, ModuleError, Outcome, Params, controller_file};
use crate::artifact::{Cache, Wanted};
use crate::kubernetes::preflight::{
    Aim, CertificateLimits, Component, EtcdRequest, EtcdSight, Finding, Group, HostFacts,
    HostLimits, HostRequest, etcd as judge_etcd, etcd_floor, etcd_script, host_script,
    host_versions, judge_host,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct HostParams {
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    control_plane: bool,
    #[serde(default)]
    root: String,
    node: Option<String>,
    state_dir: Option<String>,
    config_dir: Option<String>,
    manifests_dir: Option<String>,
    #[serde(default)]
    data_dir: String,
    #[serde(default)]
    certificates: Vec<String>,
    certificate_days: Option<i64>,
    certificate_authority_days: Option<i64>,
    free_megabytes: Option<u64>,
    free_inodes: Option<u64>,
    distribution: Option<String>,
    target: Option<String>,
    rules: Option<String>,
}

impl HostParams {
    fn limits(&self) -> HostLimits {
        let usual = HostLimits::default();
        HostLimits {
            spare: self
                .free_megabytes
                .map_or(usual.spare, |size| size.saturating_mul(1 << 20)),
            inodes: self.free_inodes.unwrap_or(usual.inodes),
            certificates: CertificateLimits {
                days: self.certificate_days.unwrap_or(usual.certificates.days),
                authority_days: self
                    .certificate_authority_days
                    .unwrap_or(usual.certificates.authority_days),
            },
        }
    }

    fn request(&self) -> HostRequest {
        let config_dir = self
            .config_dir
            .clone()
            .unwrap_or_else(|| "/etc/kubernetes".to_owned());
        HostRequest {
            root: self.root.clone(),
            components: self.components.clone(),
            current: self.current,
            state_dir: self
                .state_dir
                .clone()
                .unwrap_or_else(|| "/var/lib/windlass".to_owned()),
            manifests: self
                .manifests_dir
                .clone()
                .unwrap_or_else(|| format!("{config_dir}/manifests")),
            config_dir,
            data_dir: self.data_dir.clone(),
            certificates: self.certificates.clone(),
        }
    }
}

/// Looks at the host, in one round trip.
pub(super) async fn host(cx: &Context, params: &Params) -> Result<Outcome, ModuleError> {
    let given: HostParams = params.parse()?;
    let request = given.request();
    let sent = Timestamp::now();
    let output = cx.remote.run(host_script(&request)).await?;
    let answered = Timestamp::now();
    let facts = HostFacts::read(&output.stdout, sent, answered).map_err(|error| {
        let stderr = output.stderr_text();
        let last = stderr.lines().last().unwrap_or_default().trim();
        ModuleError::failed(format!("{error}: {last}"))
    })?;
    let mut findings = judge_host(&facts, &request, given.limits(), answered);
    if facts.needed() && !given.components.is_empty() {
        let rules = rules(given.rules.as_deref())?;
        let target = version("target", given.target.as_deref())?;
        let distribution = distribution(given.distribution.as_deref())?;
        findings.extend(host_versions(
            &facts,
            &request,
            &rules,
            &target,
            distribution,
        ));
    }
    for finding in &mut findings {
        finding.host.clone_from(&cx.host);
    }
    let versions: BTreeMap<&str, &str> = given
        .components
        .iter()
        .filter_map(|each| Some((each.name.as_str(), facts.version(&each.name)?)))
        .collect();
    let more = json!({
        "needed": facts.needed() && !given.components.is_empty(),
        "control_plane": given.control_plane,
        "node": given.node.as_deref().unwrap_or(&cx.host),
        "machine_id": facts.machine_id(),
        "machine": facts.machine(),
        "addresses": facts.addresses(),
        "clock": facts.clock,
        "versions": versions,
        "kubeadm": facts.is_kubeadm(),
        "open_runs": facts.open_runs(),
    });
    Ok(found(&findings, more))
}

#[derive(Deserialize)]
struct EtcdParams {
    bin_dir: Option<String>,
    config_dir: Option<String>,
    #[serde(default)]
    etcd_environment: BTreeMap<String, String>,
    #[serde(default)]
    etcd_hosts: usize,
    #[serde(default)]
    etcd_moves: bool,
    distribution: Option<String>,
    target: Option<String>,
    rules: Option<String>,
}

/// Asks etcd through the host, in one round trip.
pub(super) async fn etcd(cx: &Context, params: &Params) -> Result<Outcome, ModuleError> {
    let given: EtcdParams = params.parse()?;
    let or =
        |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
    let request = EtcdRequest {
        bin_dir: or(&given.bin_dir, "/usr/local/bin"),
        config_dir: or(&given.config_dir, "/etc/kubernetes"),
        environment: given.etcd_environment,
    };
    let output = cx.remote.run(etcd_script(&request)).await?;
    let sight = EtcdSight::read(&output.stdout)
        .ok_or_else(|| ModuleError::failed("the host's answer about etcd was cut off"))?;
    let mut findings = judge_etcd(&sight, given.etcd_hosts);
    let aim = Aim {
        target: version("target", given.target.as_deref())?,
        distribution: distribution(given.distribution.as_deref())?,
        via: Vec::new(),
        strict: true,
    };
    let rules = rules(given.rules.as_deref())?;
    findings.extend(etcd_floor(&rules, &aim, sight.versions(), given.etcd_moves));
    // What the members say of the whole is the same from each host; only a host of its own trouble is named.
    let own = ["no-etcd", "no-etcdctl", "no-answer", "no-etcdutl"];
    for finding in findings
        .iter_mut()
        .filter(|finding| own.contains(&finding.id.as_str()))
    {
        finding.host.clone_from(&cx.host);
    }
    let versions: Vec<&str> = sight.versions().into_iter().collect();
    Ok(found(&findings, json!({"versions": versions})))
}

#[derive(Deserialize)]
struct ArtifactParams {
    #[serde(default)]
    artifacts: Vec<Named>,
    #[serde(default)]
    checksums: BTreeMap<String, String>,
    /// Path or URL of a binary's checksums, else `SHA256SUMS` beside the source.
    #[serde(default)]
    checksum_files: BTreeMap<String, String>,
    /// What a binary is called where it comes from, when that is another name.
    #[serde(default)]
    files: BTreeMap<String, String>,
    source: Option<String>,
    #[serde(default)]
    machine: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    version: Option<String>,
}

/// Whether every binary is at hand, is what its checksum says, and is of the host's architecture. Asks no host.
pub(super) async fn artifacts(cx: &Context, params: &Params) -> Result<Outcome, ModuleError> {
    let given: ArtifactParams = params.parse()?;
    let mut findings = Vec::new();
    for each in &given.artifacts {
        let Some(source) = &given.source else {
            findings.push(Finding::block(
                Group::Artifacts,
                "no-source",
                "nobody said where the new binaries are",
                "set artifact_source to a folder or a URL",
            ));
            break;
        };
        if let Some(finding) = artifact(cx, &given, source, each).await {
            findings.push(finding.on(&cx.host));
        }
    }
    Ok(found(&findings, json!({})))
}

async fn artifact(
    cx: &Context,
    given: &ArtifactParams,
    source: &str,
    named: &Named,
) -> Option<Finding> {
    let name = named.name.as_str();
    let missing = |why: String| {
        Finding::block(
            Group::Artifacts,
            "artifact",
            match &named.version {
                Some(version) => format!("{name} {version}: {why}"),
                None => format!("{name}: {why}"),
            },
            "put it there with its checksums, or set artifact_source to a folder, a bundle or a URL that has it",
        )
    };
    let found = if source.contains("://") {
        source.to_owned()
    } else {
        match controller_file::find(&cx.scope.search, "files", source) {
            Ok(path) => path.display().to_string(),
            Err(error) => return Some(missing(error.to_string())),
        }
    };
    let wanted = Wanted {
        name: given
            .files
            .get(name)
            .map_or(name, String::as_str)
            .to_owned(),
        source: found,
        checksums: given.checksum_files.get(name).cloned(),
        sha256: given.checksums.get(name).cloned(),
        version: named.version.clone(),
        arch: (!given.machine.is_empty()).then(|| architecture_name(&given.machine)),
    };
    let content = match Cache::shared().get(&wanted).await {
        Ok(content) => content,
        Err(error) => return Some(missing(error.to_string())),
    };
    let machine = elf_machine(&content.content)?;
    let own = given.machine.as_str();
    let fits = match machine {
        62 => matches!(own, "x86_64" | "amd64"),
        183 => matches!(own, "aarch64" | "arm64"),
        40 => own.starts_with("arm"),
        243 => own.starts_with("riscv"),
        _ => true,
    };
    (!fits && !own.is_empty()).then(|| {
        Finding::block(
            Group::Artifacts,
            "architecture",
            format!("{name} is made for another machine than {own}"),
            "set artifact_source for this host to the binaries of its architecture",
        )
    })
}

/// The machine that an ELF file is for; `None` for other files, such as scripts.
fn elf_machine(bytes: &[u8]) -> Option<u16> {
    let header = bytes.get(..20)?;
    // The sixth byte says that it is little-endian, as all machines that are told apart here are.
    (header.starts_with(b"\x7fELF") && header[5] == 1)
        .then(|| u16::from_le_bytes([header[18], header[19]]))
}

#[cfg(test)]
mod tests {
    use super::super::preflight::Preflight;
    use super::*;
    use crate::module::testing::{Host, on_both};
    use serde_json::Value;
    use std::fs;

    /// A kubelet at a version under a folder of its own, and what is asked about it.
    fn prepare(host: &Host, says: &str, current: bool) -> Value {
        fs::create_dir_all(host.text("bin")).unwrap();
        let program = host.text("bin/kubelet");
        let status = std::process::Command::new("sh")
            .args([
                "-c",
                "printf '#!/bin/sh\\necho %s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"",
                "sh",
            ])
            .arg(&program)
            .arg(format!("Kubernetes {says}"))
            .status()
            .unwrap();
        assert!(status.success());
        fs::create_dir_all(host.text("root/etc")).unwrap();
        fs::write(host.text("root/etc/machine-id"), "abc\n").unwrap();
        host.tool(
            "systemctl",
            &format!(
                "#!/bin/sh\ncase $1 in cat) printf 'ExecStart=\"{program}\" \\\\\\n  --pod-infra-container-image=x --token=secret\\n' ;; \
                 is-active) echo active ;; esac\n"
            ),
        );
        json!({
            "part": "host", "current": current, "root": host.text("root"), "target": "v1.35.1",
            "state_dir": host.text("state"), "free_megabytes": 1, "free_inodes": 1,
            "components": [{"name": "kubelet", "path": program, "service": "kubelet", "version": "v1.35.1"}],
        })
    }

    fn ids(outcome: &Outcome) -> Vec<String> {
        let findings = outcome.result["findings"].as_array().unwrap();
        let ids = findings
            .iter()
            .map(|each| each["id"].as_str().unwrap().to_owned());
        ids.collect()
    }

    #[test]
    fn a_host_is_looked_at_in_one_round_trip_and_left_in_peace_when_it_is_done() {
        on_both(async |host: Host| {
            let params = prepare(&host, "v1.34.3", true);
            let before = host.snapshot();
            let seen = host.done(&Preflight, params.clone()).await;
            assert_eq!(host.round_trips(), 1);
            assert_eq!(seen.result["needed"], true);
            assert_eq!(seen.result["machine_id"], "abc");
            assert_eq!(seen.result["versions"]["kubelet"], "v1.34.3");
            assert_eq!(ids(&seen), ["removed-flag"]);
            assert!(!json!(seen.result).to_string().contains("secret"));
            assert_eq!(host.snapshot(), before);

            prepare(&host, "v1.35.1", true);
            let seen = host.done(&Preflight, params.clone()).await;
            assert_eq!(seen.result["needed"], false);
            assert_eq!(ids(&seen), Vec::<String>::new());
            // The disk is right, but the node is not.
            let mut params = params;
            params["current"] = json!(false);
            let seen = host.done(&Preflight, params).await;
            assert_eq!(seen.result["needed"], true);
        });
    }

    #[test]
    fn binaries_must_be_there_with_their_checksum_and_for_the_machine() {
        on_both(async |host: Host| {
            let folder = host.controller.path().join("files/artifacts");
            fs::create_dir_all(&folder).unwrap();
            let mut elf = b"\x7fELF\x02\x01".to_vec();
            elf.resize(18, 0);
            elf.extend([183, 0]);
            fs::write(folder.join("kubelet"), &elf).unwrap();
            let sum = controller_file::Loaded::new(elf).sha256;
            let params = |machine: &str, sum: &str| {
                json!({"part": "artifacts", "source": "artifacts", "machine": machine,
                "checksums": {"kubelet": sum}, "artifacts": [{"name": "kubelet", "version": "v1.35.1"}]})
            };
            for (machine, sum, expected) in [
                ("aarch64", sum.as_str(), vec![]),
                ("x86_64", sum.as_str(), vec!["architecture"]),
                ("aarch64", "0".repeat(64).as_str(), vec!["artifact"]),
            ] {
                let seen = host.done(&Preflight, params(machine, sum)).await;
                assert_eq!(ids(&seen), expected, "{machine}");
            }
            let nowhere = json!({"part": "artifacts", "source": "nowhere", "artifacts": [{"name": "kubelet"}]});
            assert_eq!(ids(&host.done(&Preflight, nowhere).await), ["artifact"]);
            let unset = json!({"part": "artifacts", "artifacts": [{"name": "kubelet"}]});
            assert_eq!(ids(&host.done(&Preflight, unset).await), ["no-source"]);
            assert_eq!(host.round_trips(), 0);
        });
    }

    #[test]
    fn etcd_is_asked_through_its_own_tool() {
        on_both(async |host: Host| {
            let params = json!({"part": "etcd", "bin_dir": host.text("bin"), "target": "v1.35.1", "etcd_moves": true});
            let seen = host.done(&Preflight, params.clone()).await;
            assert_eq!(ids(&seen), ["no-etcd"]);
            let tool = "#!/bin/sh\ncase \"$*\" in\n\
                *'member list'*) echo '{\"members\":[{\"ID\":1,\"name\":\"e1\"},{\"ID\":2,\"name\":\"e2\"}]}' ;;\n\
                *'endpoint status'*) echo '[{\"Endpoint\":\"x\",\"Status\":{\"version\":\"3.5.20\",\"leader\":1}}]' ;;\n\
                *'endpoint health'*) echo '[{\"endpoint\":\"x\",\"health\":true}]' ;;\n\
                *) echo '{}' ;; esac\n";
            host.tool("etcdctl", tool);
            host.tool("etcdutl", "#!/bin/sh\n");
            let trips = host.round_trips();
            let seen = host.done(&Preflight, params).await;
            assert_eq!(ids(&seen), ["two-members", "etcd-3.6-from-3.5.26"]);
            assert_eq!(host.round_trips() - trips, 1);
        });
    }
}
