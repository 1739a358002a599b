//! Lookups that rearrange lists.
#![expect(clippy::unnecessary_wraps, reason = "all lookups share one signature")]

use super::Request;
use crate::template::arguments::fail;
use crate::template::filters::product_of;
use minijinja::Error;
use serde_json::{Value, json};
use std::hash::{BuildHasher, Hasher, RandomState};

type Result<T = Vec<Value>> = std::result::Result<T, Error>;

/// The terms, lists among them taken apart once.
pub(super) fn items(request: &Request) -> Result {
    let mut list = Vec::new();
    for term in &request.terms {
        match term {
            Value::Array(items) => list.extend(items.iter().cloned()),
            other => list.push(other.clone()),
        }
    }
    Ok(list)
}

/// The terms as they are.
pub(super) fn list(request: &Request) -> Result {
    Ok(request.terms.clone())
}

pub(super) fn flattened(request: &Request) -> Result {
    fn flatten(values: &[Value], out: &mut Vec<Value>) {
        for value in values {
            match value {
                Value::Array(items) => flatten(items, out),
                other => out.push(other.clone()),
            }
        }
    }
    let mut out = Vec::new();
    flatten(&request.terms, &mut out);
    request.only(&[])?;
    Ok(out)
}

pub(super) fn dict(request: &Request) -> Result {
    let mut list = Vec::new();
    for term in request.terms.iter().flat_map(|term| match term {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    }) {
        let entries = term
            .as_object()
            .ok_or_else(|| fail("with_dict expects a dict"))?;
        list.extend(
            entries
                .iter()
                .map(|(key, value)| json!({"key": key, "value": value})),
        );
    }
    Ok(list)
}

pub(super) fn indexed_items(request: &Request) -> Result {
    let list = items(request)?;
    Ok(list
        .into_iter()
        .enumerate()
        .map(|(at, item)| json!([at, item]))
        .collect())
}

fn columns(request: &Request) -> Vec<Vec<Value>> {
    request
        .terms
        .iter()
        .map(|term| match term {
            Value::Array(items) => items.clone(),
            other => vec![other.clone()],
        })
        .collect()
}

pub(super) fn nested(request: &Request) -> Result {
    if request.terms.is_empty() {
        return Err(fail(
            "with_nested requires at least one element in the nested list",
        ));
    }
    let rows = product_of(&columns(request));
    let flat = |row: Vec<Value>| {
        row.into_iter()
            .flat_map(|cell| match cell {
                Value::Array(items) => items,
                other => vec![other],
            })
            .collect::<Vec<_>>()
    };
    Ok(rows
        .into_iter()
        .map(|row| Value::Array(flat(row)))
        .collect())
}

pub(super) fn together(request: &Request) -> Result {
    let columns = columns(request);
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    if columns.is_empty() {
        return Err(fail(
            "with_together requires at least one element in each list",
        ));
    }
    let row = |at: usize| {
        let cells = columns
            .iter()
            .map(|column| column.get(at).cloned().unwrap_or_default());
        Value::Array(cells.collect())
    };
    Ok((0..length).map(row).collect())
}

/// `[list of dicts, 'path.to.list', {skip_missing: false}]`.
pub(super) fn subelements(request: &Request) -> Result {
    let terms = match request.terms.as_slice() {
        [Value::Array(terms)] => terms.as_slice(),
        terms => terms,
    };
    let [elements, Value::String(path), ..] = terms else {
        return Err(fail(
            "subelements expects a list of dicts and the path of a list in them",
        ));
    };
    let skip = terms
        .get(2)
        .and_then(|options| options.get("skip_missing"))
        .is_some_and(|given| given == true);
    let elements: Vec<&Value> = match elements {
        Value::Array(items) => items.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => return Err(fail("subelements expects a list of dicts")),
    };
    let mut list = Vec::new();
    for element in elements {
        let found = path
            .split('.')
            .try_fold(element, |value, name| value.get(name));
        match found {
            Some(Value::Array(items)) => {
                let rest = without(element, path);
                list.extend(items.iter().map(|item| json!([rest, item])));
            }
            None if skip => {}
            None => {
                return Err(fail(format!(
                    "could not find '{path}' key in iterated item"
                )));
            }
            Some(_) => return Err(fail(format!("the key `{path}` should point to a list"))),
        }
    }
    Ok(list)
}

/// The element without the list at `path`, as Ansible hands it on.
fn without(element: &Value, path: &str) -> Value {
    let mut rest = element.clone();
    let (owner, last) = path.rsplit_once('.').unwrap_or(("", path));
    let holder = owner
        .split('.')
        .filter(|name| !name.is_empty())
        .try_fold(&mut rest, |value, name| value.get_mut(name));
    if let Some(entries) = holder.and_then(Value::as_object_mut) {
        entries.shift_remove(last);
    }
    rest
}

pub(super) fn random_choice(request: &Request) -> Result {
    let list = match request.terms.as_slice() {
        [Value::Array(items)] => items.as_slice(),
        terms => terms,
    };
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let chosen = RandomState::new().build_hasher().finish() % list.len() as u64;
    Ok(vec![list[usize::try_from(chosen).unwrap_or(0)].clone()])
}
