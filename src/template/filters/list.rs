//! Lists: sets, choosing, ordering, pairing.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::python;
use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, State};
use std::hash::{BuildHasher, Hasher, RandomState};

type Result<T = Value> = std::result::Result<T, Error>;

fn push_new(list: &mut Vec<Value>, item: Value) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn other(args: &Arguments) -> Result<Vec<Value>> {
    items(args.require(0, "other")?)
}

fn distinct(list: Vec<Value>) -> Value {
    let mut result = Vec::with_capacity(list.len());
    for item in list {
        push_new(&mut result, item);
    }
    Value::from(result)
}

pub(super) fn union(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let mut list = items(value)?;
    list.extend(other(args)?);
    Ok(distinct(list))
}

pub(super) fn intersect(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let other = other(args)?;
    let list = items(value)?;
    Ok(distinct(
        list.into_iter()
            .filter(|item| other.contains(item))
            .collect(),
    ))
}

pub(super) fn difference(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let other = other(args)?;
    let list = items(value)?;
    Ok(distinct(
        list.into_iter()
            .filter(|item| !other.contains(item))
            .collect(),
    ))
}

pub(super) fn symmetric_difference(
    _: &mut State<'_, '_>,
    value: &Value,
    args: &Arguments,
) -> Result {
    let (left, right) = (items(value)?, other(args)?);
    let mut list: Vec<Value> = left
        .iter()
        .filter(|item| !right.contains(item))
        .cloned()
        .collect();
    list.extend(right.into_iter().filter(|item| !left.contains(item)));
    Ok(distinct(list))
}

/// The text `case_sensitive` and `attribute` compare by.
fn key(item: &Value, attribute: Option<&Value>, case_sensitive: bool) -> Result {
    let item = match attribute {
        Some(path) => {
            let found = super::choose::attribute(item, path)?;
            if found.is_undefined() {
                return Err(fail(format!("'dict object' has no attribute '{path}'")));
            }
            found
        }
        None => item.clone(),
    };
    Ok(match item.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
        _ => item,
    })
}

pub(super) fn unique(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let case_sensitive = args.flag(0, "case_sensitive", false)?;
    let attribute = args.get(1, "attribute").filter(|each| !each.is_none());
    let (mut seen, mut result) = (Vec::new(), Vec::new());
    for item in items(value)? {
        let key = key(&item, attribute, case_sensitive)?;
        if !seen.contains(&key) {
            seen.push(key);
            result.push(item);
        }
    }
    Ok(Value::from(result))
}

fn extreme(value: &Value, args: &Arguments, what: &str, more: bool) -> Result {
    let case_sensitive = args.flag(0, "case_sensitive", false)?;
    let attribute = args.get(1, "attribute").filter(|each| !each.is_none());
    let mut best: Option<(Value, Value)> = None;
    for item in items(value)? {
        let key = key(&item, attribute, case_sensitive)?;
        let better = best
            .as_ref()
            .is_none_or(|(old, _)| if more { key > *old } else { key < *old });
        if better {
            best = Some((key, item));
        }
    }
    best.map(|(_, item)| item)
        .ok_or_else(|| fail(format!("no {what} of an empty list")))
}

pub(super) fn max(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    extreme(value, args, "maximum", true)
}

pub(super) fn min(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    extreme(value, args, "minimum", false)
}

pub(super) fn first(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(items(value)?.into_iter().next().unwrap_or(Value::UNDEFINED))
}

pub(super) fn last(_: &mut State<'_, '_>, value: &Value, _: &Arguments) -> Result {
    Ok(items(value)?.pop().unwrap_or(Value::UNDEFINED))
}

/// `list | flatten(levels=None, skip_nulls=True)`.
pub(super) fn flatten(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let levels = match args.get(0, "levels") {
        Some(levels) if !levels.is_none() => Some(args.int(0, "levels", 0)?),
        _ => None,
    };
    let skip = args.flag(1, "skip_nulls", true)?;
    let mut result = Vec::new();
    flatten_into(value, levels, skip, &mut result)?;
    Ok(Value::from(result))
}

fn flatten_into(
    value: &Value,
    levels: Option<i64>,
    skip: bool,
    out: &mut Vec<Value>,
) -> Result<()> {
    for item in items(value)? {
        let null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if skip && null {
            continue;
        }
        if item.kind() == ValueKind::Seq && levels.is_none_or(|levels| levels >= 1) {
            flatten_into(&item, levels.map(|levels| levels - 1), skip, out)?;
        } else {
            out.push(item);
        }
    }
    Ok(())
}

fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::new(values))
}

fn columns(value: &Value, args: &Arguments) -> Result<Vec<Vec<Value>>> {
    std::iter::once(value)
        .chain(&args.positional)
        .map(items)
        .collect()
}

