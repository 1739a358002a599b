//! Regular expressions with Python's rules for flags, groups and replacements.

use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use fancy_regex::{Captures, Regex};
use minijinja::value::Value;
use minijinja::{Error, State};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

type Result<T = Value> = std::result::Result<T, Error>;

static CACHE: LazyLock<RwLock<HashMap<String, Arc<Regex>>>> = LazyLock::new(RwLock::default);

/// The compiled pattern, from the cache where it was compiled before.
pub(in crate::template) fn compile(
    pattern: &str,
    ignore_case: bool,
    multiline: bool,
) -> Result<Arc<Regex>> {
    let flags = match (ignore_case, multiline) {
        (false, false) => "",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (true, true) => "(?im)",
    };
    // Python's `\Z` is the very end, which is `\z` here.
    let text = format!("{flags}{}", pattern.replace("\\Z", "\\z"));
    if let Some(found) = CACHE
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&text)
    {
        return Ok(found.clone());
    }
    let regex = Regex::new(&text)
        .map_err(|error| fail(format!("bad regular expression `{pattern}`: {error}")))?;
    let regex = Arc::new(regex);
    CACHE
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(text, regex.clone());
    Ok(regex)
}

pub(in crate::template) fn failed(error: &fancy_regex::Error) -> Error {
    fail(format!("the regular expression failed: {error}"))
}

fn group<'t>(captures: &Captures<'t, str>, name: &str) -> Option<&'t str> {
    match name.parse::<usize>() {
        Ok(index) => captures.get(index),
        Err(_) => captures.name(name),
    }
    .map(|found| found.as_str())
}

/// Expands `\1`, `\g<1>`, `\g<name>` and escapes as Python's `re.sub` does.
fn expand(template: &str, captures: &Captures<'_, str>, out: &mut String) -> Result<()> {
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('g') if chars.peek() == Some(&'<') => {
                chars.next();
                let name: String = chars.by_ref().take_while(|c| *c != '>').collect();
                out.push_str(reference(captures, &name)?);
            }
            Some(digit @ '1'..='9') => {
                let mut name = digit.to_string();
                if let Some(second) = chars.peek().copied().filter(char::is_ascii_digit) {
                    name.push(second);
                    chars.next();
                }
                out.push_str(reference(captures, &name)?);
            }
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Ok(())
}

fn reference<'t>(captures: &Captures<'t, str>, name: &str) -> Result<&'t str> {
    if name
        .parse::<usize>()
        .is_ok_and(|index| index >= captures.len())
    {
        return Err(fail(format!("invalid group reference {name}")));
    }
    Ok(group(captures, name).unwrap_or_default())
}

pub(super) fn regex_replace(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    args.check_names(&[
        "pattern",
        "replacement",
        "ignorecase",
        "multiline",
        "count",
        "mandatory_count",
    ])?;
    let text = python::text(value)?;
    let pattern = args.text(0, "pattern", "")?;
    let replacement = args.text(1, "replacement", "")?;
    let regex = compile(
        &pattern,
        args.flag(2, "ignorecase", false)?,
        args.flag(3, "multiline", false)?,
    )?;
    let limit = args.int(4, "count", 0)?;
    let needed = args.int(5, "mandatory_count", 0)?;
    let (mut out, mut last, mut count) = (String::new(), 0, 0_i64);
    for captures in regex.captures_iter(text.as_str()) {
        let captures = captures.map_err(|error| failed(&error))?;
        let Some(whole) = captures.get(0) else {
            continue;
        };
        if limit > 0 && count == limit {
            break;
        }
        out.push_str(&text[last..whole.start()]);
        expand(&replacement, &captures, &mut out)?;
        last = whole.end();
        count += 1;
    }
    if needed > 0 && count != needed {
        return Err(fail(format!(
            "'{pattern}' should match {needed} times, but matches {count} times in '{text}'"
        )));
    }
    out.push_str(&text[last..]);
    Ok(Value::from(out))
}

/// `text | regex_search(pattern, '\\1', '\\g<name>', ignorecase=.., multiline=..)`; none without a match.
pub(super) fn regex_search(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let pattern = python::text(args.require(0, "regex")?)?;
    let flag = |name| args.named(name).is_some_and(Value::is_true);
    let regex = compile(&pattern, flag("ignorecase"), flag("multiline"))?;
    let Some(captures) = regex
        .captures(text.as_str())
        .map_err(|error| failed(&error))?
    else {
        return Ok(Value::from(()));
    };
    if args.positional.len() < 2 {
        return Ok(captures
            .get(0)
            .map_or(Value::from(()), |found| Value::from(found.as_str())));
    }
    let mut groups = Vec::new();
    for wanted in &args.positional[1..] {
        let wanted = python::text(wanted)?;
        let name = wanted
            .strip_prefix("\\g<")
            .and_then(|rest| rest.strip_suffix('>'))
            .or_else(|| wanted.strip_prefix('\\'))
            .ok_or_else(|| fail(format!("unknown argument `{wanted}` of regex_search")))?;
        groups.push(group(&captures, name).map_or(Value::from(()), Value::from));
    }
    Ok(Value::from(groups))
}

pub(super) fn regex_findall(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let pattern = python::text(args.require(0, "regex")?)?;
    let regex = compile(
        &pattern,
        args.flag(2, "ignorecase", false)?,
        args.flag(1, "multiline", false)?,
    )?;
    let mut found = Vec::new();
    for captures in regex.captures_iter(text.as_str()) {
        let captures = captures.map_err(|error| failed(&error))?;
        let group = |index: usize| {
            Value::from(
                captures
                    .get(index)
                    .map(|found| found.as_str())
                    .unwrap_or_default(),
            )
        };
        found.push(match captures.len() {
            0 | 1 => group(0),
            2 => group(1),
            count => Value::from(minijinja::value::Tuple::new(
                (1..count).map(group).collect(),
            )),
        });
    }
    Ok(Value::from(found))
}

/// `re.escape`, or what is special in POSIX basic expressions.
pub(super) fn regex_escape(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let special = match args.text(0, "re_type", "python")?.as_str() {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "[]*.^$\\",
        other => {
            return Err(fail(format!(
                "the kind `{other}` of expression is not known"
            )));
        }
    };
    let mut out = String::new();
    for c in python::text(value)?.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(Value::from(out))
}
