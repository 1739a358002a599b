//! Mappings, choices and kinds of values.
#![expect(clippy::unnecessary_wraps, reason = "all filters share one signature")]

use crate::template::arguments::{Arguments, defined, fail, items};
use crate::template::python;
use crate::template::value::{entry, from_json, to_json};
use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, State};

type Result<T = Value> = std::result::Result<T, Error>;

/// Passes a defined value on.
pub(super) fn result(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(value.clone())
}

/// Ansible's own: `yes`, `on`, `1`, `true` (any case) and 1 are true, none stays none, all else is false.
pub(super) fn bool(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(match value.kind() {
        ValueKind::None | ValueKind::Bool => value.clone(),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            Value::from(matches!(text.as_str(), "yes" | "on" | "1" | "true"))
        }
        ValueKind::Number => Value::from(*value == Value::from(1)),
        _ => Value::from(false),
    })
}

pub(super) fn mandatory(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    if value.is_undefined() {
        return match args.get(0, "msg").filter(|msg| !msg.is_none()) {
            Some(message) => Err(fail(python::text(message)?)),
            None => defined(value).map(|()| value.clone()),
        };
    }
    Ok(value.clone())
}

/// `value | ternary(when true, when false, when none)`.
pub(super) fn ternary(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    defined(value)?;
    let chosen = match args.get(2, "none_val") {
        Some(none) if value.is_none() && !none.is_none() => Some(none),
        _ if value.is_true() => args.get(0, "true_val"),
        _ => args.get(1, "false_val"),
    };
    chosen
        .cloned()
        .ok_or_else(|| fail("ternary needs a value for true and one for false"))
}

pub(super) fn type_debug(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(Value::from(python::type_name(value)))
}

pub(in crate::template) type Pairs = Vec<(Value, Value)>;

fn pairs(value: &Value, what: &str) -> Result<Pairs> {
    defined(value)?;
    if value.kind() != ValueKind::Map {
        return Err(fail(format!(
            "{what} needs a dict, not {}",
            python::type_name(value)
        )));
    }
    items(value)?
        .into_iter()
        .map(|key| {
            let found = entry(value, &key)?;
            Ok((key, found))
        })
        .collect()
}

/// `a | combine(b, [c, d], recursive=False, list_merge='replace')`; later ones win.
pub(super) fn combine(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let recursive = args.named("recursive").is_some_and(Value::is_true);
    let list_merge = match args.named("list_merge") {
        Some(given) => python::text(given)?,
        None => "replace".to_owned(),
    };
    if ![
        "replace",
        "keep",
        "append",
        "prepend",
        "append_rp",
        "prepend_rp",
    ]
    .contains(&list_merge.as_str())
    {
        return Err(fail(format!(
            "`list_merge` is replace, keep, append, prepend, append_rp or prepend_rp, not `{list_merge}`"
        )));
    }
    let mut dicts = Vec::new();
    for given in std::iter::once(value).chain(&args.positional) {
        flatten_dicts(given, &mut dicts)?;
    }
    let mut merged = Pairs::new();
    for dict in dicts {
        merged = merge(merged, dict, recursive, &list_merge)?;
    }
    Ok(Value::from_pairs(merged))
}

fn flatten_dicts(value: &Value, dicts: &mut Vec<Pairs>) -> Result<()> {
    defined(value)?;
    if value.kind() == ValueKind::Seq {
        for item in items(value)? {
            flatten_dicts(&item, dicts)?;
        }
    } else {
        dicts.push(pairs(value, "combine")?);
    }
    Ok(())
}

fn merge(mut base: Pairs, over: Pairs, recursive: bool, list_merge: &str) -> Result<Pairs> {
    for (key, value) in over {
        let Some(slot) = base.iter_mut().find(|(each, _)| *each == key) else {
            base.push((key, value));
            continue;
        };
        slot.1 = match (slot.1.kind(), value.kind()) {
            (ValueKind::Map, ValueKind::Map) if recursive => Value::from_pairs(merge(
                pairs(&slot.1, "combine")?,
                pairs(&value, "combine")?,
                recursive,
                list_merge,
            )?),
            (ValueKind::Seq, ValueKind::Seq) => merge_lists(&slot.1, &value, list_merge)?,
            _ => value,
        };
    }
    Ok(base)
}

fn merge_lists(old: &Value, new: &Value, how: &str) -> Result {
    let (mut old, mut new) = (items(old)?, items(new)?);
    Ok(Value::from(match how {
        "keep" => old,
        "append" => {
            old.append(&mut new);
            old
        }
        "prepend" => {
            new.append(&mut old);
            new
        }
        "append_rp" => {
            old.retain(|item| !new.contains(item));
            old.append(&mut new);
            old
        }
        "prepend_rp" => {
            old.retain(|item| !new.contains(item));
            new.append(&mut old);
            new
        }
        _ => new,
    }))
}