pub(super) fn zip(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let columns = columns(value, args)?;
    let length = columns.iter().map(Vec::len).min().unwrap_or(0);
    let rows = (0..length).map(|row| tuple(columns.iter().map(|each| each[row].clone()).collect()));
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

pub(super) fn zip_longest(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let columns = columns(value, args)?;
    let fill = args.named("fillvalue").cloned().unwrap_or(Value::from(()));
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    let rows = (0..length).map(|row| {
        let cells = columns
            .iter()
            .map(|each| each.get(row).unwrap_or(&fill).clone());
        tuple(cells.collect())
    });
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

/// The Cartesian product, the last list turning fastest.
pub(in crate::template) fn product_of<T: Clone>(columns: &[Vec<T>]) -> Vec<Vec<T>> {
    columns.iter().fold(vec![Vec::new()], |rows, column| {
        rows.iter()
            .flat_map(|row| {
                column.iter().map(move |cell| {
                    let mut row = row.clone();
                    row.push(cell.clone());
                    row
                })
            })
            .collect()
    })
}

pub(super) fn product(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let rows = product_of(&columns(value, args)?);
    Ok(Value::from(rows.into_iter().map(tuple).collect::<Vec<_>>()))
}

pub(super) fn combinations(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    fn choose(list: &[Value], size: usize, taken: &mut Vec<Value>, out: &mut Vec<Value>) {
        if size == 0 {
            out.push(tuple(taken.clone()));
            return;
        }
        for (at, item) in list.iter().enumerate() {
            taken.push(item.clone());
            choose(&list[at + 1..], size - 1, taken, out);
            taken.pop();
        }
    }
    let size =
        usize::try_from(args.int(0, "r", 2)?).map_err(|_| fail("`r` must not be negative"))?;
    let mut result = Vec::new();
    choose(&items(value)?, size, &mut Vec::new(), &mut result);
    Ok(Value::from(result))
}

/// All orders of `r` items of a list, by place.
pub(super) fn permutations(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    fn choose(list: &[Value], size: usize, taken: &mut Vec<usize>, out: &mut Vec<Value>) {
        if taken.len() == size {
            out.push(tuple(taken.iter().map(|at| list[*at].clone()).collect()));
            return;
        }
        for at in 0..list.len() {
            if !taken.contains(&at) {
                taken.push(at);
                choose(list, size, taken, out);
                taken.pop();
            }
        }
    }
    let list = items(value)?;
    let size = match args.get(0, "r").filter(|given| !given.is_none()) {
        Some(_) => {
            usize::try_from(args.int(0, "r", 0)?).map_err(|_| fail("`r` must not be negative"))?
        }
        None => list.len(),
    };
    let mut result = Vec::new();
    choose(&list, size, &mut Vec::new(), &mut result);
    Ok(Value::from(result))
}

/// A number that is random, or the same for the same seed. Python's own sequence is not reproduced.
fn draw(seed: Option<&Value>, round: u64) -> Result<u64> {
    let Some(seed) = seed else {
        return Ok(RandomState::new().build_hasher().finish());
    };
    // FNV-1a, then a finalizer, so that near seeds differ in all bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ round;
    for byte in python::text(seed)?.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    Ok(hash ^ (hash >> 33))
}

/// `list | random(seed=..)`, `end | random(start, step, seed)`.
pub(super) fn random(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let seed = args.get(2, "seed").filter(|seed| !seed.is_none());
    if value.kind() == ValueKind::Number {
        let end = value
            .as_i64()
            .ok_or_else(|| fail("random needs a whole number or a list"))?;
        let start = args.int(0, "start", 0)?;
        let step = args.int(1, "step", 1)?.max(1);
        let count = (end - start + step - 1) / step;
        let count = u64::try_from(count).ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| fail("random has no number to choose from"))?;
        let chosen = i64::try_from(draw(seed, 0)? % count).unwrap_or(0);
        return Ok(Value::from(start + chosen * step));
    }
    let list = items(value)?;
    if list.is_empty() {
        return Err(fail("random has nothing to choose from"));
    }
    let chosen = draw(seed, 0)? % list.len() as u64;
    Ok(list[usize::try_from(chosen).unwrap_or(0)].clone())
}

pub(super) fn shuffle(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let seed = args.get(0, "seed").filter(|seed| !seed.is_none());
    let mut list = items(value)?;
    for at in (1..list.len()).rev() {
        let chosen = draw(seed, at as u64)? % (at as u64 + 1);
        list.swap(at, usize::try_from(chosen).unwrap_or(0));
    }
    Ok(Value::from(list))
}
