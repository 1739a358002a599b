//! An answer on its way to the wire.

use super::status::Refusal;
use super::watch::Frames;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::Value;
use std::convert::Infallible;

/// The body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What a request led to.
pub(super) enum Answer {
    /// An object or a list.
    Json(u16, Value),
    /// The same under another media type.
    Discovery(&'static str, Value),
    /// What is not JSON.
    Bytes(&'static str, Vec<u8>),
    /// A health check.
    Text(u16, String),
    /// A watch.
    Watch(Frames),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal.plain() {
            Some(text) => Self::Text(refusal.code, text.to_owned()),
            None => Self::Json(refusal.code, refusal.to_json()),
        }
    }
}

impl Answer {
    pub(super) fn into_response(self) -> Response<Body> {
        let (code, media, body) = match self {
            Self::Json(code, value) => (code, "application/json", whole(value.to_string())),
            Self::Discovery(media, value) => (200, media, whole(value.to_string())),
            Self::Bytes(media, bytes) => (200, media, Full::new(Bytes::from(bytes)).boxed_unsync()),
            Self::Text(code, text) => (code, "text/plain; charset=utf-8", whole(text)),
            Self::Watch(frames) => (
                200,
                "application/json",
                StreamBody::new(frames).boxed_unsync(),
            ),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(media),
        );
        headers.insert(
            header::CACHE_CONTROL,
            header::HeaderValue::from_static("no-cache, private"),
        );
        response
    }
}

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text)).boxed_unsync()
}
