//! Looking into a running cluster and changing it from within the program, past every rule that clients are held to.
//!
//! For tests and faults. What is put here is stored and watched like all else.

use super::budget;
use super::metrics::DeprecatedApi;
use super::object;
use super::resource::Resource;
use super::seed;
use super::start::Cluster;
use super::store::Key;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

impl Cluster {
    /// Stores an object as it is given, with its status, whether it was there or not. A namespace that is missing is made.
    ///
    /// The answer is the object as it stands then. A pod without a status is pending, and starts if it has a node.
    ///
    /// # Errors
    ///
    /// When its kind is not served, its `apiVersion` is another one, or it has no name.
    pub fn put(&self, object: Value) -> io::Result<Value> {
        let refuse = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let kind = object::text(&object, "/kind").to_owned();
        let resource = Resource::of_kind(&kind)
            .ok_or_else(|| refuse(format!("the lab API serves no {kind:?}")))?;
        let version = object::text(&object, "/apiVersion");
        if !version.is_empty() && version != resource.api_version() {
            let served = resource.api_version();
            return Err(refuse(format!("a {kind} is {served} here, not {version}")));
        }
        if object::name(&object).is_empty() {
            return Err(refuse(format!("a {kind} without a name")));
        }
        let mut object = object;
        if resource.namespaced() && object::namespace(&object).is_empty() {
            object["metadata"]["namespace"] = json!("default");
        }
        if resource == Resource::Pods && object::text(&object, "/status/phase").is_empty() {
            object["status"]["phase"] = json!("Pending");
        }
        self.shared.with(|state| {
            let namespace = object::namespace(&object).to_owned();
            let home = Key::new(Resource::Namespaces, "", &namespace);
            if resource.namespaced() && state.store.get(&home).is_none() {
                let made = seed::namespace(&mut state.store, &namespace);
                made.map_err(|refusal| refuse(refusal.to_json()["message"].to_string()))?;
            }
            let stored = state.store.place(resource, object);
            // At once, so that the next reader sees what is left of a budget.
            budget::sync(&mut state.store, None);
            let now = state.store.get(&Key::of(resource, &stored));
            Ok(now.unwrap_or(stored).as_ref().clone())
        })
    }

    /// Removes an object at once, whatever holds it. The namespace is empty for objects outside of namespaces.
    ///
    /// Says whether it was there.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let Some(resource) = Resource::of_kind(kind) else {
            return false;
        };
        self.shared.with(|state| {
            let gone = state.store.remove(&Key::new(resource, namespace, name));
            budget::sync(&mut state.store, None);
            gone.is_some()
        })
    }

    /// An object as it stands, if it is there.
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = Key::new(Resource::of_kind(kind)?, namespace, name);
        let found = self.shared.with(|state| state.store.get(&key))?;
        Some(found.as_ref().clone())
    }

    /// All objects of a kind, in the order of their namespaces and names.
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        let Some(resource) = Resource::of_kind(kind) else {
            return Vec::new();
        };
        let found: Vec<Arc<Value>> = self
            .shared
            .with(|state| state.store.list(resource, None).cloned().collect());
        found.iter().map(|object| object.as_ref().clone()).collect()
    }

    /// Makes a check of `/readyz` and `/livez` on the API server of `node` fail (`etcd`, `ping`), or pass again.
    pub fn fail_check(&self, node: &str, check: &str, on: bool) {
        self.shared.with(|state| state.seeds.fail(node, check, on));
    }

    /// Makes `/metrics` tell that a deprecated API was asked for.
    pub fn note_deprecated_api(&self, api: DeprecatedApi) {
        self.shared.with(|state| state.seeds.deprecated.insert(api));
    }

    /// Denies the administrator an object of a resource, such as `leases`, by its name, as RBAC does.
    pub fn forbid(&self, resource: &str, name: &str) {
        let object = (resource.to_owned(), name.to_owned());
        self.shared
            .with(|state| state.seeds.forbidden.insert(object));
    }
}
