//! Text: case, white space, splitting and joining, quoting.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::python;
use minijinja::value::Value;
use minijinja::{Error, State};

type Result = std::result::Result<Value, Error>;

pub(super) fn lower(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(python::text(value)?.to_lowercase()))
}

pub(super) fn upper(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(python::text(value)?.to_uppercase()))
}

pub(super) fn string(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(python::text(value)?))
}

pub(super) fn trim(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    Ok(Value::from(match args.get(0, "chars") {
        Some(chars) if !chars.is_none() => {
            let chars: Vec<char> = python::text(chars)?.chars().collect();
            text.trim_matches(chars.as_slice()).to_owned()
        }
        _ => text.trim().to_owned(),
    }))
}

pub(super) fn replace(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let old = python::text(args.require(0, "old")?)?;
    let new = python::text(args.require(1, "new")?)?;
    Ok(Value::from(
        match args.get(2, "count").and_then(Value::as_usize) {
            Some(count) => text.replacen(&old, &new, count),
            None => text.replace(&old, &new),
        },
    ))
}

pub(super) fn wordcount(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let text = python::text(value)?;
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    Ok(Value::from(words.filter(|word| !word.is_empty()).count()))
}

/// `str.split` with Python's rules for a missing separator.
pub(super) fn split(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = value.as_str().ok_or_else(|| {
        fail(format!(
            "split needs text, not {}",
            python::type_name(value)
        ))
    })?;
    let limit = usize::try_from(args.int(1, "maxsplit", -1)?).ok();
    let parts: Vec<&str> = match args.get(0, "sep").filter(|sep| !sep.is_none()) {
        None => split_whitespace(text, limit),
        Some(sep) => {
            let sep = sep
                .as_str()
                .filter(|sep| !sep.is_empty())
                .ok_or_else(|| fail("the separator of split must be text and not empty"))?;
            match limit {
                Some(limit) => text.splitn(limit + 1, sep).collect(),
                None => text.split(sep).collect(),
            }
        }
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

fn split_whitespace(text: &str, limit: Option<usize>) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if limit.is_some_and(|limit| parts.len() == limit) {
            parts.push(rest.trim_end());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    parts
}

/// `str.rsplit`, the last part first.
pub(in crate::template) fn split_right<'t>(
    text: &'t str,
    mark: Option<&str>,
    limit: Option<i64>,
) -> Vec<&'t str> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    match (mark, limit) {
        (Some(mark), Some(limit)) => text.rsplitn(limit + 1, mark).collect(),
        (Some(mark), None) => text.rsplit(mark).collect(),
        (None, None) => text.split_whitespace().rev().collect(),
        (None, Some(limit)) => {
            let mut parts = Vec::new();
            let mut rest = text.trim_end();
            while !rest.is_empty() {
                if parts.len() == limit {
                    parts.push(rest.trim_start());
                    break;
                }
                let start = rest.rfind(char::is_whitespace).map_or(0, |at| {
                    at + rest[at..].chars().next().map_or(1, char::len_utf8)
                });
                parts.push(&rest[start..]);
                rest = rest[..start].trim_end();
            }
            parts
        }
    }
}

pub(super) fn join(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let separator = args.text(0, "d", "")?;
    let attribute = args.get(1, "attribute").map(python::text).transpose()?;
    let mut parts = Vec::new();
    for item in items(value)? {
        let mut item = item;
        for name in attribute.iter().flat_map(|path| path.split('.')) {
            item = match name.parse::<usize>() {
                Ok(index) => item.get_item_by_index(index)?,
                Err(_) => item.get_attr(name)?,
            };
        }
        parts.push(python::text(&item)?);
    }
    Ok(Value::from(parts.join(&separator)))
}

/// Indents all lines but the first, as Jinja does; empty lines stay empty unless `blank`.
pub(super) fn indent(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let indent = match args.get(0, "width") {
        None => "    ".to_owned(),
        Some(width) => match width.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(
                width
                    .as_usize()
                    .ok_or_else(|| fail("`width` must be a number or text"))?,
            ),
        },
    };
    let (first, blank) = (args.flag(1, "first", false)?, args.flag(2, "blank", false)?);
    let mut out = String::with_capacity(text.len() + 64);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if (number > 0 && (blank || !line.is_empty())) || (number == 0 && first) {
            out.push_str(&indent);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

/// `shlex.quote`.
pub(super) fn quote(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let text = if value.is_none() {
        String::new()
    } else {
        python::text(value)?
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    Ok(Value::from(if !text.is_empty() && text.chars().all(safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }))
}

/// Jinja's `truncate`, whose default leeway is 5.
pub(super) fn truncate(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let length = usize::try_from(args.int(0, "length", 255)?).unwrap_or(0);
    let kill = args.flag(1, "killwords", false)?;
    let end = args.text(2, "end", "...")?;
    let leeway = usize::try_from(args.int(3, "leeway", 5)?).unwrap_or(0);
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text));
    }
    let keep = length
        .checked_sub(end.chars().count())
        .ok_or_else(|| fail("`length` is shorter than `end`"))?;
    let cut: String = text.chars().take(keep).collect();
    let cut = if kill {
        cut.as_str()
    } else {
        cut.rsplit_once(' ')
            .map_or(cut.as_str(), |(before, _)| before)
    };
    Ok(Value::from(format!("{cut}{end}")))
}

/// Makes a comment of a text: `plain` (`#`), `decoration`, `c`, `cblock`, `erlang`, `xml`.
pub(super) fn comment(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let (begin, decoration, end) = match args.text(0, "style", "plain")?.as_str() {
        "plain" => ("", "# ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "erlang" => ("", "% ", ""),
        "xml" => ("<!--", " - ", "-->"),
        other => return Err(fail(format!("the comment style `{other}` is not known"))),
    };
    let decoration = args.text(1, "decoration", decoration)?;
    let bare = decoration.trim_end();
    let mut lines = Vec::new();
    lines.extend((!begin.is_empty()).then(|| begin.to_owned()));
    lines.push(bare.to_owned());
    lines.extend(text.split('\n').map(|line| format!("{decoration}{line}")));
    lines.push(bare.to_owned());
    lines.extend((!end.is_empty()).then(|| end.to_owned()));
    Ok(Value::from(lines.join("\n")))
}

/// `text | center(width=80)`.
pub(super) fn center(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let width = Value::from(args.int(0, "width", 80)?);
    python::pad(&python::text(value)?, "center", &[width])
}

/// The value as Python writes it, keys sorted; long values are not broken into lines.
pub(super) fn pprint(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    let mut out = String::new();
    python::repr(value, &mut out)?;
    Ok(Value::from(out))
}
