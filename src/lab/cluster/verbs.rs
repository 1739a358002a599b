//! The verbs on objects: get, list, watch, create, replace, patch and delete.

use super::answer::Answer;
use super::eviction;
use super::leases;
use super::nodes;
use super::object;
use super::patch;
use super::pods;
use super::query::Query;
use super::resource::Resource;
use super::route::Target;
use super::state::{Shared, State};
use super::status::Refusal;
use super::store::Key;
use super::taints;
use super::watch::{self, Filter};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request for objects.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// Does what is asked.
pub(super) fn run(shared: &Arc<Shared>, request: &Request) -> Result<Answer, Refusal> {
    let target = &request.target;
    let resource = target.resource;
    let verb = verb(request)?;
    let served = match target.subresource.as_deref() {
        None => resource.verbs(),
        Some(subresource) => match resource.subresource_verbs(subresource) {
            [] => return Err(Refusal::no_such_path()),
            verbs => verbs,
        },
    };
    if !served.contains(&verb) {
        return Err(Refusal::method_not_allowed());
    }
    let eviction = target.subresource.as_deref() == Some("eviction");
    if request.query.get("dryRun").is_some() && !eviction {
        return Err(Refusal::bad_request(
            "dryRun is only supported for evictions by the lab API",
        ));
    }
    bring_up_to_date(shared, target);
    match verb {
        "list" => list(shared, request),
        "watch" => watch(shared, request),
        "get" => shared
            .with(|state| state.store.find(&key(target)))
            .map(|object| ok(200, &object)),
        "create" if eviction => {
            eviction::evict(shared, &key(target), &request.query, &json_body(request)?)
        }
        "create" => write(shared, |state| create(state, request)),
        "update" => write(shared, |state| replace(state, request)),
        "patch" => write(shared, |state| patch(state, request)),
        _ => write(shared, |state| delete(state, request)),
    }
}

fn verb(request: &Request) -> Result<&'static str, Refusal> {
    let named = request.target.name.is_some();
    match (&request.method, named) {
        (&Method::GET, false) if request.query.on("watch") => Ok("watch"),
        (&Method::GET, false) => Ok("list"),
        (&Method::GET, true) => Ok("get"),
        (&Method::POST, true) if request.target.subresource.is_some() => Ok("create"),
        (&Method::POST, false) => Ok("create"),
        (&Method::PUT, true) => Ok("update"),
        (&Method::PATCH, true) => Ok("patch"),
        (&Method::DELETE, true) => Ok("delete"),
        _ => Err(Refusal::method_not_allowed()),
    }
}

/// Times that only move on are brought up to date when someone looks.
fn bring_up_to_date(shared: &Shared, target: &Target) {
    match (target.resource, &target.name) {
        (Resource::Nodes, Some(name)) => nodes::refresh(shared, std::slice::from_ref(name)),
        (Resource::Nodes, None) => nodes::refresh_all(shared),
        (Resource::Leases, name) => leases::refresh(shared, name.as_deref()),
        _ => {}
    }
}

fn key(target: &Target) -> Key {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    Key::new(
        target.resource,
        namespace,
        target.name.as_deref().unwrap_or_default(),
    )
}

fn ok(code: u16, object: &Value) -> Answer {
    Answer::Json(code, object.clone())
}

/// A write is answered only when it is saved.
fn write(
    shared: &Shared,
    work: impl FnOnce(&mut State) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    shared.with(|state| {
        let answer = work(state)?;
        state.store.saved()?;
        Ok(answer)
    })
}

fn list(shared: &Shared, request: &Request) -> Result<Answer, Refusal> {
    let target = &request.target;
    if !request.query.text("continue").is_empty() {
        return Err(Refusal::stale_continue());
    }
    // `limit` is a hint: a list that is whole and has no continue token is a right answer to it.
    let filter = Filter::new(target.resource, target.namespace.as_deref(), &request.query)?;
    let (revision, items) = shared.with(|state| {
        let all = state
            .store
            .list(target.resource, target.namespace.as_deref());
        let items: Vec<Arc<Value>> = all
            .filter(|object| filter.select(object))
            .cloned()
            .collect();
        (state.store.revision(), items)
    });
    let items: Vec<&Value> = items.iter().map(Arc::as_ref).collect();
    Ok(Answer::Json(
        200,
        json!({
            "kind": format!("{}List", target.resource.kind()),
            "apiVersion": target.resource.api_version(),
            "metadata": { "resourceVersion": revision.to_string() },
            "items": items,
        }),
    ))
}

fn watch(shared: &Arc<Shared>, request: &Request) -> Result<Answer, Refusal> {
    let target = &request.target;
    let filter = Filter::new(target.resource, target.namespace.as_deref(), &request.query)?;
    watch::start(shared, filter, &request.query).map(Answer::Watch)
}

fn json_body(request: &Request) -> Result<Value, Refusal> {
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
    let name = object::name(&object).to_owned();
    if name.is_empty() {
        return Err(Refusal::invalid(
            resource,
            "",
            "metadata.name",
            "Required value",
        ));
    }
    if resource == Resource::Pods {
        pods::admit(&mut object)?;
    }
    if resource == Resource::Budgets {
        object["status"] = json!({});
    }
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
    let object = admit(&key, &before, object, request.target.subresource.is_some())?;
    Ok(ok(200, &state.store.update(&key, object)))
}

fn patch(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let key = key(&request.target);
    let before = state.store.find(&key)?;
    let mut object = before.as_ref().clone();
    patch::apply(&mut object, &request.content_type, &request.body)?;
    let object = admit(&key, &before, object, request.target.subresource.is_some())?;
    Ok(ok(200, &state.store.update(&key, object)))
}

/// What is stored when a client wants `after` in place of `before`: checks versions, keeps what a client may not change.
fn admit(key: &Key, before: &Value, mut after: Value, status_only: bool) -> Result<Value, Refusal> {
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

/// Removes what a namespace holds. A lab has no controller that would do it later, so one with workloads is refused.
fn empty(state: &mut State, namespace: &str) -> Result<(), Refusal> {
    let keys: Vec<Key> = Resource::ALL
        .into_iter()
        .filter(|resource| resource.namespaced())
        .flat_map(|resource| {
            let objects = state.store.list(resource, Some(namespace));
            objects.map(move |object| Key::new(resource, namespace, object::name(object)))
        })
        .collect();
    let simple = |key: &Key| matches!(key.resource, Resource::ConfigMaps | Resource::Leases);
    if !keys.iter().all(simple) {
        let text =
            "the lab API removes only namespaces that hold nothing but ConfigMaps and Leases";
        return Err(Refusal::bad_request(text));
    }
    for key in keys {
        state.store.remove(&key);
    }
    Ok(())
}

fn delete(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let key = key(&request.target);
    let before = state.store.find(&key)?;
    let options = if request.body.is_empty() {
        json!({})
    } else {
        json_body(request)?
    };
    if !options["dryRun"].is_null() {
        return Err(Refusal::bad_request(
            "dryRun is only supported for evictions by the lab API",
        ));
    }
    let uid = object::text(&options, "/preconditions/uid");
    if !uid.is_empty() && uid != object::uid(&before) {
        return Err(Refusal::wrong_uid(
            key.resource,
            &key.name,
            uid,
            object::uid(&before),
        ));
    }
    let version = object::text(&options, "/preconditions/resourceVersion");
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
    if key.resource == Resource::Namespaces {
        empty(state, &key.name)?;
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
