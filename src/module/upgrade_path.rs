//! `windlass.upgrade_path`: the hops from what a cluster runs to what is wanted, or the rule that forbids it. Changes nothing.

use super::hop_versions::{beside, parse, parse_all, versions_in};
use super::kube_target::{optional, values};
use super::parameter::required;
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::kubernetes::Version;
use crate::kubernetes::rules::{Component, Hop, Member, Rules, State};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

static SPEC: Spec = Spec {
    name: "windlass.upgrade_path",
    summary: "work out the hops of an upgrade, or say which rule forbids it",
    parameters: &[
        required("from", Kind::List, "the versions that the API servers run"),
        optional("kubelets", Kind::List, "the versions that the kubelets run"),
        Parameter {
            choices: &["kubelets"],
            ..optional(
                "only",
                Kind::String,
                "`kubelets`: the API servers stay, and a kubelet of version `to` must fit them",
            )
        },
        optional(
            "rules",
            Kind::Path,
            "file on the controller with rules that are laid over the built-in ones",
        ),
        optional(
            "source",
            Kind::String,
            "where the target's binaries are; folders beside it that are named like versions are added to `via`",
        ),
        required("to", Kind::String, "the version to end at"),
        optional("via", Kind::List, "versions that binaries are at hand of"),
    ],
    free_form: FreeForm::No,
};

/// The module.
pub(super) struct UpgradePath;

#[derive(Deserialize)]
struct Given {
    from: Vec<String>,
    #[serde(default)]
    kubelets: Vec<String>,
    only: Option<String>,
    rules: Option<String>,
    source: Option<String>,
    to: String,
    #[serde(default)]
    via: Vec<String>,
}

impl Given {
    fn via(&self) -> Result<Vec<Version>, ModuleError> {
        let mut via = parse_all("via", &self.via)?;
        if let Some(folder) = self.source.as_deref().and_then(beside) {
            via.extend(versions_in(folder));
        }
        Ok(via)
    }
}

#[async_trait]
impl Module for UpgradePath {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, _: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let given: Given = params.parse()?;
        let rules = given.rules.as_deref().filter(|path| !path.is_empty());
        let rules = Rules::load(rules.map(Path::new))
            .map_err(|error| ModuleError::failed(error.to_string()))?;
        let (from, to) = (parse_all("from", &given.from)?, parse("to", &given.to)?);
        let hops = if given.only.is_some() {
            fit(&rules, &from, &to)?;
            vec![Hop {
                version: to,
                kubelets: true,
            }]
        } else {
            let kubelets = parse_all("kubelets", &given.kubelets)?;
            let path = rules.path(&from, &to, &kubelets, &given.via()?);
            path.map_err(|refusal| ModuleError::failed(format!("{refusal}; {}", refusal.hint())))?
                .hops
        };
        let hops: Vec<Value> = hops
            .iter()
            .map(|hop| json!({"version": hop.version.to_string(), "kubelets": hop.kubelets}))
            .collect();
        Ok(Inspection::Done(Outcome {
            result: values([("hops", Value::Array(hops))]),
            ..Outcome::default()
        }))
    }

    async fn apply(&self, _: &Context, _: &Params, _: Change) -> Result<Outcome, ModuleError> {
        Err(ModuleError::failed(
            "windlass.upgrade_path never changes anything",
        ))
    }
}

/// Refuses a kubelet, or a k3s agent, of version `to` under API servers of the versions `from`.
fn fit(rules: &Rules, from: &[Version], to: &Version) -> Result<(), ModuleError> {
    let (server, node) = Component::plane_of(to);
    let mut state = State::default();
    for (at, version) in from.iter().enumerate() {
        let name = format!("API server {}", at + 1);
        state
            .members
            .push(Member::new(name, server, version.clone()));
    }
    state.members.push(Member::new("", node, to.clone()));
    let mut broken = rules.violations(&state);
    broken.retain(|each| each.hosts.iter().any(String::is_empty));
    match broken.first() {
        None => Ok(()),
        Some(first) => {
            let oldest = from.iter().min().map(ToString::to_string);
            let newest = from.iter().max().map(ToString::to_string);
            let served = if oldest == newest {
                oldest.unwrap_or_default()
            } else {
                format!(
                    "{} to {}",
                    oldest.unwrap_or_default(),
                    newest.unwrap_or_default()
                )
            };
            Err(ModuleError::failed(format!(
                "{node} {to} does not fit API servers at {served}: {} (rule {}); upgrade the API servers first",
                first.says, first.rule
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};

    #[test]
    fn hops_are_worked_out_or_the_rule_is_named() {
        on_both(async |host: Host| {
            let artifacts = host.controller.path().join("artifacts");
            for name in ["v1.33.5", "v1.34.3", "v1.35.1"] {
                std::fs::create_dir_all(artifacts.join(name)).unwrap();
            }
            let source = artifacts.join("v1.35.1").display().to_string();
            let cases = [
                (
                    json!({"from": ["v1.34.3"], "to": "1.35.1"}),
                    Ok(json!([{"version": "v1.35.1", "kubelets": true}])),
                ),
                (
                    json!({"from": ["v1.35.1"], "to": "v1.35.1", "kubelets": ["v1.35.1"]}),
                    Ok(json!([])),
                ),
                (
                    json!({"from": ["v1.33.5", "v1.33.5"], "to": "v1.35.1", "kubelets": ["v1.33.5"], "source": source}),
                    Ok(
                        json!([{"version": "v1.34.3", "kubelets": false}, {"version": "v1.35.1", "kubelets": true}]),
                    ),
                ),
                (
                    json!({"from": ["v1.33.5"], "to": "v1.35.1"}),
                    Err("rule control-plane-hop"),
                ),
                (
                    json!({"from": ["v1.35.1"], "to": "v1.34.3"}),
                    Err("windlass rollback"),
                ),
                (
                    json!({"from": ["v1.35.1"], "to": "v1.35.1", "only": "kubelets"}),
                    Ok(json!([{"version": "v1.35.1", "kubelets": true}])),
                ),
                (
                    json!({"from": ["v1.35.1", "v1.34.3"], "to": "v1.35.1", "only": "kubelets"}),
                    Err("at v1.34.3 to v1.35.1"),
                ),
                (
                    json!({"from": ["v1.34.3"], "to": "v1.35.1", "only": "kubelets"}),
                    Err("rule kubelet-apiserver"),
                ),
                (
                    json!({"from": ["v1.34.3+k3s1"], "to": "v1.34.3+k3s2", "only": "kubelets"}),
                    Err("rule k3s-agent-server"),
                ),
                (
                    json!({"from": ["old"], "to": "v1.35.1"}),
                    Err("`from`: `old` is not a version"),
                ),
                (
                    json!({"from": ["v1.34.3"], "to": "v1.35.1", "rules": "/nowhere.yml"}),
                    Err("cannot read the rules in /nowhere.yml"),
                ),
            ];
            for (params, expected) in cases {
                match (host.inspect(&UpgradePath, params.clone()).await, expected) {
                    (Ok(Inspection::Done(outcome)), Ok(hops)) => {
                        assert_eq!(outcome.result["hops"], hops, "{params}");
                        assert!(!outcome.changed);
                    }
                    (Err(error), Err(said)) => {
                        assert!(error.to_string().contains(said), "{params}: {error}");
                    }
                    (found, expected) => panic!("{params}: {found:?}, not {expected:?}"),
                }
            }
        });
    }
}
