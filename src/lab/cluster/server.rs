//! One HTTP request: who asks, what for, and in which media type.

use super::answer::{Answer, Body};
use super::discovery;
use super::health;
use super::query::Query;
use super::route::{Route, Target};
use super::state::Shared;
use super::status::Refusal;
use super::verbs::{self, Request};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use std::sync::Arc;

/// The largest body that a real API server takes, in bytes.
const BODY: usize = 3 * 1024 * 1024;

/// Answers a request that came to the endpoint of `node`. `known` says whether the client showed a good certificate.
pub(super) async fn respond(
    shared: &Arc<Shared>,
    node: &str,
    known: bool,
    request: http::Request<Incoming>,
) -> Response<Body> {
    let answer = match answer(shared, node, known, request).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into(),
    };
    answer.into_response()
}

async fn answer(
    shared: &Arc<Shared>,
    node: &str,
    known: bool,
    request: http::Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let route = Route::parse(head.uri.path());
    match route {
        // Versions and health are open to everyone, as by `system:public-info-viewer`.
        Some(Route::Version) => only_get(&head.method).map(|()| {
            let seen = shared.observe(node);
            let version = discovery::version(&seen.api_version, &seen.control_plane.emulated);
            Answer::Json(200, version)
        }),
        Some(Route::Health(check)) => {
            only_get(&head.method).map(|()| health::answer(check, &query))
        }
        _ if !known => Err(Refusal::unauthorized()),
        None => Err(Refusal::no_such_path()),
        Some(Route::Objects(target)) => {
            accepts_json(&head.headers)?;
            let body = collect(body).await?;
            objects(shared, &head.method, target, query, &head.headers, body)
        }
        Some(route) => {
            only_get(&head.method)?;
            let aggregated =
                text(&head.headers, header::ACCEPT).contains("as=APIGroupDiscoveryList");
            discovery::answer(&route, aggregated)
        }
    }
}

fn objects(
    shared: &Arc<Shared>,
    method: &Method,
    target: Target,
    query: Query,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, Refusal> {
    let content_type = text(headers, header::CONTENT_TYPE).to_owned();
    verbs::run(
        shared,
        &Request {
            method: method.clone(),
            target,
            query,
            content_type,
            body,
        },
    )
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

/// Tables and protobuf are not made here, but a client that also takes plain JSON gets that, as from a server without them.
fn accepts_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let accept = text(headers, header::ACCEPT);
    let plain = |range: &str| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        let shaped = range.contains("as=");
        matches!(kind, "application/json" | "application/*" | "*/*") && !shaped
    };
    if accept.is_empty() || accept.split(',').any(plain) {
        Ok(())
    } else {
        Err(Refusal::not_acceptable())
    }
}

async fn collect(body: Incoming) -> Result<Bytes, Refusal> {
    match Limited::new(body, BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(Refusal::bad_request(format!(
            "the body cannot be read: {error}"
        ))),
    }
}
