//! The events that the lab's own parts write: one object per subject and reason, which counts how often it happened.

use super::object;
use super::resource::Resource;
use super::state::State;
use super::store::Key;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What happened, in the words of the part that tells it.
pub(super) struct Happening<'a> {
    pub(super) reason: &'a str,
    /// Whether a person should look at it.
    pub(super) warning: bool,
    pub(super) message: String,
    /// Who tells it: `kubelet`, `node-controller`.
    pub(super) component: &'a str,
}

/// Notes that something happened to an object. Nodes are no namespace's; their events stand in `default`.
pub(super) fn note(state: &mut State, about: &Value, happening: &Happening<'_>, now: Timestamp) {
    let home = object::namespace(about);
    let namespace = if home.is_empty() { "default" } else { home };
    let name = format!(
        "{}.{}",
        object::name(about),
        happening.reason.to_lowercase()
    );
    let key = Key::new(Resource::Events, namespace, &name);
    let time = json!(object::seconds(now));
    if let Some(before) = state.store.get(&key) {
        let mut event = before.as_ref().clone();
        event["count"] = json!(object::number(&before, "/count") + 1);
        event["lastTimestamp"] = time;
        event["message"] = json!(happening.message);
        state.store.update(&key, event);
        return;
    }
    let mut involved =
        json!({ "kind": about["kind"], "name": object::name(about), "uid": object::uid(about) });
    if home.is_empty() {
        // A kubelet names a node by its name where others have a uid, and kubectl looks for both.
        involved["uid"] = json!(object::name(about));
    } else {
        involved["namespace"] = json!(home);
    }
    let event = json!({
        "metadata": { "namespace": namespace, "name": name },
        "involvedObject": involved,
        "reason": happening.reason,
        "message": happening.message,
        "source": { "component": happening.component },
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "type": if happening.warning { "Warning" } else { "Normal" },
        "eventTime": null,
        "reportingComponent": happening.component,
        "reportingInstance": "",
    });
    // The name was free a moment ago, under the same lock.
    let _ = state.store.create(Resource::Events, event);
}
