//! What a request for objects leads to, and the verbs that only read: get, list and watch.

use super::answer::Answer;
use super::eviction;
use super::leases;
use super::media::Form;
use super::nodes;
use super::query::Query;
use super::resource::Resource;
use super::route::Target;
use super::state::Shared;
use super::status::Refusal;
use super::store::Key;
use super::watch::{self, Filter};
use super::writes;
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
    /// How objects are to be shown.
    pub(super) form: Form,
    pub(super) body: Bytes,
}

/// Does what is asked.
pub(super) fn run(shared: &Arc<Shared>, request: &Request) -> Result<Answer, Refusal> {
    let target = &request.target;
    let resource = target.resource;
    let verb =
        verb(&request.method, target, &request.query).ok_or_else(Refusal::method_not_allowed)?;
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
    bring_up_to_date(shared, target);
    let answer = match verb {
        "list" => list(shared, request),
        "watch" => watch(shared, request),
        "get" => shared
            .with(|state| state.store.find(&key(target)))
            .map(|object| ok(200, &object)),
        "create" if eviction => {
            let body = writes::json_body(request)?;
            eviction::evict(shared, &key(target), &request.query, &body)
        }
        writing => writes::run(shared, request, writing),
    }?;
    Ok(match answer {
        Answer::Json(code, value) if !eviction => {
            Answer::Json(code, request.form.show(resource, value, &request.query))
        }
        other => other,
    })
}

/// What is asked for, in the word of access rules.
pub(super) fn verb(method: &Method, target: &Target, query: &Query) -> Option<&'static str> {
    match (method, target.name.is_some()) {
        (&Method::GET, false) if query.on("watch") => Some("watch"),
        (&Method::GET, false) => Some("list"),
        (&Method::GET, true) => Some("get"),
        (&Method::POST, true) if target.subresource.is_some() => Some("create"),
        (&Method::POST, false) => Some("create"),
        (&Method::PUT, true) => Some("update"),
        (&Method::PATCH, true) => Some("patch"),
        (&Method::DELETE, true) => Some("delete"),
        _ => None,
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

pub(super) fn key(target: &Target) -> Key {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    Key::new(
        target.resource,
        namespace,
        target.name.as_deref().unwrap_or_default(),
    )
}

pub(super) fn ok(code: u16, object: &Value) -> Answer {
    Answer::Json(code, object.clone())
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
    watch::start(shared, filter, &request.query, request.form).map(Answer::Watch)
}
