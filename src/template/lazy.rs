//! Variables as templates see them: rendered when they are used, and not before.

use super::error::TemplateError;
use super::render;
use super::value::from_shared;
use super::{Scope, Variable};
use crate::secrecy::is_secret_name;
use crate::vault::Vault;
use crate::yaml::{Node, NodeKind};
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How many variables may need each other in a row.
const DEPTH_LIMIT: usize = 40;

/// The name under which filters and functions find the [`Context`]; no template can write it.
pub(super) const HANDLE: &str = "\u{0}context";

/// The names that are being rendered, innermost first.
struct Link {
    name: String,
    depth: usize,
    outer: Option<Arc<Link>>,
}

/// What one evaluation stands on.
pub(super) struct Context {
    /// What names mean.
    pub(super) scope: Scope,
    /// Opens vaulted values and files, and knows what is not to be shown.
    pub(super) vault: Arc<Vault>,
    /// Whether lookups may run: not in text that was rendered before.
    pub(super) lookups: bool,
    /// Put before names in messages, for other hosts' variables.
    prefix: String,
    chain: Option<Arc<Link>>,
    /// Parts of chains that were undefined when an attribute was looked up on them.
    missed: Mutex<Vec<(usize, usize)>>,
    /// Why the last variable was undefined, shared by all contexts of one evaluation.
    hint: Arc<Mutex<Option<TemplateError>>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// At the outermost level.
    pub(super) fn new(scope: &Scope, vault: &Arc<Vault>) -> Arc<Self> {
        Arc::new(Self {
            scope: scope.clone(),
            vault: vault.clone(),
            lookups: true,
            prefix: String::new(),
            chain: None,
            missed: Mutex::default(),
            hint: Arc::default(),
        })
    }

    /// The same without lookups.
    pub(super) fn without_lookups(&self) -> Arc<Self> {
        Arc::new(Self {
            lookups: false,
            ..self.inner(self.chain.clone())
        })
    }

    /// The same with a stronger layer of variables.
    pub(super) fn with(&self, layer: super::Variables) -> Arc<Self> {
        let mut inner = self.inner(self.chain.clone());
        inner.scope = self.scope.with(layer);
        Arc::new(inner)
    }

    /// The same with another search path.
    pub(super) fn searching(&self, search: Vec<PathBuf>) -> Arc<Self> {
        let mut inner = self.inner(self.chain.clone());
        inner.scope.search = Arc::new(search);
        Arc::new(inner)
    }

    fn inner(&self, chain: Option<Arc<Link>>) -> Self {
        Self {
            scope: self.scope.clone(),
            vault: self.vault.clone(),
            lookups: self.lookups,
            prefix: self.prefix.clone(),
            chain,
            missed: Mutex::default(),
            hint: self.hint.clone(),
        }
    }

    /// The context of another host.
    fn of_host(&self, host: &str) -> Option<Self> {
        let scope = self.scope.hosts.as_ref()?.scope(host)?;
        Some(Self {
            scope,
            prefix: format!("hostvars['{host}']."),
            ..self.inner(self.chain.clone())
        })
    }

    /// The context in which the variable `name` is rendered; an error names the loop if there is one.
    fn enter(&self, name: &str) -> Result<Arc<Self>, TemplateError> {
        let name = format!("{}{name}", self.prefix);
        let mut link = self.chain.as_ref();
        let mut names = vec![name.as_str()];
        while let Some(each) = link {
            names.push(&each.name);
            if each.name == name {
                names.reverse();
                return Err(TemplateError::new(format!(
                    "recursive loop detected in variables: {}",
                    names.join(" -> ")
                )));
            }
            link = each.outer.as_ref();
        }
        let depth = self.chain.as_ref().map_or(0, |each| each.depth) + 1;
        if depth > DEPTH_LIMIT {
            names.reverse();
            return Err(TemplateError::new(format!(
                "variables need each other too deeply: {}",
                names.join(" -> ")
            )));
        }
        let outer = self.chain.clone();
        Ok(Arc::new(self.inner(Some(Arc::new(Link {
            name,
            depth,
            outer,
        })))))
    }

    /// The value of a variable: `None` when there is none of the name.
    pub(super) fn variable(&self, name: &str) -> Option<Result<Value, TemplateError>> {
        let value = match self.scope.get(name)? {
            Variable::Data(json) => Ok(from_shared(json)),
            Variable::Source(node) => self
                .enter(name)
                .and_then(|context| source(&context, node, &[])),
        };
        if let Ok(value) = &value {
            self.note_secret(name, value);
        }
        Some(value)
    }

    /// A text under a name such as `db_password` is a secret from its first use on.
    fn note_secret(&self, name: &str, value: &Value) {
        if let Some(text) = value.as_str()
            && is_secret_name(name)
        {
            self.vault.secrets().learn_named(name, text);
        }
    }

