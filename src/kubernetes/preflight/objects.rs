//! Objects of the cluster that stop others from being made, or that the API server cannot serve. Pure.

use super::{Finding, Group};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A webhook that the API server calls before it stores an object; of validating and mutating ones alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Webhook {
    name: String,
    failure_policy: Option<String>,
    client_config: ClientConfig,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ClientConfig {
    service: Option<ServiceReference>,
}

/// A service that something in the cluster calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub(super) struct ServiceReference {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

/// A `ValidatingWebhookConfiguration` or a `MutatingWebhookConfiguration`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WebhookConfiguration {
    metadata: Named,
    webhooks: Vec<Webhook>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

/// An `APIService`: an API group that another server answers for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ApiService {
    metadata: Named,
    status: Conditions,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// A `CustomResourceDefinition`, without its schemas.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Definition {
    metadata: Named,
    spec: DefinitionSpec,
    status: DefinitionStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DefinitionSpec {
    versions: Vec<DefinitionVersion>,
    conversion: Conversion,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DefinitionVersion {
    name: String,
    served: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Conversion {
    webhook: Option<ConversionWebhook>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConversionWebhook {
    client_config: ClientConfig,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DefinitionStatus {
    stored_versions: Vec<String>,
}

/// What was read of the cluster's extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct Extensions {
    /// Webhooks of both kinds.
    pub(super) webhooks: Vec<WebhookConfiguration>,
    /// API groups that others answer for.
    pub(super) services: Vec<ApiService>,
    /// Custom resources.
    pub(super) definitions: Vec<Definition>,
    /// Whether a service that a webhook calls has a ready endpoint.
    pub(super) ready: BTreeMap<ServiceReference, bool>,
}

impl Extensions {
    /// The services whose endpoints matter.
    pub(super) fn called(&self) -> BTreeSet<ServiceReference> {
        let of_webhooks = self.webhooks.iter().flat_map(|each| &each.webhooks);
        let of_webhooks = of_webhooks
            .filter(|hook| hook.must_answer())
            .filter_map(|hook| hook.client_config.service.clone());
        let of_definitions = self
            .definitions
            .iter()
            .filter_map(Definition::converter)
            .cloned();
        of_webhooks.chain(of_definitions).collect()
    }

    fn is_dead(&self, service: &ServiceReference) -> bool {
        self.ready.get(service) == Some(&false)
    }
}

impl Webhook {
    /// `Fail` is the default of `admissionregistration.k8s.io/v1`.
    fn must_answer(&self) -> bool {
        self.failure_policy.as_deref() != Some("Ignore")
    }
}

impl Definition {
    fn converter(&self) -> Option<&ServiceReference> {
        let webhook = self.spec.conversion.webhook.as_ref()?;
        webhook.client_config.service.as_ref()
    }
}

/// Whether any of a service's endpoints is ready; one that does not say counts as ready, as the API has it.
pub(super) fn any_ready(slices: &[EndpointSlice]) -> bool {
    slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter())
        .any(|endpoint| {
            endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready)
                .unwrap_or(true)
        })
}

/// Everything that is wrong with the extensions.
pub(super) fn extensions(seen: &Extensions) -> Vec<Finding> {
    let mut findings = webhooks(seen);
    findings.extend(api_services(&seen.services));
    findings.extend(definitions(seen));
    findings
}

fn webhooks(seen: &Extensions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for configuration in &seen.webhooks {
        for hook in configuration
            .webhooks
            .iter()
            .filter(|hook| hook.must_answer())
        {
            let Some(service) = &hook.client_config.service else {
                continue;
            };
            if seen.is_dead(service) {
                findings.push(Finding::block(
                    Group::Objects,
                    "webhook",
                    format!(
                        "webhook {} of {} must answer (failurePolicy: Fail), and its service {}/{} has no ready endpoint",
                        hook.name, configuration.metadata.name, service.namespace, service.name
                    ),
                    "repair the service or remove the webhook: evicted pods could not be made anew",
                ));
            }
        }
    }
    findings
}

fn api_services(services: &[ApiService]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in services {
        let available = service
            .status
            .conditions
            .iter()
            .find(|each| each.kind == "Available");
        if let Some(condition) = available.filter(|each| each.status != "True") {
            let why = if condition.message.is_empty() {
                &condition.reason
            } else {
                &condition.message
            };
            findings.push(Finding::warn(
                Group::Objects,
                "apiservice",
                format!(
                    "the API {} is not available: {}",
                    service.metadata.name,
                    why.trim()
                ),
                "repair its server or remove the APIService: namespaces cannot be deleted, and metrics may be missing",
            ));
        }
    }
    findings
}

fn definitions(seen: &Extensions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for definition in &seen.definitions {
        let name = &definition.metadata.name;
        for stored in &definition.status.stored_versions {
            let served = definition
                .spec
                .versions
                .iter()
                .any(|version| version.name == *stored && version.served);
            if !served {
                findings.push(Finding::warn(
                    Group::Objects,
                    "stored-version",
                    format!("{name} may hold objects as {stored}, which is not served"),
                    "migrate the stored objects, then take the version out of status.storedVersions",
                ));
            }
        }
        if let Some(service) = definition
            .converter()
            .filter(|service| seen.is_dead(service))
        {
            findings.push(Finding::block(
                Group::Objects,
                "conversion",
                format!(
                    "{name} is converted by the service {}/{}, which has no ready endpoint",
                    service.namespace, service.name
                ),
                "repair the service: until then these objects cannot be read",
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

    fn service(name: &str) -> ServiceReference {
        ServiceReference {
            namespace: "sec".to_owned(),
            name: name.to_owned(),
        }
    }

    fn hook(name: &str, policy: &Value, service: &str) -> Value {
        json!({"name": name, "failurePolicy": policy, "clientConfig": {
            "service": {"namespace": "sec", "name": service, "port": 443}, "caBundle": "x"}, "rules": []})
    }

    /// Scenario 41.
    #[test]
    fn a_webhook_that_must_answer_and_cannot_blocks() {
        let configuration = json!({"metadata": {"name": "policy"}, "webhooks": [
            hook("must", &json!("Fail"), "dead"),
            hook("must-by-default", &Value::Null, "dead"),
            hook("may", &json!("Ignore"), "dead"),
            hook("alive", &json!("Fail"), "alive"),
            {"name": "outside", "failurePolicy": "Fail", "clientConfig": {"url": "https://x"}},
        ]});
        let mut seen = Extensions {
            webhooks: vec![serde_json::from_value(configuration).unwrap()],
            ..Extensions::default()
        };
        assert_eq!(
            seen.called().into_iter().collect::<Vec<_>>(),
            [service("alive"), service("dead")]
        );
        seen.ready = [(service("alive"), true), (service("dead"), false)].into();
        let found = extensions(&seen);
        let whats: Vec<_> = found.iter().map(|each| each.what.as_str()).collect();
        assert_eq!(whats.len(), 2, "{whats:?}");
        assert!(whats[0].contains("webhook must of policy"), "{whats:?}");
        assert!(whats[0].contains("sec/dead has no ready endpoint"));
        assert!(found.iter().all(|each| each.severity == Severity::Block));
    }

    #[test]
    fn endpoints_are_ready_unless_they_deny_it() {
        let slices = |conditions: &Value| -> Vec<EndpointSlice> {
            vec![
                serde_json::from_value(json!({
                    "metadata": {"name": "s"}, "addressType": "IPv4",
                    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions}],
                }))
                .unwrap(),
            ]
        };
        assert!(any_ready(&slices(&json!({"ready": true}))));
        assert!(any_ready(&slices(&Value::Null)));
        assert!(!any_ready(&slices(&json!({"ready": false}))));
        assert!(!any_ready(&[]));
    }

    #[test]
    fn api_services_and_stored_versions_warn() {
        let api = json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "status": {"conditions": [
            {"type": "Available", "status": "False", "reason": "MissingEndpoints", "message": "no endpoints"}]}});
        let fine = json!({"metadata": {"name": "v1.apps"}, "status": {"conditions": [
            {"type": "Available", "status": "True"}]}});
        let definition = json!({
            "metadata": {"name": "things.example.com"},
            "spec": {
                "versions": [{"name": "v1alpha1", "served": false, "schema": {"x": 1}}, {"name": "v1", "served": true}],
                "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"namespace": "sec", "name": "dead"}}}},
            },
            "status": {"storedVersions": ["v1alpha1", "v1"]},
        });
        let seen = Extensions {
            services: vec![
                serde_json::from_value(api).unwrap(),
                serde_json::from_value(fine).unwrap(),
            ],
            definitions: vec![serde_json::from_value(definition).unwrap()],
            ready: [(service("dead"), false)].into(),
            ..Extensions::default()
        };
        assert_eq!(seen.called().len(), 1);
        let found: Vec<_> = extensions(&seen)
            .into_iter()
            .map(|each| (each.severity, each.id, each.what))
            .collect();
        assert_eq!(found[0].1, "apiservice");
        assert_eq!(
            found[0].2,
            "the API v1beta1.metrics.k8s.io is not available: no endpoints"
        );
        assert_eq!(found[1].1, "stored-version");
        assert_eq!(
            (found[2].0, found[2].1.as_str()),
            (Severity::Block, "conversion")
        );
        assert_eq!(found.len(), 3);
    }
}
