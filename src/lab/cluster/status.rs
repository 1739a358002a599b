//! Refusals in the shape of a Kubernetes `Status`, worded as a real API server words them.
//!
//! This file knows no store: callers say what was asked for.

use super::resource::Resource;
use super::route::Target;
use serde_json::{Value, json};

/// The name of a client that shows no certificate.
pub(super) const ANONYMOUS: &str = "system:anonymous";

/// Who the lab's kubeconfigs are for.
pub(super) const ADMINISTRATOR: &str = "kubernetes-admin";

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The HTTP status code.
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Option<Box<Value>>,
    /// What is sent instead of a `Status`, where a real server has nothing that could make one.
    plain: Option<&'static str>,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            plain: None,
        }
    }

    /// The text that goes over the wire in place of a `Status`.
    pub(super) fn plain(&self) -> Option<&'static str> {
        self.plain
    }

    fn about(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The body that goes over the wire.
    pub(super) fn to_json(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if !self.reason.is_empty() {
            body["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            body["details"] = details.as_ref().clone();
        }
        body["code"] = json!(self.code);
        body
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// A client asks for something that it may not see.
    pub(super) fn forbidden(user: &str, target: &Target, verb: &str) -> Self {
        let resource = target.resource;
        let what = match target.subresource.as_deref() {
            Some(subresource) => format!("{}/{subresource}", resource.plural()),
            None => resource.plural().to_owned(),
        };
        let place = match target.namespace.as_deref() {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let named = target.name.as_deref().unwrap_or_default();
        let subject = if named.is_empty() {
            resource.qualified()
        } else {
            format!("{} \"{named}\"", resource.qualified())
        };
        let message = format!(
            "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{what}\" in API group \"{}\" {place}",
            resource.group()
        );
        let mut details = resource.details(named);
        if named.is_empty()
            && let Some(details) = details.as_object_mut()
        {
            details.shift_remove("name");
        }
        Self::new(403, "Forbidden", message).about(details)
    }

    /// The same for a path that is no object.
    pub(super) fn forbidden_path(path: &str) -> Self {
        let message = format!("forbidden: User \"{ANONYMOUS}\" cannot get path \"{path}\"");
        Self::new(403, "Forbidden", message).about(json!({}))
    }

    /// Nothing is served under this path. A real server answers that with a line of text.
    pub(super) fn no_such_path() -> Self {
        Self {
            plain: Some("404 page not found\n"),
            ..Self::new(404, "NotFound", "404 page not found")
        }
    }

    /// A patch that cannot be applied to the object as it is.
    pub(super) fn unfit_patch() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message).about(json!({}))
    }

    pub(super) fn not_found(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", message).about(resource.details(name))
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).about(json!({}))
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json";
        Self::new(406, "NotAcceptable", message)
    }

    pub(super) fn already_exists(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource.details(name))
    }

    pub(super) fn conflict(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).about(resource.details(name))
    }

    /// The uid that the caller expects is not the uid of the object.
    pub(super) fn wrong_uid(resource: Resource, name: &str, wanted: &str, found: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the UID in the precondition ({wanted}) does not match the \
             UID in record ({found}). The object might have been deleted and then recreated",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).about(resource.details(name))
    }

    /// The event log does not reach back to the version that was asked for.
    pub(super) fn expired(wanted: u64, oldest: u64) -> Self {
        Self::new(
            410,
            "Expired",
            format!("too old resource version: {wanted} ({oldest})"),
        )
    }

    /// A continue token that this server never gave.
    pub(super) fn stale_continue() -> Self {
        let message =
            "The provided continue parameter is too old to display a consistent list result.";
        Self::new(410, "Expired", message)
    }

    pub(super) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(super) fn invalid(resource: Resource, name: &str, field: &str, problem: &str) -> Self {
        let kind = resource.kind();
        let reason = match problem.split(':').next() {
            Some("Required value") => "FieldValueRequired",
            Some("Forbidden") => "FieldValueForbidden",
            _ => "FieldValueInvalid",
        };
        let mut details = json!({ "name": name });
        if !resource.group().is_empty() {
            details["group"] = json!(resource.group());
        }
        details["kind"] = json!(kind);
        details["causes"] = json!([{ "reason": reason, "message": problem, "field": field }]);
        Self::new(
            422,
            "Invalid",
            format!("{kind} \"{name}\" is invalid: {field}: {problem}"),
        )
        .about(details)
    }

    /// A disruption budget stands against an eviction.
    pub(super) fn budget(name: &str, desired: i64, current: i64) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let cause = format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        );
        Self::new(429, "TooManyRequests", message)
            .about(json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }] }))
    }

    /// More than one budget covers the pod. A real server gives this answer no reason.
    pub(super) fn two_budgets() -> Self {
        let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        Self::new(500, "", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_byte_for_byte_what_was_recorded() {
        let conflict = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Operation cannot be fulfilled on nodes \"cap-node\": the object has been modified; please apply your changes to the latest version and try again",
            "reason": "Conflict", "details": { "name": "cap-node", "kind": "nodes" }, "code": 409
        });
        let exists = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "nodes \"cap-node\" already exists",
            "reason": "AlreadyExists", "details": { "name": "cap-node", "kind": "nodes" }, "code": 409
        });
        let invalid = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Pod \"x\" is invalid: spec.containers: Required value",
            "reason": "Invalid",
            "details": { "name": "x", "kind": "Pod", "causes": [
                { "reason": "FieldValueRequired", "message": "Required value", "field": "spec.containers" }
            ] },
            "code": 422
        });
        let cases = [
            (Refusal::conflict(Resource::Nodes, "cap-node"), conflict),
            (Refusal::already_exists(Resource::Nodes, "cap-node"), exists),
            (
                Refusal::invalid(Resource::Pods, "x", "spec.containers", "Required value"),
                invalid,
            ),
        ];
        for (refusal, recorded) in cases {
            assert_eq!(refusal.to_json().to_string(), recorded.to_string());
        }
    }

    #[test]
    fn two_budgets_have_no_reason() {
        let body = Refusal::two_budgets().to_json();
        assert_eq!(body["code"], 500);
        assert!(body.get("reason").is_none());
    }
}
