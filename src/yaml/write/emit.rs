//! The emitter: indentation, flow and block style, folding.

use super::scalar::{Analysis, analyze, is_break, reads_as_other_type};
use serde_json::Value;

/// How YAML is written; the defaults are PyYAML's.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Spaces per level, from 2 to 9.
    pub indent: usize,
    /// Column after which long texts are folded.
    pub width: usize,
    /// Whether mappings are sorted by key.
    pub sort_keys: bool,
    /// `Some(true)`: all on one line; `Some(false)`: nothing on one line; `None`: only innermost collections.
    pub flow: Option<bool>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            indent: 2,
            width: 80,
            sort_keys: true,
            flow: Some(false),
        }
    }
}

/// `value` as one YAML document, with a newline at its end.
pub fn write(value: &Value, options: &WriteOptions) -> String {
    let indent = if (2..=9).contains(&options.indent) {
        options.indent
    } else {
        2
    };
    let mut emitter = Emitter {
        out: String::new(),
        column: 0,
        indent: None,
        best_indent: indent,
        width: if options.width > indent * 2 {
            options.width
        } else {
            80
        },
        options,
        flow_level: 0,
        whitespace: true,
        indention: true,
    };
    emitter.node(value, Role::Root);
    emitter.write_indent();
    emitter.out
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Item,
    Key,
    Value,
}

/// PyYAML's emitter state: what was just written decides about the next space or line break.
struct Emitter<'o> {
    out: String,
    column: usize,
    indent: Option<usize>,
    best_indent: usize,
    width: usize,
    options: &'o WriteOptions,
    flow_level: usize,
    /// The last character was white space, or an indicator after which none is needed.
    whitespace: bool,
    /// Only indentation and indicators so far on this line.
    indention: bool,
}

