//! Small questions about values that need no context: is it a template, a boolean, an identifier.

use crate::yaml::{self, Node, NodeKind};

/// Whether the text holds a template.
pub(super) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Whether `node` is text with a template in it.
pub(super) fn is_template(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::String(text) if !text.literal && has_template(&text.text))
}

/// Whether nothing is known of the value before the run.
pub(super) fn is_open(node: &Node) -> bool {
    is_template(node) || matches!(node.kind, NodeKind::Vault(_))
}

/// Python's keywords, which cannot name a variable.
const PYTHON_KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Whether `name` can name a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|each| each.is_ascii_alphanumeric() || each == '_')
        && !PYTHON_KEYWORDS.contains(&name)
}

/// The boolean that a node means.
pub(super) fn truth(node: &Node) -> Option<bool> {
    match &node.kind {
        NodeKind::Bool(value) => Some(*value),
        NodeKind::Int(_) | NodeKind::Float(_) => yaml::truth(&node.key_text()),
        NodeKind::String(text) => yaml::truth(&text.text),
        _ => None,
    }
}

/// Whether `node` is a whole number, perhaps written as text.
pub(super) fn is_whole(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Int(_) => true,
        NodeKind::Float(value) => value.fract() == 0.0,
        NodeKind::String(text) => text.text.trim().parse::<i64>().is_ok(),
        _ => false,
    }
}

/// Whether `node` is a number, perhaps written as text.
pub(super) fn is_number(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Int(_) | NodeKind::Float(_) => true,
        NodeKind::String(text) => text.text.trim().parse::<f64>().is_ok(),
        _ => false,
    }
}

/// Whether `node` is a percentage such as `25%`, or a number.
pub(super) fn is_percentage(node: &Node) -> bool {
    is_number(node)
        || node
            .as_str()
            .and_then(|text| text.trim().strip_suffix('%'))
            .is_some_and(|text| text.trim().parse::<f64>().is_ok())
}

/// Whether `node` is a number of seconds, or a number with a unit as in `30s`, `5m` or `1h`.
pub(super) fn is_duration(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Int(_) | NodeKind::Float(_) => true,
        NodeKind::String(text) => super::duration::parse_duration(&text.text).is_some(),
        _ => false,
    }
}

/// Whether `node` is neither a list nor a mapping nor nothing.
pub(super) fn is_scalar(node: &Node) -> bool {
    !matches!(
        node.kind,
        NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_text;

    #[test]
    fn names_of_variables_are_identifiers() {
        for good in ["a", "_x", "kube_version", "A9"] {
            assert!(is_variable_name(good), "{good}");
        }
        for bad in ["", "9a", "a-b", "a.b", "for", "True", "é"] {
            assert!(!is_variable_name(bad), "{bad}");
        }
    }

    #[test]
    fn values_are_told_apart() {
        let node = |text: &str| parse_text("t", text).unwrap();
        assert_eq!(truth(&node("yes")), Some(true));
        assert_eq!(truth(&node("'off'")), Some(false));
        assert_eq!(truth(&node("perhaps")), None);
        assert!(is_whole(&node("'22'")) && !is_whole(&node("2.5")));
        assert!(is_percentage(&node("25%")) && !is_percentage(&node("many")));
        assert!(is_template(&node("'{{ x }}'")) && !is_template(&node("!unsafe '{{ x }}'")));
    }
}
