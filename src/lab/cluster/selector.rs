//! Label selectors and field selectors, as text in a query and as objects in a spec.

use super::object;
use super::resource::Resource;
use super::status::Refusal;
use serde_json::Value;

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// A label selector. Without requirements it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(Vec<Requirement>);

impl Labels {
    /// Reads a selector such as `app=web,tier in (a, b),!old`.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let parts = split(text)
            .into_iter()
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(requirement)
            .collect::<Option<Vec<_>>>()
            .map(Self)
            .ok_or_else(|| {
                Refusal::bad_request(format!(
                    "unable to parse requirement: \"{text}\" is not a label selector"
                ))
            })
    }

    /// Reads a `LabelSelector` object: `matchLabels` and `matchExpressions`.
    pub(super) fn from_object(selector: &Value) -> Self {
        let mut all = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            all.push(Requirement::In(
                key.clone(),
                strings(&Value::Array(vec![value.clone()])),
            ));
        }
        for expression in selector["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = strings(&expression["values"]);
            all.push(match expression["operator"].as_str().unwrap_or_default() {
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Missing(key),
                _ => Requirement::In(key, values),
            });
        }
        Self(all)
    }

    /// Whether an object has labels that fit.
    pub(super) fn select(&self, object: &Value) -> bool {
        let label = |key: &str| {
            object["metadata"]["labels"]
                .get(key)
                .and_then(Value::as_str)
        };
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                label(key).is_some_and(|label| values.iter().any(|v| v == label))
            }
            Requirement::NotIn(key, values) => {
                !label(key).is_some_and(|label| values.iter().any(|v| v == label))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Missing(key) => label(key).is_none(),
        })
    }
}

fn strings(values: &Value) -> Vec<String> {
    values
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return label_key(key).map(Requirement::Missing);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(
            label_key(key)?,
            vec![value.trim().to_owned()],
        ));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(
            label_key(key)?,
            vec![value.trim().to_owned()],
        ));
    }
    let Some((head, set)) = part.split_once('(') else {
        return label_key(part).map(Requirement::Exists);
    };
    let values = set
        .strip_suffix(')')?
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    let mut words = head.split_whitespace();
    let key = label_key(words.next()?)?;
    match (words.next()?, words.next()) {
        ("in", None) => Some(Requirement::In(key, values)),
        ("notin", None) => Some(Requirement::NotIn(key, values)),
        _ => None,
    }
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// A field selector: fields with a wanted value and whether it must be equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String, bool)>);

impl Fields {
    /// Reads a selector such as `spec.nodeName=w1,status.phase!=Failed`; refuses fields that a real server does not index.
    pub(super) fn parse(resource: Resource, text: &str) -> Result<Self, Refusal> {
        let mut all = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, value, equal) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) =
                part.split_once("==").or_else(|| part.split_once('='))
            {
                (field, value, true)
            } else {
                return Err(Refusal::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                )));
            };
            if !indexed(resource, field) {
                return Err(Refusal::bad_request(format!(
                    "field label not supported: {field}"
                )));
            }
            all.push((field.to_owned(), value.to_owned(), equal));
        }
        Ok(Self(all))
    }

    /// Whether an object's fields fit.
    pub(super) fn select(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, wanted, equal)| {
            let found = match field.as_str() {
                // A boolean: absent is `false`.
                "spec.unschedulable" => (object["spec"]["unschedulable"] == true).to_string(),
                "source" => object::text(object, "/source/component").to_owned(),
                _ => object::text(object, &format!("/{}", field.replace('.', "/"))).to_owned(),
            };
            (found == *wanted) == *equal
        })
    }
}

/// What an event can be found by of the object that it is about.
const INVOLVED: &[&str] = &[
    "kind",
    "namespace",
    "name",
    "uid",
    "apiVersion",
    "resourceVersion",
    "fieldPath",
];

fn indexed(resource: Resource, field: &str) -> bool {
    match field {
        "metadata.name" => true,
        "metadata.namespace" => resource.namespaced(),
        "status.phase" => matches!(resource, Resource::Pods | Resource::Namespaces),
        "spec.nodeName"
        | "spec.restartPolicy"
        | "spec.schedulerName"
        | "spec.serviceAccountName"
        | "status.nominatedNodeName" => resource == Resource::Pods,
        "reason" | "type" | "reportingComponent" | "source" => resource == Resource::Events,
        "spec.unschedulable" => resource == Resource::Nodes,
        _ => {
            let involved = field.strip_prefix("involvedObject.");
            resource == Resource::Events && involved.is_some_and(|field| INVOLVED.contains(&field))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_select_what_kubectl_selects() {
        let pod = json!({ "metadata": { "labels": { "app": "web", "tier": "a", "node-role.kubernetes.io/x": "" } } });
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web,tier=a", true),
            ("app=api", false),
            ("app!=api", true),
            ("other!=api", true),
            ("app in (web, api),tier notin (b)", true),
            ("app in (api)", false),
            ("tier notin (a,b)", false),
            ("node-role.kubernetes.io/x", true),
            ("!old", true),
            ("!app", false),
            ("node-role.kubernetes.io/x=", true),
        ];
        for (text, wanted) in cases {
            assert_eq!(Labels::parse(text).unwrap().select(&pod), wanted, "{text}");
        }
        for text in ["app in web", "=x", "a b", "app inside (x)"] {
            assert_eq!(Labels::parse(text).unwrap_err().code, 400, "{text}");
        }
    }

    #[test]
    fn selector_objects_know_expressions() {
        let pod = json!({ "metadata": { "labels": { "app": "web" } } });
        let cases = [
            (json!({}), true),
            (json!({ "matchLabels": { "app": "web" } }), true),
            (json!({ "matchLabels": { "app": "api" } }), false),
            (
                json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web"] }] }),
                true,
            ),
            (
                json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["web"] }] }),
                false,
            ),
            (
                json!({ "matchExpressions": [{ "key": "old", "operator": "DoesNotExist" }] }),
                true,
            ),
            (
                json!({ "matchExpressions": [{ "key": "old", "operator": "Exists" }] }),
                false,
            ),
        ];
        for (selector, wanted) in cases {
            assert_eq!(
                Labels::from_object(&selector).select(&pod),
                wanted,
                "{selector}"
            );
        }
    }

    #[test]
    fn field_selectors_know_the_indexed_fields_only() {
        let pod = json!({ "metadata": { "name": "p" }, "spec": { "nodeName": "w1" }, "status": { "phase": "Running" } });
        let cases = [
            ("spec.nodeName=w1", true),
            ("spec.nodeName=w2", false),
            ("spec.nodeName=w1,status.phase!=Failed", true),
            ("metadata.name==p", true),
        ];
        for (text, wanted) in cases {
            assert_eq!(
                Fields::parse(Resource::Pods, text).unwrap().select(&pod),
                wanted,
                "{text}"
            );
        }
        assert!(Fields::parse(Resource::Pods, "spec.containers=x").is_err());
        assert!(Fields::parse(Resource::Nodes, "spec.nodeName=x").is_err());
        let node = json!({ "spec": {} });
        assert!(
            Fields::parse(Resource::Nodes, "spec.unschedulable=false")
                .unwrap()
                .select(&node)
        );
    }
}
