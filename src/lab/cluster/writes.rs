//! The verbs that write: create, replace, patch and delete, each of them for show as well (`dryRun=All`).

use super::admission;
use super::answer::Answer;
use super::eviction;
use super::object;
use super::patch;
use super::pods;
use super::resource::Resource;
use super::state::{Shared, State};
use super::status::Refusal;
use super::store::Key;
use super::verbs::{Request, key, ok};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Does one of these verbs.
pub(super) fn run(shared: &Shared, request: &Request, verb: &str) -> Result<Answer, Refusal> {
    let options = match verb {
        "delete" if !request.body.is_empty() => json_body(request)?,
        _ => json!({}),
    };
    let dry = eviction::dry_run(&request.query, &options)?;
    shared.with(|state| {
        state.store.rehearse(dry);
        let answer = match verb {
            "create" => create(state, request),
            "update" => replace(state, request),
            "patch" => patch(state, request),
            _ => delete(state, request, &options),
        };
        state.store.rehearse(false);
        // A write is answered only when it is saved.
        let answer = answer?;
        state.store.saved()?;
        Ok(answer)
    })
}

/// The body, which must be a JSON object.
pub(super) fn json_body(request: &Request) -> Result<Value, Refusal> {
    let kind = request
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !matches!(kind, "" | "application/json") {
        return Err(Refusal::unsupported_media_type("application/json"));
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::bad_request(format!("the body is not a JSON object: {error}")))?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(Refusal::bad_request("the body is not a JSON object"))
    }
}

/// The object of a body, in the namespace of the path.
fn object_body(request: &Request) -> Result<Value, Refusal> {
    let target = &request.target;
    let mut object = json_body(request)?;
    let kind = object["kind"].as_str().unwrap_or(target.resource.kind());
    if kind != target.resource.kind() {
        let wanted = target.resource.kind();
        return Err(Refusal::bad_request(format!(
            "{kind} in the body does not match {wanted} of the path"
        )));
    }
    if let Some(namespace) = &target.namespace {
        let given = object::namespace(&object);
        if !given.is_empty() && given != namespace {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(text));
        }
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["namespace"] = json!(namespace);
    }
    Ok(object)
}

fn create(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let resource = request.target.resource;
    let mut object = object_body(request)?;
    let namespace = object::namespace(&object).to_owned();
    if resource.namespaced() {
        state
            .store
            .find(&Key::new(Resource::Namespaces, "", &namespace))?;
    }
    let generated = object::text(&object, "/metadata/generateName").to_owned();
    if object::name(&object).is_empty() && !generated.is_empty() {
        object["metadata"]["name"] = json!(format!("{generated}{}", object::suffix(5)));
    }
    admission::new(resource, &mut object)?;
    let made = state.store.create(resource, object)?;
    Ok(ok(201, &made))
}

fn replace(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let key = key(&request.target);
    let before = state.store.find(&key)?;
    let object = object_body(request)?;
    if object::name(&object) != key.name {
        let text = "the name of the object does not match the name on the URL";
        return Err(Refusal::bad_request(text));
    }
    let object = admission::changed(&key, &before, object, request.target.subresource.is_some())?;
    Ok(ok(200, &keep(state, &key, object)))
}

fn patch(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let key = key(&request.target);
    let before = state.store.find(&key)?;
    let mut object = before.as_ref().clone();
    patch::apply(&mut object, &request.content_type, &request.body)?;
    let object = admission::changed(&key, &before, object, request.target.subresource.is_some())?;
    Ok(ok(200, &keep(state, &key, object)))
}

/// Stores a changed object; one that was only waiting for its last finalizer is gone with it.
fn keep(state: &mut State, key: &Key, object: Value) -> std::sync::Arc<Value> {
    let kept = state.store.update(key, object);
    let waits = matches!(key.resource, Resource::Pods | Resource::Namespaces);
    if !waits && object::terminating(&kept) && !pods::held(&kept) {
        state.store.remove(key);
    }
    kept
}

fn delete(state: &mut State, request: &Request, options: &Value) -> Result<Answer, Refusal> {
    let key = key(&request.target);
    let before = state.store.find(&key)?;
    let uid = object::text(options, "/preconditions/uid");
    if !uid.is_empty() && uid != object::uid(&before) {
        return Err(Refusal::wrong_uid(
            key.resource,
            &key.name,
            uid,
            object::uid(&before),
        ));
    }
    let version = object::text(options, "/preconditions/resourceVersion");
    if !version.is_empty() && version != object::text(&before, "/metadata/resourceVersion") {
        return Err(Refusal::conflict(key.resource, &key.name));
    }
    if key.resource == Resource::Pods {
        let grace = match request.query.number("gracePeriodSeconds")? {
            Some(seconds) => i64::try_from(seconds).ok(),
            None => options["gracePeriodSeconds"].as_i64(),
        };
        let ending = pods::terminate(state, &key, grace)?;
        return Ok(ok(200, &ending));
    }
    if key.resource == Resource::Namespaces || pods::held(&before) {
        let mut ending = before.as_ref().clone();
        if !object::terminating(&before) {
            ending["metadata"]["deletionTimestamp"] = json!(object::seconds(Timestamp::now()));
        }
        if key.resource == Resource::Namespaces {
            ending["status"]["phase"] = json!("Terminating");
        }
        return Ok(ok(200, &state.store.update(&key, ending)));
    }
    state.store.remove(&key);
    let mut details = key.resource.details(&key.name);
    details["uid"] = before["metadata"]["uid"].clone();
    Ok(Answer::Json(
        200,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        }),
    ))
}
