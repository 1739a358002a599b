//! A diagnostic as text: message, `file:line:column`, the line, carets, hints.

use super::{Diagnostic, Severity};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Renders one diagnostic as rustc would lay it out.
pub(super) fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let paths: Vec<String> = diagnostic
        .labels
        .iter()
        .map(|label| label.span.source().path().display().to_string())
        .collect();
    let mut report: Group<'_> = Group::with_title(title);
    for (at, label) in diagnostic.labels.iter().enumerate() {
        let kind = if at == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        if label.span.source().is_hidden() {
            let place = label.span.position();
            report = report.element(
                Origin::path(&paths[at])
                    .line(place.line)
                    .char_column(place.column),
            );
            continue;
        }
        let end = label.span.end().max(label.span.start());
        report = report.element(
            Snippet::source(label.span.source().text())
                .path(&paths[at])
                .annotation(kind.span(label.span.start()..end).label(&label.text)),
        );
    }
    for hint in &diagnostic.hints {
        report = report.element(Level::HELP.message(hint));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[report])
}

#[cfg(test)]
mod tests {
    use crate::source::{Diagnostic, SourceFile, Span};

    #[test]
    fn a_hidden_text_is_named_and_not_shown() {
        let source = SourceFile::hidden("vault.yml", "a: 1\npassword: hunter2\n");
        let text = Diagnostic::error("x", "wrong")
            .at(&Span::new(source, 15, 22), "here")
            .render(false);
        assert!(
            text.contains("vault.yml:2:11") && !text.contains("hunter2"),
            "{text}"
        );
    }

    #[test]
    fn a_diagnostic_shows_file_line_column_caret_and_hint() {
        let source = SourceFile::new("site.yml", "- hosts: all\n  taskz: []\n");
        let text = Diagnostic::error("unknown-keyword", "`taskz` is not a keyword of a play")
            .at(&Span::new(source, 15, 20), "not known")
            .hint("did you mean `tasks`?")
            .render(false);
        insta::assert_snapshot!(text, @r"
        error[unknown-keyword]: `taskz` is not a keyword of a play
         --> site.yml:2:3
          |
        2 |   taskz: []
          |   ^^^^^ not known
          |
          = help: did you mean `tasks`?
        ");
    }
}