pub(super) fn dict2items(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let key_name = args.text(0, "key_name", "key")?;
    let value_name = args.text(1, "value_name", "value")?;
    let list: Vec<Value> = pairs(value, "dict2items")?
        .into_iter()
        .map(|(key, value)| {
            Value::from_pairs([
                (Value::from(key_name.as_str()), key),
                (Value::from(value_name.as_str()), value),
            ])
        })
        .collect();
    Ok(Value::from(list))
}

pub(super) fn items2dict(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let key_name = args.text(0, "key_name", "key")?;
    let value_name = args.text(1, "value_name", "value")?;
    let mut merged = Pairs::new();
    for item in items(value)? {
        let key = item.get_attr(&key_name)?;
        let value = item.get_attr(&value_name)?;
        if key.is_undefined() || value.is_undefined() {
            return Err(fail(format!(
                "items2dict needs a list of dicts with `{key_name}` and `{value_name}`"
            )));
        }
        merged.retain(|(each, _)| *each != key);
        merged.push((key, value));
    }
    Ok(Value::from_pairs(merged))
}

/// `key | extract(container, morekeys)`.
pub(super) fn extract(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let mut found = args.require(0, "container")?.get_item(value)?;
    if let Some(more) = args.get(1, "morekeys").filter(|more| !more.is_none()) {
        let keys = if more.kind() == ValueKind::Seq {
            items(more)?
        } else {
            vec![more.clone()]
        };
        for key in keys {
            if found.is_undefined() {
                break;
            }
            found = found.get_item(&key)?;
        }
    }
    Ok(found)
}

/// `list | subelements('groups.sub', skip_missing=False)`: pairs of item and subitem.
pub(super) fn subelements(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let path = args.require(0, "subelements")?;
    let names: Vec<String> = match path.as_str() {
        Some(text) => text.split('.').map(str::to_owned).collect(),
        None => items(path)?
            .iter()
            .map(python::text)
            .collect::<Result<_>>()?,
    };
    let skip = args.flag(1, "skip_missing", false)?;
    let elements = if value.kind() == ValueKind::Map {
        pairs(value, "subelements")?
            .into_iter()
            .map(|(_, item)| item)
            .collect()
    } else {
        items(value)?
    };
    let mut result = Vec::new();
    for element in elements {
        let mut found = element.clone();
        for name in &names {
            if !found.is_undefined() {
                found = found.get_attr(name)?;
            }
        }
        if found.is_undefined() || found.is_none() {
            if skip {
                continue;
            }
            return Err(fail(format!(
                "could not find `{}` key in iterated item",
                names.join(".")
            )));
        }
        if found.kind() != ValueKind::Seq {
            return Err(fail(format!(
                "the key `{}` should point to a list",
                names.join(".")
            )));
        }
        for item in items(&found)? {
            result.push(Value::from(Tuple::new(vec![element.clone(), item])));
        }
    }
    Ok(Value::from(result))
}

/// A plain value for filters that write formats; `omit` inside is left out.
pub(super) fn plain(value: &Value) -> Result<serde_json::Value> {
    Ok(to_json(value)?.unwrap_or_default())
}

/// `[[key, value], ..] | community.general.dict`, and the function `dict`.
pub(super) fn dict(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    pairs_of(value).map(Value::from_pairs)
}

/// The pairs of a dict, or of a list of pairs; the last of equal keys wins.
pub(in crate::template) fn pairs_of(value: &Value) -> Result<Pairs> {
    if value.kind() == ValueKind::Map {
        return pairs(value, "dict");
    }
    let mut merged = Pairs::new();
    for item in items(value)? {
        let Ok([key, value]) = <[Value; 2]>::try_from(items(&item)?) else {
            return Err(fail("dict needs a list of pairs"));
        };
        merge_one(&mut merged, key, value);
    }
    Ok(merged)
}

fn merge_one(merged: &mut Pairs, key: Value, value: Value) {
    match merged.iter_mut().find(|(each, _)| *each == key) {
        Some(slot) => slot.1 = value,
        None => merged.push((key, value)),
    }
}

/// `value | json_query('a[?b==`1`].c')`: JMESPath.
pub(super) fn json_query(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let query = python::text(args.require(0, "expr")?)?;
    // The crate's messages go on with a drawing of the query.
    let wrong = |error: &dyn std::fmt::Display| {
        let error = error.to_string();
        let line = error.lines().next().unwrap_or_default();
        fail(format!("bad query `{query}`: {line}"))
    };
    let compiled = jmespath::compile(&query).map_err(|error| wrong(&error))?;
    let found = compiled
        .search(plain(value)?)
        .map_err(|error| wrong(&error))?;
    let json = serde_json::to_value(&*found).map_err(|error| wrong(&error))?;
    Ok(from_json(&json))
}
