//! Merging a patch document into an object: JSON merge (RFC 7386) and Kubernetes' strategic merge.
//!
//! Pure functions on JSON; versions and permissions are checked elsewhere.

use serde_json::{Map, Value};

/// RFC 7386: maps merge, `null` removes, everything else replaces.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    for (key, value) in patch {
        let target = as_map(target);
        if value.is_null() {
            target.shift_remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
    as_map(target);
}

/// Strategic merge: as above, but some lists merge by a key, and `$patch` gives orders.
pub(super) fn strategic(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = Value::Object(without_orders(patch));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(format!("unknown $patch order: {other}")),
    }
    for (key, value) in patch {
        let target = as_map(target);
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            remove_items(target.get_mut(field), value);
        } else if let Some(order) = key.strip_prefix('$') {
            // The order of merged lists and the keys to retain only matter to `kubectl apply` of workloads.
            if !order.starts_with("setElementOrder/") && order != "patch" {
                return Err(format!("${order} is not supported by the lab API"));
            }
        } else if value.is_null() {
            target.shift_remove(key);
        } else {
            member(target, key, value)?;
        }
    }
    as_map(target);
    Ok(())
}

fn member(target: &mut Map<String, Value>, key: &str, value: &Value) -> Result<(), String> {
    match (value, list_kind(key)) {
        (Value::Array(items), Some(List::Keyed(merge_key))) => {
            let list = target
                .entry(key.to_owned())
                .or_insert_with(|| Value::Array(Vec::new()));
            keyed(list, items, merge_key)
        }
        (Value::Array(items), Some(List::Set)) => {
            let list = target
                .entry(key.to_owned())
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                let new: Vec<Value> = items
                    .iter()
                    .filter(|item| !list.contains(item))
                    .cloned()
                    .collect();
                list.extend(new);
            }
            Ok(())
        }
        _ => strategic(target.entry(key.to_owned()).or_insert(Value::Null), value),
    }
}

/// How a list merges. Fields that are not named here are replaced as a whole, taints and tolerations among them.
enum List {
    Keyed(&'static str),
    Set,
}

fn list_kind(field: &str) -> Option<List> {
    match field {
        "conditions" | "addresses" => Some(List::Keyed("type")),
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" => {
            Some(List::Keyed("name"))
        }
        "volumeMounts" => Some(List::Keyed("mountPath")),
        "ports" => Some(List::Keyed("containerPort")),
        "ownerReferences" => Some(List::Keyed("uid")),
        "finalizers" | "podCIDRs" => Some(List::Set),
        _ => None,
    }
}

fn keyed(list: &mut Value, items: &[Value], merge_key: &str) -> Result<(), String> {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Value::Array(list) = list else {
        return Ok(());
    };
    if items.iter().any(|item| item["$patch"] == "replace") {
        *list = items
            .iter()
            .filter(|item| item.get("$patch").is_none())
            .cloned()
            .collect();
        return Ok(());
    }
    for item in items {
        let Some(key) = item.get(merge_key) else {
            return Err(format!(
                "map: {item} does not contain declared merge key: {merge_key}"
            ));
        };
        let found = list.iter().position(|old| old.get(merge_key) == Some(key));
        match (found, item["$patch"] == "delete") {
            (Some(index), true) => drop(list.remove(index)),
            (Some(index), false) => strategic(&mut list[index], item)?,
            (None, true) => {}
            (None, false) => list.push(item.clone()),
        }
    }
    Ok(())
}

fn remove_items(list: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(list)), Value::Array(gone)) = (list, gone) {
        list.retain(|item| !gone.contains(item));
    }
}

fn without_orders(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(key, _)| !key.starts_with('$'))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The value as a map; anything else becomes an empty one first.
fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("the value was just made a map"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_merge_follows_the_rfc() {
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ];
        for (mut target, patch, wanted) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, wanted, "{patch}");
        }
    }

    #[test]
    fn strategic_merge_knows_which_lists_merge() {
        let cases = [
            (
                json!({"conditions":[{"type":"Ready","status":"True"},{"type":"X","status":"False"}]}),
                json!({"conditions":[{"type":"Ready","status":"False"}]}),
                json!({"conditions":[{"type":"Ready","status":"False"},{"type":"X","status":"False"}]}),
            ),
            (
                json!({"conditions":[{"type":"Ready"},{"type":"X"}]}),
                json!({"conditions":[{"type":"X","$patch":"delete"}]}),
                json!({"conditions":[{"type":"Ready"}]}),
            ),
            (
                json!({"taints":[{"key":"a"}]}),
                json!({"taints":[{"key":"b"}]}),
                json!({"taints":[{"key":"b"}]}),
            ),
            (
                json!({"finalizers":["a"]}),
                json!({"finalizers":["b"],"$setElementOrder/finalizers":["a","b"]}),
                json!({"finalizers":["a","b"]}),
            ),
            (
                json!({"finalizers":["a","b"]}),
                json!({"$deleteFromPrimitiveList/finalizers":["a"]}),
                json!({"finalizers":["b"]}),
            ),
            (
                json!({"spec":{"unschedulable":true}}),
                json!({"spec":{"unschedulable":null}}),
                json!({"spec":{}}),
            ),
            (
                json!({"labels":{"a":"1"}}),
                json!({"labels":{"$patch":"replace","b":"2"}}),
                json!({"labels":{"b":"2"}}),
            ),
        ];
        for (mut target, patch, wanted) in cases {
            strategic(&mut target, &patch).unwrap();
            assert_eq!(target, wanted, "{patch}");
        }
        assert!(strategic(&mut json!({}), &json!({"conditions":[{"status":"x"}]})).is_err());
        assert!(strategic(&mut json!({}), &json!({"$retainKeys":["x"]})).is_err());
    }
}
