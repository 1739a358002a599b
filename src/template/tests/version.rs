//! `version`: loose and strict versions as Python's distutils had them, and semantic versions.

use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use minijinja::Error;
use minijinja::value::Value;
use std::cmp::Ordering;

type Result<T = bool> = std::result::Result<T, Error>;

/// `'1.10' is version('1.9', '>=', strict=False, version_type=None)`.
pub(super) fn version(value: &Value, args: &Arguments) -> Result {
    args.check_names(&["version", "operator", "strict", "version_type"])?;
    let left = python::text(value)?;
    let right = python::text(args.require(0, "version")?)?;
    let operator = args.text(1, "operator", "eq")?;
    if left.is_empty() || right.is_empty() {
        return Err(fail("a version to compare is empty"));
    }
    let strict = args.get(2, "strict").filter(|given| !given.is_none());
    let kind = args.get(3, "version_type").filter(|given| !given.is_none());
    let order = match (strict, kind.map(python::text).transpose()?.as_deref()) {
        (Some(_), Some(_)) => {
            return Err(fail("`strict` and `version_type` cannot be used together"));
        }
        (Some(strict), None) if strict.is_true() => strict_order(&left, &right)?,
        (_, None | Some("loose")) => loose_order(&left, &right)?,
        (_, Some("strict")) => strict_order(&left, &right)?,
        (_, Some("semver" | "semantic")) => semantic_order(&left, &right)?,
        (_, Some("pep440")) => return Err(fail("the version type `pep440` is not supported")),
        (_, Some(other)) => return Err(fail(format!("the version type `{other}` is not known"))),
    };
    Ok(match operator.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        other => return Err(fail(format!("the version operator `{other}` is not known"))),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Number(u128),
    Word(String),
}

/// Runs of digits and of lowercase letters are parts; what else stands between, such as `-` or `+`, is a part too.
fn loose(text: &str) -> Vec<Part> {
    let class = |c: char| {
        if c.is_ascii_digit() {
            0
        } else if c.is_ascii_lowercase() {
            1
        } else if c == '.' {
            2
        } else {
            3
        }
    };
    let mut parts: Vec<(u8, String)> = Vec::new();
    for c in text.chars() {
        let class = class(c);
        match parts.last_mut() {
            Some((last, part)) if *last == class => part.push(c),
            _ => parts.push((class, c.to_string())),
        }
    }
    parts
        .into_iter()
        .filter(|(class, _)| *class != 2)
        .map(|(_, part)| match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Word(part),
        })
        .collect()
}

fn loose_order(left: &str, right: &str) -> Result<Ordering> {
    let (left_parts, right_parts) = (loose(left), loose(right));
    for (one, other) in left_parts.iter().zip(&right_parts) {
        let order = match (one, other) {
            (Part::Number(one), Part::Number(other)) => one.cmp(other),
            (Part::Word(one), Part::Word(other)) => one.cmp(other),
            _ => {
                return Err(fail(format!(
                    "version comparison failed: `{left}` and `{right}` have a number and a word at one place"
                )));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left_parts.len().cmp(&right_parts.len()))
}

/// Three numbers, and a letter with a number for a pre-release.
type Strict = ([u64; 3], Option<(char, u64)>);

/// `1.2`, `1.2.3`, `1.2.3a4`, `1.2b1`.
fn strict(text: &str) -> Option<Strict> {
    let (numbers, pre) = match text.find(['a', 'b']) {
        Some(at) => {
            let letter = text[at..].chars().next()?;
            (&text[..at], Some((letter, text[at + 1..].parse().ok()?)))
        }
        None => (text, None),
    };
    let parts: Vec<u64> = numbers
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [major, minor] => Some(([*major, *minor, 0], pre)),
        [major, minor, patch] => Some(([*major, *minor, *patch], pre)),
        _ => None,
    }
}

fn strict_order(left: &str, right: &str) -> Result<Ordering> {
    let read = |text: &str| {
        strict(text).ok_or_else(|| {
            fail(format!(
                "version comparison failed: invalid version number `{text}`"
            ))
        })
    };
    let ((left, left_pre), (right, right_pre)) = (read(left)?, read(right)?);
    Ok(left.cmp(&right).then(match (left_pre, right_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => left.cmp(&right),
    }))
}

/// Core numbers and pre-release identifiers; build metadata does not count.
fn semantic(text: &str) -> Option<([u64; 3], Vec<String>)> {
    let text = text.split('+').next()?;
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, pre.split('.').map(str::to_owned).collect()),
        None => (text, Vec::new()),
    };
    let parts: Vec<u64> = core
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    Some((parts.try_into().ok()?, pre))
}

fn semantic_order(left: &str, right: &str) -> Result<Ordering> {
    let read = |text: &str| {
        semantic(text).ok_or_else(|| {
            fail(format!(
                "version comparison failed: invalid semantic version `{text}`"
            ))
        })
    };
    let ((left, left_pre), (right, right_pre)) = (read(left)?, read(right)?);
    let core = left.cmp(&right);
    if core.is_ne() {
        return Ok(core);
    }
    match (left_pre.is_empty(), right_pre.is_empty()) {
        (true, true) => return Ok(Ordering::Equal),
        (true, false) => return Ok(Ordering::Greater),
        (false, true) => return Ok(Ordering::Less),
        (false, false) => {}
    }
    for (one, other) in left_pre.iter().zip(&right_pre) {
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left_pre.len().cmp(&right_pre.len()))
}
