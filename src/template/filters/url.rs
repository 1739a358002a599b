//! URLs by Python's `urllib.parse`.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::python;
use crate::template::value::entry;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};
use std::fmt::Write as _;

type Result<T = Value> = std::result::Result<T, Error>;

/// The parts of a URL as a mapping, or the one part that is asked for.
pub(super) fn urlsplit(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let parts = split(text.trim())?;
    match args.get(0, "query").map(python::text).transpose()? {
        None => Ok(Value::from_pairs(
            parts.map(|(name, part)| (Value::from(name), part)),
        )),
        Some(wanted) if wanted.is_empty() => Ok(Value::from_pairs(
            parts.map(|(name, part)| (Value::from(name), part)),
        )),
        Some(wanted) => parts
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, part)| part)
            .ok_or_else(|| fail(format!("urlsplit: unknown URL component: {wanted}"))),
    }
}

fn split(url: &str) -> Result<[(&'static str, Value); 9]> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        _ => (String::new(), rest),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user_info, host_port) = match netloc.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, netloc),
    };
    let (user, password) = match user_info.map(|info| info.split_once(':').ok_or(info)) {
        None => (None, None),
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
    };
    let (host, port) = match host_port
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        None => Value::from(()),
        Some(port) => Value::from(
            port.parse::<u16>()
                .map_err(|_| fail(format!("`{port}` is not a port")))?,
        ),
    };
    let optional = |text: Option<&str>| text.map_or(Value::from(()), Value::from);
    Ok([
        ("fragment", Value::from(fragment)),
        (
            "hostname",
            if host.is_empty() {
                Value::from(())
            } else {
                Value::from(host.to_lowercase())
            },
        ),
        ("netloc", Value::from(netloc)),
        ("password", optional(password)),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme)),
        ("username", optional(user)),
    ])
}

fn encode(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || (byte < 0x80 && safe.contains(c)) {
            out.push(c);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Text keeps its slashes; a mapping becomes a query.
pub(super) fn urlencode(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    if value.kind() != ValueKind::Map {
        return Ok(Value::from(encode(&python::text(value)?, "/")));
    }
    let mut pairs = Vec::new();
    for key in items(value)? {
        let part = |value: &Value| -> Result<String> {
            Ok(encode(&python::text(value)?, " ").replace(' ', "+"))
        };
        pairs.push(format!("{}={}", part(&key)?, part(&entry(value, &key)?)?));
    }
    Ok(Value::from(pairs.join("&")))
}

pub(super) fn urldecode(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let text = python::text(value)?;
    let raw = text.as_bytes();
    let (mut bytes, mut at) = (Vec::with_capacity(raw.len()), 0);
    while at < raw.len() {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (raw[at], code) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some(code)) => {
                bytes.push(code);
                at += 2;
            }
            (byte, _) => bytes.push(byte),
        }
        at += 1;
    }
    Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned()))
}
