//! Paths as text, by Python's `os.path`; the controller's file system only where the name says so.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::{python, search};
use minijinja::value::{Tuple, Value};
use minijinja::{Error, State};

type Result<T = Value> = std::result::Result<T, Error>;

pub(super) fn basename(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let path = python::text(value)?;
    Ok(Value::from(path.rsplit('/').next().unwrap_or_default()))
}

pub(super) fn dirname(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let path = python::text(value)?;
    let head = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    let bare = head.trim_end_matches('/');
    Ok(Value::from(if bare.is_empty() { head } else { bare }))
}

pub(super) fn expanduser(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(search::expand_home(&python::text(value)?)))
}

/// `$NAME` and `${NAME}` of the controller; unknown names stay as they stand.
pub(super) fn expandvars(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let text = python::text(value)?;
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let (name, length) = if let Some((name, _)) = braced {
            (name, name.len() + 2)
        } else {
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            (&after[..end], end)
        };
        match std::env::var(name) {
            Ok(found) if !name.is_empty() => out.push_str(&found),
            _ => out.push_str(&rest[at..=at + length]),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    Ok(Value::from(out))
}

/// `os.path.normpath`.
fn normalize(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

pub(super) fn normpath(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(normalize(&python::text(value)?)))
}

pub(super) fn path_join(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text));
    }
    let mut joined = String::new();
    for (number, part) in items(value)?.iter().enumerate() {
        let part = python::text(part)?;
        if part.starts_with('/') || number == 0 {
            joined = part;
        } else {
            if !joined.is_empty() && !joined.ends_with('/') {
                joined.push('/');
            }
            joined.push_str(&part);
        }
    }
    Ok(Value::from(joined))
}

pub(super) fn realpath(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let path = python::text(value)?;
    let absolute = std::path::absolute(&path).map_err(|error| fail(format!("{path}: {error}")))?;
    let real = absolute.canonicalize().unwrap_or(absolute);
    Ok(Value::from(normalize(&real.to_string_lossy())))
}

pub(super) fn relpath(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let absolute = |path: &str| -> Result<String> {
        let path = std::path::absolute(path).map_err(|error| fail(format!("{path}: {error}")))?;
        Ok(normalize(&path.to_string_lossy()))
    };
    let path = absolute(&python::text(value)?)?;
    let start = absolute(&args.text(0, "start", ".")?)?;
    let split = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (path, start) = (split(&path), split(&start));
    let same = path
        .iter()
        .zip(&start)
        .take_while(|(left, right)| left == right)
        .count();
    let mut parts = vec!["..".to_owned(); start.len() - same];
    parts.extend_from_slice(&path[same..]);
    Ok(Value::from(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }))
}

/// `os.path.splitext`: leading dots of the last part are no extension.
pub(super) fn splitext(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let path = python::text(value)?;
    let base = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[base..];
    let dots = name.len() - name.trim_start_matches('.').len();
    let at = match name[dots..].rfind('.') {
        Some(at) => base + dots + at,
        None => path.len(),
    };
    let parts = [Value::from(&path[..at]), Value::from(&path[at..])];
    Ok(Value::from(Tuple::new(parts.to_vec())))
}
