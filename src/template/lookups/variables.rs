//! Lookups in variables, the environment and the inventory.

use super::Request;
use crate::template::arguments::fail;
use crate::template::filters::{compile, failed};
use crate::template::value::to_json;
use minijinja::Error;
use serde_json::Value;

type Result<T = Vec<Value>> = std::result::Result<T, Error>;

/// Variables of the controller's environment; unset ones are empty.
pub(super) fn env(request: &Request) -> Result {
    request.only(&["default"])?;
    let default = request.options.get("default");
    let read = |name: String| match (std::env::var(name), default) {
        (Ok(value), _) => Value::from(value),
        (Err(_), Some(default)) => default.clone(),
        (Err(_), None) => Value::from(""),
    };
    Ok(request.texts()?.into_iter().map(read).collect())
}

/// Variables by name.
pub(super) fn vars(request: &Request) -> Result {
    request.only(&["default"])?;
    let mut list = Vec::new();
    for name in request.texts()? {
        let found = match request.context.variable(&name) {
            Some(Ok(value)) => to_json(&value)?,
            Some(Err(error)) if !error.undefined || !request.options.contains_key("default") => {
                return Err(error.carried());
            }
            _ => match request.options.get("default") {
                Some(default) => Some(default.clone()),
                None => return Err(fail(format!("no variable found with this name: {name}"))),
            },
        };
        list.extend(found);
    }
    Ok(list)
}

/// Names of variables that match patterns.
pub(super) fn varnames(request: &Request) -> Result {
    request.only(&[])?;
    let names = request.context.scope.names();
    let mut list = Vec::new();
    for pattern in request.texts()? {
        let pattern = compile(&pattern, false, false)?;
        for name in &names {
            if pattern.is_match(name).map_err(|error| failed(&error))? {
                list.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(list)
}

/// Hosts of the inventory by name or group; patterns with `*`, `!`, `&` or ranges are refused.
pub(super) fn inventory_hostnames(request: &Request) -> Result {
    request.only(&[])?;
    let groups = match request.context.variable("groups") {
        Some(Ok(value)) => to_json(&value)?.unwrap_or_default(),
        _ => Value::Null,
    };
    let hosts = request
        .context
        .scope
        .hosts
        .as_ref()
        .map(|hosts| hosts.names())
        .unwrap_or_default();
    let mut list: Vec<Value> = Vec::new();
    for term in request.texts()? {
        for name in term
            .split([',', ':'])
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if name.contains(['*', '!', '&', '~', '[', '?']) {
                return Err(fail(format!(
                    "the pattern `{name}` is not supported in inventory_hostnames"
                )));
            }
            let found = match groups.get(name).and_then(Value::as_array) {
                Some(members) => members.clone(),
                None if name == "all" => hosts.iter().cloned().map(Value::from).collect(),
                None => hosts
                    .iter()
                    .filter(|host| *host == name)
                    .cloned()
                    .map(Value::from)
                    .collect(),
            };
            for host in found {
                if !list.contains(&host) {
                    list.push(host);
                }
            }
        }
    }
    Ok(list)
}
