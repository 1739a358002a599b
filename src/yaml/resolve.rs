//! What a plain scalar means in YAML 1.1, by PyYAML's implicit resolvers (`yaml/resolver.py`).

use super::{NodeKind, Style, Text};

/// The value of a plain scalar.
pub(super) fn plain(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return NodeKind::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return NodeKind::Bool(false);
        }
        _ => {}
    }
    if let Some(value) = integer(text) {
        return NodeKind::Int(value);
    }
    if let Some(value) = float(text) {
        return NodeKind::Float(value);
    }
    NodeKind::String(Text {
        text: text.to_owned(),
        style: Style::Plain,
        literal: false,
    })
}

fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = sign(text);
    let first = digits.chars().next()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let clean: String = digits.chars().filter(|each| *each != '_').collect();
    let magnitude = if let Some(binary) = clean.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if let Some(hex) = clean.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()?
    } else if clean == "0" {
        0
    } else if let Some(octal) = clean.strip_prefix('0') {
        i64::from_str_radix(octal, 8).ok()?
    } else if clean.contains(':') {
        sexagesimal(&clean)?
    } else {
        clean.parse().ok()?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// `[1-9][0-9]*(:[0-5]?[0-9])+`, base 60: `12:30` is 750.
fn sexagesimal(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut total: i64 = parts.next()?.parse().ok()?;
    for part in parts {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digit: i64 = part.parse().ok().filter(|digit| *digit < 60)?;
        total = total.checked_mul(60)?.checked_add(digit)?;
    }
    Some(total)
}

/// Needs a point, and an exponent needs its sign, as in PyYAML: `1e3` is text, `1.0e+3` a number.
fn float(text: &str) -> Option<f64> {
    let (negative, digits) = sign(text);
    let magnitude = match digits {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => f64::NAN,
        _ => {
            let (mantissa, exponent) = digits
                .find(['e', 'E'])
                .map_or((digits, ""), |at| digits.split_at(at));
            let allowed = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
            let has_digit = mantissa.contains(|c: char| c.is_ascii_digit());
            let bad = mantissa.matches('.').count() != 1
                || !mantissa.chars().all(allowed)
                || mantissa.starts_with('_')
                || !has_digit
                || !signed_exponent(exponent);
            if bad {
                return None;
            }
            let clean: String = digits.chars().filter(|each| *each != '_').collect();
            clean.parse().ok()?
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn signed_exponent(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let rest = &text[1..];
    rest.starts_with(['+', '-'])
        && rest.len() > 1
        && rest[1..].bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_resolve_as_pyyaml_resolves_them() {
        let cases: [(&str, &str); 22] = [
            ("yes", "Bool(true)"),
            ("Off", "Bool(false)"),
            ("y", "String"),
            ("0644", "Int(420)"),
            ("0o644", "String"),
            ("0x1F", "Int(31)"),
            ("0b11", "Int(3)"),
            ("1_000", "Int(1000)"),
            ("12:30:45", "Int(45045)"),
            ("12:75", "String"),
            ("1.10", "Float(1.1)"),
            ("1e3", "String"),
            ("1.0e+3", "Float(1000.0)"),
            ("1.35.2", "String"),
            (".5", "Float(0.5)"),
            (".inf", "Float(inf)"),
            ("08", "String"),
            ("-3", "Int(-3)"),
            ("+3", "Int(3)"),
            ("~", "Null"),
            ("-", "String"),
            (".", "String"),
        ];
        for (text, expected) in cases {
            let found = match plain(text) {
                NodeKind::String(_) => "String".to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
