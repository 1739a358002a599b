//! `windlass.look`: what one component of a host is, on disk and running, and what is there to replace it. Changes nothing.
//!
//! `windlass plan` runs it through the roles' `tasks/plan.yml`.

use super::artifact::architecture_name;
use super::controller_file;
use super::hop_versions::{beside, versions_in};
use super::kube_target::{API_HOSTS, KUBECONFIG, KUBECONFIG_PARAMETER, NODE, optional, values};
use super::parameter::required;
use super::remote_stat::Fields;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::artifact::{Cache, Wanted};
use crate::kubernetes::rules::Component;
use crate::kubernetes::{self, ApiServer, Version};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    name: "windlass.look",
    summary: "read what a component of this host is, on disk and running, and what is staged to replace it",
    parameters: &[
        optional(
            "address",
            Kind::String,
            "where an API server listens, seen from its own host; default 127.0.0.1",
        ),
        Parameter {
            required: false,
            summary: "control-plane hosts by their inventory names; asked for a node's version",
            ..API_HOSTS
        },
        optional(
            "at_least",
            Kind::List,
            "what the step takes at least: seconds, or texts such as 30s and 5m; they are added up",
        ),
        optional(
            "at_most",
            Kind::List,
            "what it takes at most before its timeouts end it, in the same form",
        ),
        required("binary", Kind::Path, "the component's binary on this host"),
        required(
            "component",
            Kind::String,
            "what it is: kube-apiserver, kubelet, k3s-server and the like",
        ),
        optional(
            "emulates_from",
            Kind::String,
            "from this version on the API server first runs as the old minor version; empty for never",
        ),
        KUBECONFIG_PARAMETER,
        optional(
            "local",
            Kind::Bool,
            "it speaks only to the API server of this host, as kubeadm's controllers do",
        ),
        optional(
            "manifest",
            Kind::Path,
            "the component is a static pod, and its version that of the image in this file",
        ),
        NODE,
        optional(
            "sha256",
            Kind::String,
            "the new binary's SHA-256; default what SHA256SUMS beside it says",
        ),
        optional(
            "source",
            Kind::String,
            "folder on the controller or URL of the new binary",
        ),
        optional(
            "staged",
            Kind::Path,
            "where the new binary waits on this host",
        ),
        required("target", Kind::String, "the version it is to have"),
        optional(
            "via",
            Kind::List,
            "versions that binaries are at hand of, beside those of folders next to `source`",
        ),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct Look;

#[derive(Deserialize)]
struct Given {
    address: Option<String>,
    #[serde(default)]
    api_hosts: Vec<String>,
    #[serde(default)]
    at_least: Vec<Value>,
    #[serde(default)]
    at_most: Vec<Value>,
    binary: String,
    component: String,
    #[serde(default)]
    emulates_from: String,
    kubeconfig: Option<String>,
    #[serde(default)]
    local: bool,
    manifest: Option<String>,
    node: Option<String>,
    sha256: Option<String>,
    source: Option<String>,
    staged: Option<String>,
    target: String,
    #[serde(default)]
    via: Vec<String>,
}

#[async_trait]
impl Module for Look {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let component = Component::from_name(&given.component).ok_or_else(|| {
            let names: Vec<_> = Component::ALL.map(Component::name).into();
            ModuleError::failed(format!(
                "`component` must be one of {}, not `{}`",
                names.join(", "),
                given.component
            ))
        })?;
        let (disk, staged, arch) = given.on_host(cx).await?;
        let (sha256, artifact) = given.artifact(cx, &arch).await;
        let running = given.running(cx, component).await;
        let mut via = given.via.clone();
        if let Some(folder) = given.source.as_deref().and_then(beside) {
            via.extend(versions_in(folder).iter().map(ToString::to_string));
        }
        let (running, silent) = match running {
            Ok(running) => (running, None),
            Err(error) => (String::new(), Some(error.to_string())),
        };
        let is_staged = !staged.is_empty() && sha256.as_ref().is_none_or(|sum| *sum == staged);
        Ok(Inspection::Done(Outcome {
            result: values([
                ("component", Value::from(component.name())),
                ("target", Value::from(given.target.as_str())),
                ("disk", Value::from(disk)),
                ("running", Value::from(running)),
                ("silent", Value::from(silent)),
                ("local", Value::from(given.local)),
                ("emulates_from", Value::from(given.emulates_from.as_str())),
                ("staged", Value::from(is_staged)),
                ("artifact", artifact),
                ("via", Value::from(via)),
                (
                    "node",
                    Value::from(given.node.as_deref().unwrap_or(&cx.host)),
                ),
                ("api_hosts", Value::from(given.api_hosts.clone())),
                ("at_least", sum(&given.at_least)?.into()),
                ("at_most", sum(&given.at_most)?.into()),
            ]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed("windlass.look never changes anything"))
    }
}

impl Given {
    /// The new binary on the controller: its checksum, and in words whether it is there.
    ///
    /// What lies behind a URL is not fetched for a look.
    async fn artifact(&self, cx: &Context, arch: &str) -> (Option<String>, Value) {
        let Some(source) = self.source.as_deref() else {
            return (self.sha256.clone(), Value::Null);
        };
        if source.contains("://") {
            let state = json!({"at": source, "state": "not fetched"});
            return (self.sha256.clone(), state);
        }
        let name = self.binary.rsplit('/').next().unwrap_or_default();
        let found = async {
            let path = controller_file::find(&cx.scope.search, "files", source)
                .map_err(|error| error.to_string())?;
            let wanted = Wanted {
                name: name.to_owned(),
                source: path.display().to_string(),
                version: Some(self.target.clone()),
                arch: Some(arch.to_owned()),
                sha256: self.sha256.clone(),
                ..Wanted::default()
            };
            let content = Cache::shared().get(&wanted).await;
            content
                .map(|content| content.sha256.clone())
                .map_err(|error| error.to_string())
        };
        match found.await {
            Ok(sha256) => {
                let state = json!({"at": source, "state": "verified", "sha256": sha256});
                (Some(sha256), state)
            }
            Err(error) => (
                self.sha256.clone(),
                json!({"at": source, "state": "missing", "why": error}),
            ),
        }
    }

    /// The version on disk, empty without one; the digest of what is staged, empty when nothing is; the architecture.
    async fn on_host(&self, cx: &Context) -> Result<(String, String, String), ModuleError> {
        let ask = match &self.manifest {
            None => format!("{} --version 2>/dev/null </dev/null", quote(&self.binary)),
            Some(manifest) => format!(
                r"sed -n 's/^ *image: .*:\(v[0-9][^ @]*\).*$/\1/p' {}",
                quote(manifest)
            ),
        };
        let script = format!(
            "said=$({ask})\nsum=\nnext={}\n\
             if [ -n \"$next\" ] && [ -f \"$next\" ]; then sum=$(sha256sum <\"$next\"); fi\n\
             printf '%s\\0%s\\0%s\\0' \"$said\" \"${{sum%% *}}\" \"$(uname -m)\"\n",
            quote(self.staged.as_deref().unwrap_or_default()),
        );
        let output = cx.remote.run(script).await?;
        super::deliver::succeed(&output)?;
        let mut fields = Fields::new(&output.stdout);
        let said = fields.next()?;
        let (staged, machine) = (fields.next()?, fields.next()?);
        Ok((version_in(&said), staged, architecture_name(&machine)))
    }

    /// What runs: an API server's own word, a node's kubelet as the cluster knows it; else nothing is known.
    async fn running(&self, cx: &Context, component: Component) -> Result<String, ModuleError> {
        let kubeconfig = self.kubeconfig.as_deref().unwrap_or(KUBECONFIG);
        if component.serves_api() {
            let server = ApiServer {
                host: cx.host.clone(),
                kubeconfig: kubeconfig.to_owned(),
                address: self
                    .address
                    .clone()
                    .unwrap_or_else(|| "127.0.0.1".to_owned()),
                port: None,
            };
            return Ok(kubernetes::api_version(&cx.dial, &server).await?);
        }
        if !component.runs_pods() || self.api_hosts.is_empty() {
            return Ok(String::new());
        }
        let cluster = cx.clusters.get(&self.api_hosts, kubeconfig).await?;
        let node = self.node.as_deref().unwrap_or(&cx.host);
        let found = kubernetes::overview(&cluster, node).await?;
        if found.exists {
            Ok(found.version)
        } else {
            Err(ModuleError::failed(format!(
                "the cluster does not know a node {node}"
            )))
        }
    }
}

/// The first word that is a version; empty without one.
fn version_in(said: &str) -> String {
    said.split(|each: char| each.is_whitespace() || each == ',')
        .find_map(|word| word.parse::<Version>().ok())
        .map(|version| version.to_string())
        .unwrap_or_default()
}

/// The sum of durations in seconds.
fn sum(given: &[Value]) -> Result<u64, ModuleError> {
    given
        .iter()
        .map(|each| {
            seconds(each).ok_or_else(|| {
                ModuleError::failed(format!("{each} is no duration such as 30, 30s or 5m"))
            })
        })
        .sum()
}

fn seconds(given: &Value) -> Option<u64> {
    if let Some(number) = given.as_u64() {
        return Some(number);
    }
    let text = given.as_str()?.trim();
    let (number, factor) = match text.strip_suffix(['s', 'm', 'h']) {
        None => (text, 1),
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) if text.ends_with('h') => (number, 3600),
        Some(number) => (number, 1),
    };
    number.trim().parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_binaries_print() {
        for (said, expected) in [
            ("Kubernetes v1.35.1\n", "v1.35.1"),
            (
                "k3s version v1.35.1+k3s1 (abcdef)\ngo version go1.25\n",
                "v1.35.1+k3s1",
            ),
            ("etcd Version: 3.5.26\nGit SHA: 1\n", "v3.5.26"),
            ("", ""),
            ("not found", ""),
        ] {
            assert_eq!(version_in(said), expected, "{said}");
        }
    }

    #[test]
    fn durations_are_added_up() {
        let cases = [
            (json!([]), Some(0)),
            (json!([5, "30", "30s", "6m", "1h"]), Some(4025)),
            (json!(["soon"]), None),
            (json!([-1]), None),
        ];
        for (given, expected) in cases {
            let found = sum(given.as_array().unwrap()).ok();
            assert_eq!(found, expected, "{given}");
        }
    }
}