    /// An error as a value: an undefined variable stays undefined, so that `default` and `defined` work on it.
    fn settle(&self, result: Result<Value, TemplateError>) -> Option<Value> {
        match result {
            Ok(value) => Some(value),
            Err(error) if error.undefined => {
                *self.hint.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
            Err(error) => Some(Value::from(error.carried())),
        }
    }

    /// Why the last undefined variable of this evaluation was undefined.
    pub(super) fn hint(&self) -> Option<TemplateError> {
        self.hint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes that a part of a chain was undefined when a lookup was made on it.
    pub(super) fn miss(&self, part: (usize, usize)) {
        self.missed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(part);
    }

    /// Whether that part was undefined.
    pub(super) fn missed(&self, part: (usize, usize)) -> bool {
        self.missed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&part)
    }
}

/// The root of all names.
#[derive(Debug)]
pub(super) struct Root(pub(super) Arc<Context>);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(found) = self.0.variable(key) {
            return self.0.settle(found);
        }
        match key {
            HANDLE => Some(Value::from_object(Handle(self.0.clone()))),
            "hostvars" if self.0.scope.hosts.is_some() => {
                Some(Value::from_object(HostVars(self.0.clone())))
            }
            "vars" => Some(Value::from_object(Names(self.0.clone()))),
            "omit" => Some(Value::from_object(Omit)),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.scope.names().into_iter().map(Value::from).collect())
    }
}

/// Leads filters and functions to the context.
#[derive(Debug)]
pub(super) struct Handle(pub(super) Arc<Context>);

impl Object for Handle {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// The value that leaves out what it is given to.
#[derive(Debug)]
pub(super) struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("__omit_place_holder__")
    }
}

/// Stands for an undefined value in the middle of a chain: every attribute of it is undefined.
#[derive(Debug)]
pub(super) struct Missing;

impl Object for Missing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// `vars`: all names of one context.
#[derive(Debug)]
struct Names(Arc<Context>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.settle(self.0.variable(key.as_str()?)?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.scope.names().into_iter().map(Value::from).collect())
    }
}

/// `hostvars`: host names to their variables.
#[derive(Debug)]
struct HostVars(Arc<Context>);

impl Object for HostVars {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let context = self.0.of_host(key.as_str()?)?;
        Some(Value::from_object(Names(Arc::new(context))))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.0.scope.hosts.as_ref().map(|hosts| hosts.names());
        Enumerator::Values(
            names
                .unwrap_or_default()
                .into_iter()
                .map(Value::from)
                .collect(),
        )
    }
}

/// The value of the node at `path` under `root`; containers are looked into later.
fn source(
    context: &Arc<Context>,
    root: &Arc<Node>,
    path: &[usize],
) -> Result<Value, TemplateError> {
    let Some(node) = walk(root, path) else {
        return Ok(Value::UNDEFINED);
    };
    match &node.kind {
        NodeKind::Mapping(_) | NodeKind::Sequence(_) => Ok(Value::from_object(Tree {
            context: context.clone(),
            root: root.clone(),
            path: path.to_vec(),
        })),
        _ => render::scalar(node, context),
    }
}

fn walk<'n>(root: &'n Node, path: &[usize]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, step| match &node.kind {
        NodeKind::Sequence(items) => items.get(*step),
        NodeKind::Mapping(mapping) => mapping.iter().nth(*step).map(|(_, value)| value),
        _ => None,
    })
}

/// A list or mapping that a user wrote, rendered entry by entry.
#[derive(Debug)]
struct Tree {
    context: Arc<Context>,
    root: Arc<Node>,
    path: Vec<usize>,
}

impl Tree {
    fn child(&self, step: usize) -> Option<Value> {
        let mut path = self.path.clone();
        path.push(step);
        self.context
            .settle(source(&self.context, &self.root, &path))
    }
}

impl Object for Tree {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match walk(&self.root, &self.path).map(|node| &node.kind) {
            Some(NodeKind::Sequence(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match &walk(&self.root, &self.path)?.kind {
            NodeKind::Sequence(items) => {
                let index = key.as_usize().filter(|index| *index < items.len())?;
                Some(self.child(index).unwrap_or(Value::UNDEFINED))
            }
            NodeKind::Mapping(mapping) => {
                let found = mapping.iter().position(|(name, _)| matches(name, key))?;
                let value = self.child(found)?;
                if let Some(name) = key.as_str() {
                    self.context.note_secret(name, &value);
                }
                Some(value)
            }
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match walk(&self.root, &self.path).map(|node| &node.kind) {
            Some(NodeKind::Sequence(items)) => Enumerator::Seq(items.len()),
            Some(NodeKind::Mapping(mapping)) => {
                Enumerator::Values(mapping.iter().map(|(name, _)| key_value(name)).collect())
            }
            _ => Enumerator::NonEnumerable,
        }
    }
}

/// A key with its type: `1: x` has the key 1 and not "1".
fn key_value(name: &Node) -> Value {
    match &name.kind {
        NodeKind::Int(value) => Value::from(*value),
        NodeKind::Bool(value) => Value::from(*value),
        _ => Value::from(name.key_text()),
    }
}

fn matches(name: &Node, key: &Value) -> bool {
    match key.as_str() {
        Some(text) => name.as_str() == Some(text),
        None => key_value(name) == *key,
    }
}
