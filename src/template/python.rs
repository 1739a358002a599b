//! How Python prints values, its names for their types, and the methods that templates call on them.

use super::value::{entry, invalid};
use minijinja::value::{Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use std::fmt::Write as _;

/// `str(value)`.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    repr(value, &mut out)?;
    Ok(out)
}

/// `repr(value)`.
pub(super) fn repr(value: &Value, out: &mut String) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined => {
            return Err(value
                .get_attr("")
                .err()
                .unwrap_or_else(|| Error::from(ErrorKind::UndefinedError)));
        }
        ValueKind::Invalid => return Err(invalid(value)),
        ValueKind::String => quote(value.as_str().unwrap_or_default(), out),
        ValueKind::Number if !value.is_integer() => {
            out.push_str(&float(f64::try_from(value.clone()).unwrap_or(f64::NAN)));
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let (open, close) = if value.is_tuple() {
                ('(', ')')
            } else {
                ('[', ']')
            };
            out.push(open);
            let mut count = 0;
            for item in value.try_iter()?.checked() {
                if count > 0 {
                    out.push_str(", ");
                }
                repr(&item?, out)?;
                count += 1;
            }
            if value.is_tuple() && count == 1 {
                out.push(',');
            }
            out.push(close);
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter()?.checked().enumerate() {
                let key = key?;
                if at > 0 {
                    out.push_str(", ");
                }
                repr(&key, out)?;
                out.push_str(": ");
                repr(&entry(value, &key)?, out)?;
            }
            out.push('}');
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
    Ok(())
}

/// `repr(float)`: the shortest text that reads back, with an exponent below 1e-4 and from 1e16.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

/// A string literal as Python writes it: single quotes unless only those occur inside.
pub(super) fn quote(text: &str, out: &mut String) {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == mark => {
                out.push('\\');
                out.push(c);
            }
            _ if c.is_control() => {
                let code = u32::from(c);
                let _ = if code < 0x100 {
                    write!(out, "\\x{code:02x}")
                } else {
                    write!(out, "\\u{code:04x}")
                };
            }
            _ => out.push(c),
        }
    }
    out.push(mark);
}

/// `type(value).__name__`.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "AnsibleUndefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ => "object",
    }
}

/// Methods that minijinja-contrib lacks or has differently; the rest go to it.
pub(super) fn method(
    state: &mut State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match (value.kind(), name) {
        (ValueKind::Undefined, _) => Err(value
            .get_attr(name)
            .err()
            .unwrap_or_else(|| Error::from(ErrorKind::UndefinedError))),
        (ValueKind::String, _) => string_method(state, value, name, args),
        (
            ValueKind::Seq | ValueKind::Map,
            "append" | "extend" | "insert" | "update" | "pop" | "remove" | "clear" | "setdefault"
            | "sort",
        ) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "`{name}` would change a value in place, which templates here cannot do; build a new value with `+` or `combine`"
            ),
        )),
        (ValueKind::Map | ValueKind::Seq, "copy") => {
            let () = from_args(args)?;
            Ok(value.clone())
        }
        (ValueKind::Seq, "index") => {
            let (wanted,): (&Value,) = from_args(args)?;
            for (at, item) in value.try_iter()?.checked().enumerate() {
                if item? == *wanted {
                    return Ok(Value::from(at));
                }
            }
            Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("{} is not in list", text(wanted)?),
            ))
        }
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// `ljust`, `rjust` and `center`.
pub(super) fn pad(this: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<char>) = from_args(args)?;
    let length = this.chars().count();
    let missing = width.saturating_sub(length);
    let left = match name {
        "ljust" => 0,
        "rjust" => missing,
        // CPython puts the odd space on the left when the width is odd.
        _ => missing / 2 + (missing & width & 1),
    };
    let fill = fill.unwrap_or(' ').to_string();
    Ok(Value::from(format!(
        "{}{this}{}",
        fill.repeat(left),
        fill.repeat(missing - left)
    )))
}

fn string_method(
    state: &mut State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let this = value.as_str().unwrap_or_default();
    Ok(match name {
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match this.strip_prefix(['-', '+']) {
                Some(rest) => this.split_at(this.len() - rest.len()),
                None => ("", this),
            };
            let missing = width.saturating_sub(this.chars().count());
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "ljust" | "rjust" | "center" => pad(this, name, args)?,
        "index" => {
            let (wanted,): (&str,) = from_args(args)?;
            let at = this
                .find(wanted)
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"))?;
            Value::from(this[..at].chars().count())
        }
        "swapcase" => Value::from(
            this.chars()
                .map(|c| {
                    if c.is_uppercase() {
                        c.to_lowercase().to_string()
                    } else {
                        c.to_uppercase().to_string()
                    }
                })
                .collect::<String>(),
        ),
        "casefold" => Value::from(this.to_lowercase()),
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(this.strip_prefix(prefix).unwrap_or(this))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(this.strip_suffix(suffix).unwrap_or(this))
        }
        "partition" | "rpartition" => {
            let (mark,): (&str,) = from_args(args)?;
            let found = if name == "partition" {
                this.split_once(mark)
            } else {
                this.rsplit_once(mark)
            };
            let parts = match found {
                Some((before, after)) => [before, mark, after],
                None if name == "partition" => [this, "", ""],
                None => ["", "", this],
            };
            Value::from(Tuple::new(parts.into_iter().map(Value::from).collect()))
        }
        "rsplit" => {
            let (mark, limit): (Option<&str>, Option<i64>) = from_args(args)?;
            let mut parts = super::filters::split_right(this, mark, limit);
            parts.reverse();
            parts.into_iter().map(Value::from).collect()
        }
        "join" => {
            let (items,): (&Value,) = from_args(args)?;
            let mut joined = Vec::new();
            for item in items.try_iter()?.checked() {
                joined.push(text(&item?)?);
            }
            Value::from(joined.join(this))
        }
        _ => return minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_python_prints_them() {
        let cases = [
            (
                "[1, 'a', none, true, 1.0, 'it\\'s', 'a\\nb']",
                r#"[1, 'a', None, True, 1.0, "it's", 'a\nb']"#,
            ),
            ("{'a': {'b': [1]}}", "{'a': {'b': [1]}}"),
            ("(1,)", "(1,)"),
            ("1e20", "1e+20"),
            ("0.00001", "1e-05"),
            ("1.5", "1.5"),
            ("'plain'", "plain"),
            ("10 / 4", "2.5"),
            ("-7 // 2", "-4"),
        ];
        let environment = minijinja::Environment::new();
        for (source, expected) in cases {
            let value = environment
                .compile_expression(source)
                .unwrap()
                .eval(())
                .unwrap();
            assert_eq!(text(&value).unwrap(), expected, "{source}");
        }
    }
}
