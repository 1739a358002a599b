//! Where an offset of a scalar's text stands in the file.

use crate::source::Span;
use crate::yaml::{Node, Style, Text};
use std::ops::Range;

/// Maps offsets of one text to its file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    span: Span,
    mapping: Mapping,
    /// Offset of the part of the scalar's text that is looked at.
    base: usize,
}

#[derive(Debug, Clone)]
enum Mapping {
    /// The text stands in the file byte for byte, this far behind the start of the span.
    Exact(usize),
    /// Only the line is known: offset of each line of the text.
    Lines(Vec<usize>),
    /// Escapes or folding lie between.
    Unknown,
}

impl Place {
    /// The place of a scalar's text.
    pub(super) fn new(node: &Node, text: &Text) -> Self {
        let written = node.span.text();
        let mapping = match (text.style, written.find(text.text.as_str())) {
            (Style::Plain | Style::Quoted, Some(at)) if at <= 1 => Mapping::Exact(at),
            (Style::Block, _) => Mapping::Lines(
                std::iter::once(0)
                    .chain(text.text.match_indices('\n').map(|(at, _)| at + 1))
                    .collect(),
            ),
            _ => Mapping::Unknown,
        };
        Self {
            span: node.span.clone(),
            mapping,
            base: 0,
        }
    }

    /// For a text that stands nowhere but in `label`.
    pub(super) fn synthetic(label: &str, text: &str) -> Self {
        Self {
            span: Span::synthetic(label, text),
            mapping: Mapping::Exact(0),
            base: 0,
        }
    }

    /// The place of the part that starts at `offset`.
    pub(super) fn inside(&self, offset: usize) -> Self {
        Self {
            base: self.base + offset,
            ..self.clone()
        }
    }

    /// The whole scalar.
    pub(super) fn whole(&self) -> Span {
        self.span.clone()
    }

    /// The span of a range of the text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let (start, end) = (range.start + self.base, range.end + self.base);
        match &self.mapping {
            Mapping::Exact(shift) => self.span.part(start + shift, end + shift),
            Mapping::Lines(starts) => {
                let line = starts.partition_point(|at| *at <= start);
                self.line(line).unwrap_or_else(|| self.whole())
            }
            Mapping::Unknown => self.whole(),
        }
    }

    /// The n-th line of a block scalar's content, without its indent.
    fn line(&self, number: usize) -> Option<Span> {
        let written = self.span.text();
        let header = usize::from(written.starts_with(['|', '>']));
        let mut at = 0;
        for (index, line) in written.split_inclusive('\n').enumerate() {
            if index + 1 == number + header {
                let indent = line.len() - line.trim_start().len();
                return Some(self.span.part(at + indent, at + line.trim_end().len()));
            }
            at += line.len();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::yaml::{NodeKind, parse_text};

    #[test]
    fn offsets_are_found_in_each_style() {
        let cases = [
            ("a: x {{ foo }}\n", "foo", "t.yml:1:9"),
            ("a: 'x {{ foo }}'\n", "foo", "t.yml:1:10"),
            ("a: |\n  one\n  two {{ foo }}\n", "foo", "t.yml:3:3"),
            ("a: \"x\\t{{ foo }}\"\n", "foo", "t.yml:1:4"),
        ];
        for (yaml, wanted, expected) in cases {
            let node = parse_text("t.yml", yaml).unwrap();
            let value = node.as_mapping().unwrap().get("a").unwrap();
            let NodeKind::String(text) = &value.kind else {
                panic!("not a string")
            };
            let at = text.text.find(wanted).unwrap();
            let span = Place::new(value, text).span(at..at + wanted.len());
            assert_eq!(span.to_string(), expected, "{yaml}");
        }
    }
}
