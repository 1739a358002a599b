//! The face of the room: nodes, texts, conditions and files to values.

use super::check;
use super::condition;
use super::error::TemplateError;
use super::lazy::Context;
use super::lookups;
use super::place::Place;
use super::{Scope, file, render};
use crate::source::Diagnostic;
use crate::vault::Vault;
use crate::yaml::Node;
use serde_json::Value;
use std::sync::Arc;

/// How a template file is read.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// Removes the first newline after a block.
    pub trim_blocks: bool,
    /// Removes white space before a block.
    pub lstrip_blocks: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            trim_blocks: true,
            lstrip_blocks: false,
        }
    }
}

/// Renders templates; shared by all hosts. What it compiles is kept for the whole process, once per text.
#[derive(Debug, Default)]
pub struct Templar {
    vault: Arc<Vault>,
}

impl Templar {
    /// With all filters, tests and lookups.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same; vaulted values are opened by `vault` when they are used.
    pub fn with_vault(vault: Arc<Vault>) -> Self {
        Self { vault }
    }

    /// What opens vaulted values and files.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    fn context(&self, scope: &Scope) -> Arc<Context> {
        Context::new(scope, &self.vault)
    }

    /// The value of `node`, `None` when it is `omit`. Entries that are `omit` are left out of maps and lists.
    pub fn render_or_omit(
        &self,
        node: &Node,
        scope: &Scope,
    ) -> Result<Option<Value>, TemplateError> {
        render::node(node, &self.context(scope))
    }

    /// The value of `node`; `omit` is null.
    pub fn render(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        Ok(self.render_or_omit(node, scope)?.unwrap_or(Value::Null))
    }

    /// The value of a text that may hold templates; one expression alone keeps its type.
    pub fn render_text(&self, text: &str, scope: &Scope) -> Result<Value, TemplateError> {
        if !super::native::has_template(text) {
            return Ok(Value::from(text));
        }
        self.render(&Node::text("<template>", text), scope)
    }

    /// The value of a bare expression.
    pub fn evaluate(&self, expression: &str, scope: &Scope) -> Result<Value, TemplateError> {
        let context = self.context(scope);
        let place = Place::synthetic("<expression>", expression);
        let value = render::expression(expression, &context, &place, false)?;
        Ok(render::finish(&value, &context)?.unwrap_or(Value::Null))
    }

    /// Whether a condition holds: a boolean, a bare expression, or a list of which all must hold.
    pub fn test(&self, condition: &Node, scope: &Scope) -> Result<bool, TemplateError> {
        condition::holds(condition, &self.context(scope))
    }

    /// A template file's text, with Ansible's defaults for white space; `name` is for messages.
    /// A first line `#jinja2: trim_blocks:False` sets the options and is left out.
    pub fn render_file(
        &self,
        name: &str,
        text: &str,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        file::render(name, text, options, &self.context(scope))
    }

    /// A variable's value.
    pub fn variable(&self, name: &str, scope: &Scope) -> Result<Option<Value>, TemplateError> {
        let context = self.context(scope);
        match context.variable(name) {
            None => Ok(None),
            Some(value) => render::finish(&value?, &context),
        }
    }

    /// The items of a lookup, as `with_<name>` loops over them.
    pub fn lookup(
        &self,
        name: &str,
        terms: Vec<Value>,
        scope: &Scope,
    ) -> Result<Vec<Value>, TemplateError> {
        let request = lookups::Request {
            terms,
            options: serde_json::Map::new(),
            context: self.context(scope),
        };
        lookups::run(name, &request).map_err(|error| {
            TemplateError::uncarried(&error).unwrap_or_else(|| {
                TemplateError::new(error.detail().unwrap_or("the lookup failed").to_owned())
            })
        })
    }

    /// Finds mistakes in the templates of `node` that can be found without variables: syntax, unknown filters and tests.
    pub fn check(&self, node: &Node) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        check::node(node, check::Reading::Template, &mut found);
        found
    }

    /// The same for a template file; `name` is for messages.
    pub fn check_file(&self, name: &str, text: &str) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        check::file(name, text, &mut found);
        found
    }

    /// The same for a condition: its strings are bare expressions.
    pub fn check_condition(&self, node: &Node) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        check::node(node, check::Reading::Condition, &mut found);
        found
    }
}
