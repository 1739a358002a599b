//! What is told to the user when something does not render.

use crate::source::{Diagnostic, Span};

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
    /// An error without a place yet.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: None,
            undefined: false,
        }
    }

    /// As a diagnostic for a static check.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error("template", self.message.clone());
        match &self.span {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        }
    }

    /// Wrapped so that it passes through minijinja unchanged.
    pub(super) fn carried(self) -> minijinja::Error {
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, self.message.clone())
            .with_source(self)
    }

    /// The error that minijinja carried, if it did not begin there.
    pub(super) fn uncarried(error: &minijinja::Error) -> Option<Self> {
        let mut source = std::error::Error::source(error);
        while let Some(each) = source {
            if let Some(found) = each.downcast_ref::<Self>() {
                return Some(found.clone());
            }
            source = each.source();
        }
        None
    }
}
