//! JSON, YAML, base64 and digests.

use super::data::plain;
use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use crate::template::value::from_json as value_of;
use crate::yaml::{WriteOptions, parse, parse_text, write};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Value;
use minijinja::{Error, State};
use serde_json::Value as Json;
use sha2::Digest as _;
use std::fmt::Write as _;

type Result<T = Value> = std::result::Result<T, Error>;

pub(super) fn b64encode(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    utf8_only(args)?;
    Ok(Value::from(STANDARD.encode(python::text(value)?)))
}

pub(super) fn b64decode(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    utf8_only(args)?;
    let text: String = python::text(value)?.split_whitespace().collect();
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| fail(format!("not base64: {error}")))?;
    String::from_utf8(bytes)
        .map(Value::from)
        .map_err(|_| fail("the decoded bytes are not UTF-8 text"))
}

fn utf8_only(args: &Arguments) -> Result<()> {
    let encoding = args.text(0, "encoding", "utf-8")?;
    if ["utf-8", "utf8", "ascii"].contains(&encoding.to_lowercase().as_str()) {
        Ok(())
    } else {
        Err(fail(format!("the encoding `{encoding}` is not known")))
    }
}

fn hex(bytes: &[u8]) -> Value {
    Value::from(
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    )
}

pub(super) fn sha1(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(hex(&sha1::Sha1::digest(python::text(value)?)))
}

pub(super) fn md5(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(hex(&md5::compute(python::text(value)?).0))
}

pub(super) fn hash(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    Ok(match args.text(0, "hashtype", "sha1")?.as_str() {
        "md5" => hex(&md5::compute(text).0),
        "sha1" => hex(&sha1::Sha1::digest(text)),
        "sha224" => hex(&sha2::Sha224::digest(text)),
        "sha256" => hex(&sha2::Sha256::digest(text)),
        "sha384" => hex(&sha2::Sha384::digest(text)),
        "sha512" => hex(&sha2::Sha512::digest(text)),
        other => return Err(fail(format!("the hash `{other}` is not known"))),
    })
}

pub(super) fn from_json(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let text = python::text(value)?;
    let json: Json =
        serde_json::from_str(&text).map_err(|error| fail(format!("not JSON: {error}")))?;
    Ok(value_of(&json))
}

pub(super) fn from_yaml(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let Some(text) = value.as_str() else {
        return Ok(value.clone());
    };
    let node = parse_text("<from_yaml>", text).map_err(|error| fail(error.to_string()))?;
    Ok(value_of(&node.to_value()))
}

pub(super) fn from_yaml_all(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let Some(text) = value.as_str() else {
        return Ok(value.clone());
    };
    let source = crate::source::SourceFile::new("<from_yaml_all>", text);
    let documents = parse(&source).map_err(|error| fail(error.to_string()))?;
    Ok(documents
        .iter()
        .map(|node| value_of(&node.to_value()))
        .collect())
}

fn yaml(value: &Value, args: &Arguments, mut options: WriteOptions) -> Result {
    let size = |given: Option<&Value>, name: &str| {
        given
            .filter(|given| !given.is_none())
            .map(|given| {
                given
                    .as_usize()
                    .ok_or_else(|| fail(format!("`{name}` must be a whole number")))
            })
            .transpose()
    };
    if let Some(indent) = size(args.get(0, "indent"), "indent")? {
        options.indent = indent;
    }
    if let Some(width) = size(args.named("width"), "width")? {
        options.width = width;
    }
    options.sort_keys = args.named("sort_keys").is_none_or(Value::is_true);
    if let Some(flow) = args.named("default_flow_style") {
        options.flow = (!flow.is_none()).then(|| flow.is_true());
    }
    let text = write(&plain(value)?, &options);
    Ok(Value::from(
        if args.named("explicit_start").is_some_and(Value::is_true) {
            format!("---\n{text}")
        } else {
            text
        },
    ))
}

const YAML_OPTIONS: [&str; 6] = [
    "indent",
    "width",
    "sort_keys",
    "default_flow_style",
    "allow_unicode",
    "explicit_start",
];

fn known_yaml_options(args: &Arguments) -> Result<()> {
    args.check_names(&YAML_OPTIONS)
}

pub(super) fn to_yaml(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    known_yaml_options(args)?;
    let options = WriteOptions {
        flow: None,
        ..WriteOptions::default()
    };
    yaml(value, args, options)
}

pub(super) fn to_nice_yaml(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    known_yaml_options(args)?;
    let options = WriteOptions {
        indent: 4,
        ..WriteOptions::default()
    };
    yaml(value, args, options)
}

/// How JSON is written; the separators are Python's.
struct JsonStyle {
    indent: Option<usize>,
    sort: bool,
    ascii: bool,
}

fn json(value: &Value, args: &Arguments, indent: Option<usize>, sort: bool) -> Result {
    args.check_names(&[
        "indent",
        "sort_keys",
        "ensure_ascii",
        "preprocess_unsafe",
        "vault_to_text",
    ])?;
    let style = JsonStyle {
        indent: match args.get(0, "indent") {
            Some(given) if given.is_none() => None,
            Some(given) => given.as_usize(),
            None => indent,
        },
        sort: args.named("sort_keys").map_or(sort, Value::is_true),
        ascii: args.named("ensure_ascii").is_none_or(Value::is_true),
    };
    let mut out = String::new();
    style.write(&plain(value)?, 0, &mut out);
    Ok(Value::from(out))
}

pub(super) fn to_json(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    json(value, args, None, false)
}

/// Jinja's own: sorted keys, and safe inside HTML.
pub(super) fn tojson(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(&json(value, args, None, true)?)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\'' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Ok(Value::from(out))
}

pub(super) fn to_nice_json(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    json(value, args, Some(4), true)
}

impl JsonStyle {
    fn line(&self, level: usize, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * level));
        }
    }

    fn separator(&self) -> &'static str {
        if self.indent.is_some() { "," } else { ", " }
    }

    fn write(&self, json: &Json, level: usize, out: &mut String) {
        match json {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(number) => match number.as_f64() {
                Some(value) if number.is_f64() => out.push_str(&python::float(value)),
                _ => out.push_str(&number.to_string()),
            },
            Json::String(text) => self.text(text, out),
            Json::Array(items) if items.is_empty() => out.push_str("[]"),
            Json::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push_str(self.separator());
                    }
                    self.line(level + 1, out);
                    self.write(item, level + 1, out);
                }
                self.line(level, out);
                out.push(']');
            }
            Json::Object(entries) if entries.is_empty() => out.push_str("{}"),
            Json::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                if self.sort {
                    entries.sort_by_key(|(key, _)| *key);
                }
                out.push('{');
                for (at, (key, value)) in entries.into_iter().enumerate() {
                    if at > 0 {
                        out.push_str(self.separator());
                    }
                    self.line(level + 1, out);
                    self.text(key, out);
                    out.push_str(": ");
                    self.write(value, level + 1, out);
                }
                self.line(level, out);
                out.push('}');
            }
        }
    }

    fn text(&self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ascii && !(' '..='~').contains(&c) && c != '\u{7f}') => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}
