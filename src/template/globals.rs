//! Functions of templates: `lookup`, `query`, `q`, `now`, `undef`, `dict`. `range` and `namespace` are minijinja's.

use super::arguments::{Arguments, Raw, context, fail};
use super::value::{from_json, to_json};
use super::{filters, lookups, python};
use minijinja::{Environment, Error, State, Value};
use serde_json::Value as Json;

/// Adds the functions, and takes away the one that Ansible does not have.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.remove_global("debug");
    environment.add_function("lookup", |state: &mut State<'_, '_>, raw: Raw| {
        look_up(state, raw, false)
    });
    for name in ["query", "q"] {
        environment.add_function(name, |state: &mut State<'_, '_>, raw: Raw| {
            look_up(state, raw, true)
        });
    }
    environment.add_function("now", |raw: Raw| filters::now(&Arguments::new(raw)?));
    environment.add_function("dict", |raw: Raw| dict(&Arguments::new(raw)?));
    environment.add_function("undef", |raw: Raw| {
        let args = Arguments::new(raw)?;
        match args.get(0, "hint").filter(|hint| !hint.is_none()) {
            Some(hint) => Err(fail(python::text(hint)?)),
            None => Ok(Value::UNDEFINED),
        }
    });
}

/// `lookup(name, terms.., wantlist=False, errors='strict', options..)`.
fn look_up(state: &mut State<'_, '_>, raw: Raw, list: bool) -> Result<Value, Error> {
    let context = context(state)?;
    if !context.lookups {
        return Err(fail(
            "lookups do not run in a condition that was itself rendered",
        ));
    }
    let args = Arguments::new(raw)?;
    let name = python::text(args.require(0, "name")?)?;
    let mut options = args.options()?;
    let list = list
        || options
            .shift_remove("wantlist")
            .is_some_and(|given| given == true);
    let errors = match options.shift_remove("errors") {
        Some(Json::String(text)) => text,
        _ => "strict".to_owned(),
    };
    let mut terms = Vec::new();
    for term in &args.positional[1..] {
        terms.extend(to_json(term)?);
    }
    let request = lookups::Request {
        terms,
        options,
        context,
    };
    let found = match lookups::run(&name, &request) {
        Ok(found) => found,
        Err(error) => match errors.as_str() {
            "ignore" | "warn" => {
                return Ok(if list {
                    Value::from(Vec::<Value>::new())
                } else {
                    Value::from(())
                });
            }
            "strict" => return Err(error),
            other => {
                return Err(fail(format!(
                    "`errors` is strict, warn or ignore, not `{other}`"
                )));
            }
        },
    };
    if list {
        return Ok(from_json(&Json::Array(found)));
    }
    // Without `wantlist` texts are joined, a single value stays as it is, and anything else is a list.
    match found.as_slice() {
        [one] => Ok(from_json(one)),
        many if many.iter().all(Json::is_string) => {
            let texts: Vec<&str> = many.iter().filter_map(Json::as_str).collect();
            Ok(Value::from(texts.join(",")))
        }
        _ => Ok(from_json(&Json::Array(found))),
    }
}

/// `dict(mapping or pairs, name=value..)`.
fn dict(args: &Arguments) -> Result<Value, Error> {
    let mut pairs = match args.positional.first() {
        Some(given) => filters::pairs_of(given)?,
        None => Vec::new(),
    };
    for (name, value) in args.all_named() {
        pairs.retain(|(key, _)| key.as_str() != Some(name));
        pairs.push((Value::from(name.as_str()), value.clone()));
    }
    Ok(Value::from_pairs(pairs))
}
