//! `windlass.preflight`: one part of the look at a fleet before its upgrade. Changes nothing.
//!
//! `look` reads a cluster's nodes, `host` one host, `etcd` the members of etcd, `artifacts` the binaries on the controller,
//! `cluster` everything else of a cluster; each returns `findings`. `report` puts them together, and fails when one blocks.

use super::kube_target::{KUBECONFIG_PARAMETER, optional};
use super::preflight_cluster::{check, look};
use super::preflight_host::{artifacts, etcd, host};
use super::preflight_report::conclude;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::preflight::Finding;
use crate::kubernetes::rules::{Distribution, Rules};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

static SPEC: Spec = Spec {
    name: "windlass.preflight",
    summary: "look for everything that could stop an upgrade; changes nothing",
    parameters: PARAMETERS,
    free_form: FreeForm::No,
};

const PARAMETERS: &[Parameter] = &[
    optional(
        "api_hosts",
        Kind::List,
        "control-plane hosts by their inventory names",
    ),
    optional(
        "artifacts",
        Kind::List,
        "part artifacts: names and versions of the binaries",
    ),
    optional(
        "at_once",
        Kind::Raw,
        "part cluster: how many nodes are drained together, as in serial",
    ),
    optional("bin_dir", Kind::Path, "part etcd: folder of the binaries"),
    optional(
        "certificate_authority_days",
        Kind::Int,
        "part host: days that an authority must still be good",
    ),
    optional(
        "certificate_days",
        Kind::Int,
        "part host: days that a certificate must still be good",
    ),
    optional(
        "certificates",
        Kind::List,
        "part host: files with certificates; may hold *",
    ),
    optional(
        "checksum_files",
        Kind::Map,
        "part artifacts: path or URL of the file with a binary's checksum, by name; SHA256SUMS beside the source by default",
    ),
    optional("checksums", Kind::Map, "part artifacts: SHA-256 by name"),
    optional(
        "clock_seconds",
        Kind::Float,
        "part cluster: how far apart control planes' clocks may be",
    ),
    optional(
        "components",
        Kind::List,
        "part host: name, path, service and version of each binary",
    ),
    optional(
        "config_dir",
        Kind::Path,
        "parts host and etcd: folder of the Kubernetes configuration",
    ),
    optional(
        "control_plane",
        Kind::Bool,
        "part host: whether the host is a control plane",
    ),
    optional(
        "current",
        Kind::Bool,
        "part host: the cluster sees the node at its target",
    ),
    optional("data_dir", Kind::Path, "part host: data of etcd or k3s"),
    optional("distribution", Kind::String, "systemd, kubeadm or k3s"),
    optional(
        "drain",
        Kind::Map,
        "part cluster: how nodes are drained; without it they are not",
    ),
    optional(
        "etcd_environment",
        Kind::Map,
        "part etcd: environment of etcdctl",
    ),
    optional(
        "etcd_hosts",
        Kind::Int,
        "part etcd: hosts of etcd in the inventory",
    ),
    optional(
        "etcd_moves",
        Kind::Bool,
        "part etcd: whether etcd is upgraded over a minor version too",
    ),
    optional(
        "files",
        Kind::Map,
        "part artifacts: what a binary is called at its source, by name",
    ),
    optional("findings", Kind::List, "part report: lists of findings"),
    optional(
        "free_inodes",
        Kind::Int,
        "part host: inodes that must be free",
    ),
    optional(
        "free_megabytes",
        Kind::Int,
        "part host: what must be left on each file system",
    ),
    optional(
        "hosts",
        Kind::Map,
        "part cluster: what part host found, by host",
    ),
    optional(
        "ignore",
        Kind::List,
        "part report: groups and checks that do not block",
    ),
    optional(
        "known",
        Kind::List,
        "part cluster: all hosts of the cluster in the inventory",
    ),
    KUBECONFIG_PARAMETER,
    optional(
        "machine",
        Kind::String,
        "part artifacts: the host's machine, as uname -m has it",
    ),
    optional(
        "manifests_dir",
        Kind::Path,
        "part host: folder of static pods",
    ),
    optional(
        "node",
        Kind::String,
        "part host: the node's name in the cluster",
    ),
    Parameter {
        required: true,
        choices: &["look", "host", "etcd", "artifacts", "cluster", "report"],
        ..optional("part", Kind::String, "which part")
    },
    optional(
        "root",
        Kind::Path,
        "part host: stands before the system's own files; for the lab",
    ),
    optional(
        "rules",
        Kind::Path,
        "a file of your own laid over the rules of versions",
    ),
    optional(
        "server_address",
        Kind::String,
        "part cluster: where API servers listen on their hosts",
    ),
    optional(
        "source",
        Kind::String,
        "part artifacts: folder or URL; part cluster: folders beside it that are named like versions are added to `via`",
    ),
    optional(
        "state_dir",
        Kind::Path,
        "part host: where new binaries and backups go",
    ),
    optional(
        "strict",
        Kind::Bool,
        "part cluster: block a plan that ends with versions that do not belong together",
    ),
    optional("target", Kind::String, "the version to end at"),
    optional(
        "unreachable",
        Kind::List,
        "part report: hosts that could not be looked at",
    ),
    optional(
        "via",
        Kind::List,
        "part cluster: versions for the hops in between",
    ),
];

/// The module.
pub(super) struct Preflight;

#[derive(Deserialize)]
struct Which {
    part: String,
}

#[async_trait]
impl Module for Preflight {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let which: Which = params.parse()?;
        let outcome = match which.part.as_str() {
            "look" => look(cx, params).await?,
            "host" => host(cx, params).await?,
            "etcd" => etcd(cx, params).await?,
            "artifacts" => artifacts(cx, params).await?,
            "cluster" => Box::pin(check(cx, params)).await?,
            _ => conclude(params)?,
        };
        Ok(Inspection::Done(outcome))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.preflight never changes anything",
        ))
    }
}

/// What a part returns.
pub(super) fn found(findings: &[Finding], more: Value) -> Outcome {
    let mut result = match more {
        Value::Object(result) => result,
        _ => Map::new(),
    };
    result.insert("findings".to_owned(), json!(findings));
    Outcome {
        result,
        ..Outcome::default()
    }
}

/// The rules of versions, with the user's own file laid over them.
pub(super) fn rules(path: Option<&str>) -> Result<Rules, ModuleError> {
    let path = path.filter(|path| !path.is_empty()).map(Path::new);
    Rules::load(path).map_err(|error| ModuleError::failed(error.to_string()))
}

/// How the cluster was put together.
pub(super) fn distribution(name: Option<&str>) -> Result<Distribution, ModuleError> {
    let name = name.unwrap_or("systemd");
    Distribution::from_name(name).ok_or_else(|| {
        ModuleError::failed(format!(
            "`distribution` must be systemd, kubeadm or k3s, not `{name}`"
        ))
    })
}

/// A version that a parameter must hold.
pub(super) fn version(
    name: &str,
    text: Option<&str>,
) -> Result<crate::kubernetes::Version, ModuleError> {
    let text = text.unwrap_or_default();
    text.parse()
        .map_err(|error| ModuleError::failed(format!("`{name}`: {error}")))
}
