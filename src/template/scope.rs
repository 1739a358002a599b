//! What names mean at one point of a run.

use crate::yaml::{Mapping, Node};
use indexmap::IndexMap;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One variable as it was given.
#[derive(Debug, Clone)]
pub enum Variable {
    /// Written by the user: its strings may be templates, evaluated each time the variable is used.
    Source(Arc<Node>),
    /// A fact or a result: literal data, never a template.
    Data(Arc<Value>),
}

impl From<Value> for Variable {
    fn from(value: Value) -> Self {
        Self::Data(Arc::new(value))
    }
}

impl From<&Node> for Variable {
    fn from(node: &Node) -> Self {
        Self::Source(Arc::new(node.clone()))
    }
}

/// Named variables, in order.
pub type Variables = IndexMap<String, Variable>;

/// The variables of a mapping in a file, keys as text.
pub fn variables_of(mapping: &Mapping) -> Variables {
    mapping
        .iter()
        .map(|(key, value)| (key.key_text(), Variable::from(value)))
        .collect()
}

/// The other hosts' variables, behind `hostvars`.
pub trait HostVariables: Send + Sync {
    /// All hosts' names.
    fn names(&self) -> Vec<String>;
    /// What names mean on `host`, without the task's own variables.
    fn scope(&self, host: &str) -> Option<Scope>;
}

/// What names mean at one point: layers of variables, the strongest first.
///
/// Cloning is cheap.
#[derive(Clone, Default)]
pub struct Scope {
    /// The layers, the strongest first.
    pub layers: Vec<Arc<Variables>>,
    /// Behind `hostvars`.
    pub hosts: Option<Arc<dyn HostVariables>>,
    /// Folders in which lookups and `template` look for files on the controller, the first one first;
    /// under each, `files/`, `templates/` or `vars/` are tried before the folder itself.
    pub search: Arc<Vec<PathBuf>>,
}

impl Scope {
    /// What `name` means here.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    /// All names that mean something here, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names = indexmap::IndexSet::new();
        for layer in &self.layers {
            names.extend(layer.keys().cloned());
        }
        names.into_iter().collect()
    }

    /// This scope with a stronger layer on top.
    #[must_use]
    pub fn with(&self, layer: Variables) -> Self {
        let mut scope = self.clone();
        scope.layers.insert(0, Arc::new(layer));
        scope
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({} layers)", self.layers.len())
    }
}
