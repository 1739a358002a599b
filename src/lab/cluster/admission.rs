//! What a server fills into objects and what it refuses in them, before they are stored.

use super::defaults;
use super::object;
use super::pods;
use super::resource::Resource;
use super::status::Refusal;
use super::store::Key;
use super::taints;
use serde_json::{Value, json};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
    must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Checks a new object and fills in its defaults.
pub(super) fn new(resource: Resource, object: &mut Value) -> Result<(), Refusal> {
    check_name(resource, object::name(object))?;
    if resource.has_status() && resource != Resource::Pods {
        object["status"] = json!({});
    }
    match resource {
        Resource::Pods => pods::admit(object)?,
        Resource::Namespaces => {
            let name = object::name(object).to_owned();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"]["phase"] = json!("Active");
        }
        _ => defaults::fill(resource, object),
    }
    Ok(())
}

fn check_name(resource: Resource, name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        let problem = "Required value: name or generateName is required";
        return Err(Refusal::invalid(resource, "", "metadata.name", problem));
    }
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(plain)
            && part.ends_with(plain)
            && part.chars().all(|letter| plain(letter) || letter == '-')
    };
    if name.len() <= 253 && name.split('.').all(part) {
        return Ok(());
    }
    let problem = format!("Invalid value: \"{name}\": {SUBDOMAIN}");
    Err(Refusal::invalid(resource, name, "metadata.name", &problem))
}

/// What is stored when a client wants `after` in place of `before`: checks versions, keeps what a client may not change.
pub(super) fn changed(
    key: &Key,
    before: &Value,
    mut after: Value,
    status_only: bool,
) -> Result<Value, Refusal> {
    let wanted = object::text(&after, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != object::text(before, "/metadata/resourceVersion") {
        return Err(Refusal::conflict(key.resource, &key.name));
    }
    let uid = object::uid(&after);
    if !uid.is_empty() && uid != object::uid(before) {
        return Err(Refusal::wrong_uid(
            key.resource,
            &key.name,
            uid,
            object::uid(before),
        ));
    }
    if status_only {
        let mut object = before.clone();
        object["status"] = after["status"].take();
        return Ok(object);
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
    ] {
        match before["metadata"].get(field) {
            Some(kept) => after["metadata"][field] = kept.clone(),
            None => drop(
                after["metadata"]
                    .as_object_mut()
                    .and_then(|metadata| metadata.shift_remove(field)),
            ),
        }
    }
    after["apiVersion"] = before["apiVersion"].clone();
    after["kind"] = before["kind"].clone();
    if key.resource.has_status() {
        after["status"] = before["status"].clone();
    }
    match key.resource {
        Resource::Nodes => taints::sync(&mut after),
        Resource::Pods if after["spec"]["nodeName"] != before["spec"]["nodeName"] => {
            return Err(Refusal::invalid(
                key.resource,
                &key.name,
                "spec",
                "Forbidden: pod updates may not change nodeName",
            ));
        }
        _ => {}
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_the_rules() {
        for (name, good) in [
            ("web-1.example", true),
            ("", false),
            ("Web", false),
            ("-web", false),
            ("a..b", false),
            ("a_b", false),
        ] {
            assert_eq!(check_name(Resource::Pods, name).is_ok(), good, "{name}");
        }
        let refusal = check_name(Resource::Pods, "").unwrap_err().to_json();
        assert_eq!(
            refusal["message"],
            "Pod \"\" is invalid: metadata.name: Required value: name or generateName is required"
        );
        assert_eq!(
            refusal["details"]["causes"][0]["reason"],
            "FieldValueRequired"
        );
    }
}
