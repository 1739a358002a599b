//! The eviction subresource: the decisions of a real server, in their order, and its answers.

use super::answer::Answer;
use super::budget;
use super::object;
use super::pods;
use super::query::Query;
use super::resource::Resource;
use super::state::{Shared, State};
use super::status::Refusal;
use super::store::Key;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Evicts a pod, or says why not. With `dryRun` only the decision is made.
pub(super) fn evict(
    shared: &Shared,
    key: &Key,
    query: &Query,
    eviction: &Value,
) -> Result<Answer, Refusal> {
    let version = object::text(eviction, "/apiVersion");
    // The older version is still taken, as by a real server.
    let versions = ["policy/v1", "policy/v1beta1"];
    if eviction["kind"] != "Eviction" || !versions.contains(&version) {
        let kind = object::text(eviction, "/kind");
        return Err(Refusal::bad_request(format!(
            "expected policy/v1, Kind=Eviction, got {version}, Kind={kind}"
        )));
    }
    let name = object::name(eviction);
    if !name.is_empty() && name != key.name {
        return Err(Refusal::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let options = &eviction["deleteOptions"];
    let dry = dry_run(query, options)?;
    shared.with(|state| {
        budget::ease(&mut state.store, Timestamp::now());
        if let Err(refusal) = decide(state, key, options) {
            if !dry && let Some(pod) = state.store.get(key) {
                budget::refused(&mut state.store, &pod, Timestamp::now());
            }
            return Err(refusal);
        }
        if !dry {
            pods::terminate(state, key, options["gracePeriodSeconds"].as_i64())?;
            // At once, so that the next eviction and the next reader see what is left.
            budget::sync(&mut state.store, Some(&key.namespace));
            state.store.saved()?;
        }
        Ok(Answer::Json(201, json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
        })))
    })
}

/// Whether nothing is to be kept, by the query or by the options in the body.
pub(super) fn dry_run(query: &Query, options: &Value) -> Result<bool, Refusal> {
    let orders = options["dryRun"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let orders: Vec<&str> = query.get("dryRun").into_iter().chain(orders).collect();
    match orders.iter().find(|order| **order != "All") {
        Some(order) => Err(Refusal::bad_request(format!(
            "invalid dryRun: \"{order}\" is not \"All\""
        ))),
        None => Ok(!orders.is_empty()),
    }
}

fn decide(state: &State, key: &Key, options: &Value) -> Result<(), Refusal> {
    let pod = state.store.find(key)?;
    let uid = object::text(options, "/preconditions/uid");
    if !uid.is_empty() && uid != object::uid(&pod) {
        return Err(Refusal::wrong_uid(
            Resource::Pods,
            &key.name,
            uid,
            object::uid(&pod),
        ));
    }
    let version = object::text(options, "/preconditions/resourceVersion");
    if !version.is_empty() && version != object::text(&pod, "/metadata/resourceVersion") {
        return Err(Refusal::conflict(Resource::Pods, &key.name));
    }
    // What does not run cannot be disrupted, whatever budgets say.
    let pending = object::text(&pod, "/status/phase") == "Pending";
    if pending || pods::finished(&pod) || object::terminating(&pod) {
        return Ok(());
    }
    let budgets = budget::covering(&state.store, &pod);
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [one] => one,
        _ => return Err(Refusal::two_budgets()),
    };
    let count = budget::count(&state.store, budget);
    if !object::ready(&pod) {
        let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        // An unready pod counts for nothing, so it may go while the budget is met without it.
        if always || (count.desired > 0 && count.current >= count.desired) {
            return Ok(());
        }
    }
    if count.allowed() > 0 {
        return Ok(());
    }
    Err(Refusal::budget(
        object::name(budget),
        count.desired,
        count.current,
    ))
}
