//! Applying a PATCH body by its content type: merge, strategic merge or JSON patch (RFC 6902).
//!
//! Server-side apply is refused: the lab keeps no field owners.

use super::merge_patch;
use super::status::Refusal;
use serde_json::Value;

const ACCEPTED: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/// Applies `body` to `object`.
pub(super) fn apply(object: &mut Value, content_type: &str, body: &[u8]) -> Result<(), Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let known = ACCEPTED.split(", ").any(|accepted| accepted == kind);
    if !known {
        return Err(Refusal::unsupported_media_type(ACCEPTED));
    }
    let patch: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
    match (kind, &patch) {
        ("application/json-patch+json", Value::Array(operations)) => {
            for operation in operations {
                step(object, operation).map_err(|_| Refusal::unfit_patch())?;
            }
            Ok(())
        }
        ("application/json-patch+json", _) => Err(Refusal::bad_request(
            "a JSON patch must be a list of operations",
        )),
        (_, Value::Object(_)) if kind.contains("strategic") => {
            merge_patch::strategic(object, &patch).map_err(Refusal::bad_request)
        }
        (_, Value::Object(_)) => {
            merge_patch::merge(object, &patch);
            Ok(())
        }
        _ => Err(Refusal::bad_request("a merge patch must be an object")),
    }
}

fn step(object: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |field: &str| {
        operation[field]
            .as_str()
            .ok_or_else(|| format!("{operation} has no {field}"))
    };
    let value = || {
        operation
            .get("value")
            .cloned()
            .ok_or_else(|| format!("{operation} has no value"))
    };
    let path = text("path")?;
    match text("op")? {
        "add" => add(object, path, value()?),
        "remove" => remove(object, path).map(drop),
        "replace" => match object.pointer_mut(path) {
            Some(place) => {
                *place = value()?;
                Ok(())
            }
            None => Err(missing(path)),
        },
        "test" if object.pointer(path) == Some(&value()?) => Ok(()),
        "test" => Err(format!("testing value {path} failed")),
        "move" => {
            let moved = remove(object, text("from")?)?;
            add(object, path, moved)
        }
        "copy" => {
            let from = text("from")?;
            let copied = object.pointer(from).cloned().ok_or_else(|| missing(from))?;
            add(object, path, copied)
        }
        other => Err(format!("unknown operation {other}")),
    }
}

fn missing(path: &str) -> String {
    format!("there is nothing at {path}")
}

/// The parent of a path, and the last step of it without escapes.
fn parent<'a>(object: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (head, last) = path
        .rsplit_once('/')
        .ok_or_else(|| format!("{path} is not a JSON pointer below the object"))?;
    let parent = object.pointer_mut(head).ok_or_else(|| missing(head))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    match parent(object, path)? {
        (Value::Object(map), step) => {
            map.insert(step, value);
            Ok(())
        }
        (Value::Array(items), step) if step == "-" => {
            items.push(value);
            Ok(())
        }
        (Value::Array(items), step) => match step.parse() {
            Ok(index) if index <= items.len() => {
                items.insert(index, value);
                Ok(())
            }
            _ => Err(missing(path)),
        },
        _ => Err(missing(path)),
    }
}

fn remove(object: &mut Value, path: &str) -> Result<Value, String> {
    match parent(object, path)? {
        (Value::Object(map), step) => map.shift_remove(&step).ok_or_else(|| missing(path)),
        (Value::Array(items), step) => match step.parse::<usize>() {
            Ok(index) if index < items.len() => Ok(items.remove(index)),
            _ => Err(missing(path)),
        },
        _ => Err(missing(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_is_applied_by_its_content_type() {
        let before = json!({ "metadata": { "labels": { "a": "1" } }, "spec": { "taints": [{ "key": "x" }] } });
        let cases = [
            (
                "application/merge-patch+json",
                json!({"spec":{"unschedulable":true}}),
                "/spec/unschedulable",
                json!(true),
            ),
            (
                "application/strategic-merge-patch+json; charset=utf-8",
                json!({"metadata":{"labels":{"b":"2"}}}),
                "/metadata/labels",
                json!({"a":"1","b":"2"}),
            ),
            (
                "application/json-patch+json",
                json!([
                    {"op":"test","path":"/spec/taints/0/key","value":"x"},
                    {"op":"add","path":"/spec/taints/-","value":{"key":"y"}},
                    {"op":"remove","path":"/spec/taints/0"},
                    {"op":"add","path":"/metadata/labels/c~1d","value":"3"}
                ]),
                "",
                json!({ "metadata": { "labels": { "a": "1", "c/d": "3" } }, "spec": { "taints": [{ "key": "y" }] } }),
            ),
        ];
        for (kind, patch, pointer, wanted) in cases {
            let mut object = before.clone();
            apply(&mut object, kind, patch.to_string().as_bytes()).unwrap();
            assert_eq!(object.pointer(pointer), Some(&wanted), "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_applied_is_refused() {
        let cases = [
            ("application/apply-patch+yaml", "{}", 415),
            ("", "{}", 415),
            ("application/merge-patch+json", "[]", 400),
            ("application/merge-patch+json", "{", 400),
            ("application/json-patch+json", "{}", 400),
            (
                "application/json-patch+json",
                r#"[{"op":"test","path":"/a","value":1}]"#,
                422,
            ),
            (
                "application/json-patch+json",
                r#"[{"op":"remove","path":"/nope/x"}]"#,
                422,
            ),
        ];
        for (kind, body, code) in cases {
            let refusal = apply(&mut json!({}), kind, body.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, code, "{kind} {body}");
        }
    }
}