impl Emitter<'_> {
    fn put(&mut self, text: &str) {
        self.column += text.chars().count();
        self.out.push_str(text);
    }

    fn put_chars(&mut self, text: &[char]) {
        self.column += text.len();
        self.out.extend(text);
    }

    fn line_break(&mut self, with: char) {
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
        self.out.push(with);
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        if self.column < indent {
            self.whitespace = true;
            let missing = indent - self.column;
            self.put(&" ".repeat(missing));
        }
    }

    fn indicator(&mut self, text: &str, need_space: bool, whitespace: bool, indention: bool) {
        if !self.whitespace && need_space {
            self.put(" ");
        }
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
        self.put(text);
    }

    /// Goes one level deeper; the level to come back to.
    fn deeper(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { self.best_indent } else { 0 }),
            Some(indent) if indentless => Some(indent),
            Some(indent) => Some(indent + self.best_indent),
        };
        before
    }

    fn in_flow(&self, value: &Value) -> bool {
        let scalars = |mut children: Box<dyn Iterator<Item = &Value> + '_>| {
            children.all(|child| !child.is_array() && !child.is_object())
        };
        self.flow_level > 0
            || self.options.flow.unwrap_or_else(|| match value {
                Value::Array(items) => scalars(Box::new(items.iter())),
                Value::Object(entries) => scalars(Box::new(entries.values())),
                _ => true,
            })
    }

    fn node(&mut self, value: &Value, role: Role) {
        match value {
            Value::Array(items) if items.is_empty() || self.in_flow(value) => {
                self.flow_sequence(items);
            }
            Value::Array(items) => {
                let before = self.deeper(false, role == Role::Value && !self.indention);
                for item in items {
                    self.write_indent();
                    self.indicator("-", true, false, true);
                    self.node(item, Role::Item);
                }
                self.indent = before;
            }
            Value::Object(entries) => {
                let mut entries: Vec<(&String, &Value)> = entries.iter().collect();
                if self.options.sort_keys {
                    entries.sort_by_key(|(key, _)| *key);
                }
                if entries.is_empty() || self.in_flow(value) {
                    self.flow_mapping(&entries);
                } else {
                    self.block_mapping(&entries);
                }
            }
            Value::Null => self.plain_scalar("null"),
            Value::Bool(value) => self.plain_scalar(if *value { "true" } else { "false" }),
            Value::Number(number) => {
                let text = match number.as_f64() {
                    Some(value) if number.is_f64() => float(value),
                    _ => number.to_string(),
                };
                self.plain_scalar(&text);
            }
            Value::String(text) => self.text(text, role),
        }
    }

    fn flow_sequence(&mut self, items: &[Value]) {
        self.indicator("[", true, true, false);
        self.flow_level += 1;
        let before = self.deeper(true, false);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.width {
                self.write_indent();
            }
            self.node(item, Role::Item);
        }
        self.indent = before;
        self.flow_level -= 1;
        self.indicator("]", false, false, false);
    }

    fn flow_mapping(&mut self, entries: &[(&String, &Value)]) {
        self.indicator("{", true, true, false);
        self.flow_level += 1;
        let before = self.deeper(true, false);
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.width {
                self.write_indent();
            }
            if is_simple(key) {
                self.text(key, Role::Key);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.text(key, Role::Value);
                if self.column > self.width {
                    self.write_indent();
                }
                self.indicator(":", true, false, false);
            }
            self.node(value, Role::Value);
        }
        self.indent = before;
        self.flow_level -= 1;
        self.indicator("}", false, false, false);
    }

    fn block_mapping(&mut self, entries: &[(&String, &Value)]) {
        let before = self.deeper(false, false);
        for (key, value) in entries {
            self.write_indent();
            if is_simple(key) {
                self.text(key, Role::Key);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.text(key, Role::Value);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Role::Value);
        }
        self.indent = before;
    }

    fn plain_scalar(&mut self, text: &str) {
        let chars: Vec<char> = text.chars().collect();
        self.plain(&chars, false);
    }

    fn text(&mut self, text: &str, role: Role) {
        let chars: Vec<char> = text.chars().collect();
        let analysis = analyze(&chars);
        let split = role != Role::Key;
        let before = self.deeper(true, false);
        if self.allows_plain(text, analysis, role) {
            self.plain(&chars, split);
        } else if analysis.single_quoted && !(role == Role::Key && analysis.multiline) {
            self.single_quoted(&chars, split);
        } else {
            self.double_quoted(&chars, split);
        }
        self.indent = before;
    }

    fn allows_plain(&self, text: &str, analysis: Analysis, role: Role) -> bool {
        let allowed = if self.flow_level > 0 {
            analysis.flow_plain
        } else {
            analysis.block_plain
        };
        let bad_key = role == Role::Key && (analysis.empty || analysis.multiline);
        allowed && !bad_key && !reads_as_other_type(text)
    }

    fn plain(&mut self, text: &[char], split: bool) {
        if !self.whitespace {
            self.put(" ");
        }
        self.whitespace = false;
        self.indention = false;
        let (mut start, mut spaces) = (0, false);
        for end in 0..=text.len() {
            let c = text.get(end).copied();
            if spaces {
                if c != Some(' ') {
                    if start + 1 == end && self.column > self.width && split {
                        self.write_indent();
                        self.whitespace = false;
                        self.indention = false;
                    } else {
                        self.put_chars(&text[start..end]);
                    }
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ') {
                self.put_chars(&text[start..end]);
                start = end;
            }
            spaces = c == Some(' ');
        }
    }

    fn single_quoted(&mut self, text: &[char], split: bool) {
        self.indicator("'", true, false, false);
        let (mut start, mut spaces, mut breaks) = (0, false, false);
        for end in 0..=text.len() {
            let c = text.get(end).copied();
            if spaces {
                if c != Some(' ') {
                    let inside = start != 0 && end != text.len();
                    if start + 1 == end && self.column > self.width && split && inside {
                        self.write_indent();
                    } else {
                        self.put_chars(&text[start..end]);
                    }
                    start = end;
                }
            } else if breaks {
                if !c.is_some_and(is_break) {
                    self.breaks(&text[start..end]);
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ' || c == '\'' || is_break(c)) {
                self.put_chars(&text[start..end]);
                start = end;
            }
            if c == Some('\'') {
                self.put("''");
                start = end + 1;
            }
            spaces = c == Some(' ');
            breaks = c.is_some_and(is_break);
        }
        self.indicator("'", false, false, false);
    }

    /// A run of line breaks inside single quotes, where one more stands for folding.
    fn breaks(&mut self, run: &[char]) {
        if run.first() == Some(&'\n') {
            self.line_break('\n');
        }
        for c in run {
            self.line_break(*c);
        }
        self.write_indent();
    }

    fn double_quoted(&mut self, text: &[char], split: bool) {
        self.indicator("\"", true, false, false);
        let mut start = 0;
        for end in 0..=text.len() {
            let c = text.get(end).copied();
            if c.is_none_or(|c| !stands_in_double_quotes(c)) {
                self.put_chars(&text[start.min(end)..end]);
                start = end;
                if let Some(c) = c {
                    self.put(&escape(c));
                    start = end + 1;
                }
            }
            let pending = end.saturating_sub(start);
            let inside = end > 0 && end + 1 < text.len();
            if inside
                && (c == Some(' ') || start >= end)
                && self.column + pending > self.width
                && split
            {
                self.put_chars(&text[start.min(end)..end]);
                self.put("\\");
                start = start.max(end);
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
                if text.get(start) == Some(&' ') {
                    self.put("\\");
                }
            }
        }
        self.indicator("\"", false, false, false);
    }
}

/// Whether a key can stand before `:` without `?`. PyYAML counts the five characters of `!!str` in.
fn is_simple(key: &str) -> bool {
    let length = key.chars().count();
    length > 0 && length + 5 < 128 && !key.contains(is_break)
}

fn stands_in_double_quotes(c: char) -> bool {
    let printable = (' '..='~').contains(&c)
        || ('\u{a0}'..='\u{d7ff}').contains(&c)
        || ('\u{e000}'..='\u{fffd}').contains(&c);
    printable && !matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// `repr` of a float, with a point before an exponent, which YAML 1.1 needs.
fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}{point}e{sign}{digits:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PyYAML 6.0.3 with libyaml 0.2.5, as its wheels have it, wrote for these values with `allow_unicode=True`.
    const CASES: &str = include_str!("pyyaml_cases.json");

    #[test]
    fn every_byte_is_as_pyyaml_writes_it() {
        let cases: Vec<(String, Value, String)> = serde_json::from_str(CASES).unwrap();
        assert!(cases.len() > 40);
        for (style, value, expected) in cases {
            let options = match style.as_str() {
                "nice" => WriteOptions {
                    indent: 4,
                    ..WriteOptions::default()
                },
                _ => WriteOptions {
                    flow: None,
                    ..WriteOptions::default()
                },
            };
            assert_eq!(write(&value, &options), expected, "{style} {value}");
        }
    }

    #[test]
    fn keys_keep_their_order_when_they_are_not_sorted() {
        let value = serde_json::json!({"b": 1, "a": 2});
        let options = WriteOptions {
            sort_keys: false,
            ..WriteOptions::default()
        };
        assert_eq!(write(&value, &options), "b: 1\na: 2\n");
    }
}
