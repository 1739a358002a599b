//! One HTTP request: who asks, what for, and in which media type.

use super::access;
use super::answer::{Answer, Body};
use super::discovery;
use super::health;
use super::identity::Who;
use super::media::Form;
use super::metrics;
use super::query::Query;
use super::route::Route;
use super::state::Shared;
use super::status::{ADMINISTRATOR, ANONYMOUS, Refusal};
use super::verbs::{self, Request};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use std::sync::Arc;

/// The largest body that a real API server takes, in bytes.
const BODY: usize = 3 * 1024 * 1024;

/// Answers a request of `who` that came to the endpoint of `node`.
pub(super) async fn respond(
    shared: &Arc<Shared>,
    node: &str,
    who: Who,
    request: http::Request<Incoming>,
) -> Response<Body> {
    let answer = match answer(shared, node, who, request).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into(),
    };
    answer.into_response()
}

async fn answer(
    shared: &Arc<Shared>,
    node: &str,
    who: Who,
    request: http::Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let token = head.headers.contains_key(header::AUTHORIZATION);
    if who == Who::Unknown || (who == Who::Anonymous && token) {
        return Err(Refusal::unauthorized());
    }
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let path = head.uri.path();
    let route = Route::parse(path);
    if who == Who::Anonymous {
        admit(route.as_ref(), &head.method, path, &query)?;
    }
    match route {
        None => Err(Refusal::no_such_path()),
        Some(Route::Objects(target)) => {
            if shared.with(|state| state.seeds.forbids(&target)) {
                let verb = verbs::verb(&head.method, &target, &query).unwrap_or("get");
                return Err(Refusal::forbidden(ADMINISTRATOR, &target, verb));
            }
            let form = Form::negotiate(text(&head.headers, header::ACCEPT))?;
            let content_type = text(&head.headers, header::CONTENT_TYPE).to_owned();
            let body = collect(body).await?;
            let method = head.method;
            verbs::run(
                shared,
                &Request {
                    method,
                    target,
                    query,
                    content_type,
                    form,
                    body,
                },
            )
        }
        Some(Route::AccessReview) => {
            if head.method != Method::POST {
                return Err(Refusal::method_not_allowed());
            }
            access::review(
                text(&head.headers, header::CONTENT_TYPE),
                &collect(body).await?,
            )
        }
        Some(route) => {
            only_get(&head.method)?;
            look(shared, node, &route, &query, &head.headers)
        }
    }
}

/// What is only read and is no object.
fn look(
    shared: &Shared,
    node: &str,
    route: &Route,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Answer, Refusal> {
    match route {
        Route::Version => {
            let seen = shared.observe(node);
            let version = discovery::version(&seen.api_version, seen.api_emulated.as_deref());
            Ok(Answer::Json(200, version))
        }
        Route::Health(check, one) => {
            let failing = shared.with(|state| state.seeds.failing(node));
            health::answer(check, one.as_deref(), query, &failing)
        }
        Route::Metrics => {
            let version = shared.observe(node).api_version;
            let deprecated = shared.with(|state| state.seeds.deprecated.clone());
            Ok(Answer::Text(200, metrics::render(&version, &deprecated)))
        }
        route => {
            let aggregated = text(headers, header::ACCEPT).contains("as=APIGroupDiscoveryList");
            discovery::answer(route, aggregated, text(headers, header::HOST))
        }
    }
}

/// Versions and health are open to everyone, as by `system:public-info-viewer`; nothing else is.
fn admit(route: Option<&Route>, method: &Method, path: &str, query: &Query) -> Result<(), Refusal> {
    match route {
        Some(Route::Version | Route::Health(..)) => Ok(()),
        Some(Route::Objects(target)) => {
            let verb = verbs::verb(method, target, query).unwrap_or("get");
            Err(Refusal::forbidden(ANONYMOUS, target, verb))
        }
        _ => Err(Refusal::forbidden_path(path)),
    }
}

fn only_get(method: &Method) -> Result<(), Refusal> {
    if method == Method::GET {
        Ok(())
    } else {
        Err(Refusal::method_not_allowed())
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

async fn collect(body: Incoming) -> Result<Bytes, Refusal> {
    match Limited::new(body, BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(Refusal::bad_request(format!(
            "the body cannot be read: {error}"
        ))),
    }
}
