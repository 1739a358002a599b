//! Watching: changes from the event log as a stream of JSON lines, in the shape of a real server.

use super::media::Form;
use super::object;
use super::query::Query;
use super::resource::Resource;
use super::selector::{Fields, Labels};
use super::state::Shared;
use super::status::Refusal;
use super::store::Change;
use super::table;
use bytes::Bytes;
use futures::Stream;
use futures::stream;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The body of a watch.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// How long a watch lives that gives no time of its own. A real server takes half an hour to an hour.
const LIFE: Duration = Duration::from_mins(45);
/// How often a quiet watch gets a bookmark.
const BOOKMARKS: Duration = Duration::from_mins(1);

/// What a list or a watch shows.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) labels: Labels,
    pub(super) fields: Fields,
}

impl Filter {
    pub(super) fn new(
        resource: Resource,
        namespace: Option<&str>,
        query: &Query,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            resource,
            namespace: namespace.map(str::to_owned),
            labels: Labels::parse(query.text("labelSelector"))?,
            fields: Fields::parse(resource, query.text("fieldSelector"))?,
        })
    }

    pub(super) fn select(&self, object: &Value) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| namespace == object::namespace(object))
            && self.labels.select(object)
            && self.fields.select(object)
    }
}

struct Watch {
    shared: Arc<Shared>,
    changed: tokio::sync::watch::Receiver<u64>,
    filter: Filter,
    /// Everything up to this revision was sent.
    seen: u64,
    ready: VecDeque<Value>,
    query: Query,
    form: Form,
    /// Whether the columns of tables were described already.
    described: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    ended: bool,
}

/// Starts a watch. Without a version (or with `0`) it begins with an `ADDED` event for everything that is there.
pub(super) fn start(
    shared: &Arc<Shared>,
    filter: Filter,
    query: &Query,
    form: Form,
) -> Result<Frames, Refusal> {
    let from = query.number("resourceVersion")?.unwrap_or_default();
    // A timeout of 0 is no timeout of its own, as on a real server.
    let seconds = query
        .number("timeoutSeconds")?
        .filter(|seconds| *seconds > 0);
    let life = seconds.map_or(LIFE, Duration::from_secs);
    let initial = query
        .get("sendInitialEvents")
        .map_or(from == 0, |_| query.on("sendInitialEvents"));
    // Subscribed before the state is read, so that no change falls in between.
    let changed = shared.changed.subscribe();
    let mut watch = Watch {
        shared: shared.clone(),
        changed,
        seen: from,
        ready: VecDeque::new(),
        query: query.clone(),
        form,
        described: false,
        bookmarks: query.on("allowWatchBookmarks"),
        next_bookmark: Instant::now() + BOOKMARKS,
        end: Instant::now() + life,
        ended: false,
        filter,
    };
    if initial || from == 0 {
        watch.begin(initial);
    }
    let frames = stream::unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        let event = watch.show(event);
        Some((Ok(Frame::data(Bytes::from(format!("{event}\n")))), watch))
    });
    Ok(Box::pin(frames))
}

impl Watch {
    fn begin(&mut self, send: bool) {
        let (revision, objects) = self.shared.with(|state| {
            let list = state
                .store
                .list(self.filter.resource, self.filter.namespace.as_deref());
            let objects: Vec<Arc<Value>> = list
                .filter(|object| self.filter.select(object))
                .cloned()
                .collect();
            (state.store.revision(), objects)
        });
        self.seen = revision;
        if !send {
            return;
        }
        self.ready.extend(
            objects
                .iter()
                .map(|object| json!({ "type": "ADDED", "object": object.as_ref() })),
        );
        if self.bookmarks {
            let mut bookmark = self.bookmark();
            bookmark["object"]["metadata"]["annotations"] =
                json!({ "k8s.io/initial-events-end": "true" });
            self.ready.push_back(bookmark);
        }
    }

    /// An event in the form that was asked for. Errors stay what they are.
    fn show(&mut self, mut event: Value) -> Value {
        if event["type"] == "ERROR" {
            return event;
        }
        let object = event["object"].take();
        let resource = self.filter.resource;
        event["object"] = match self.form {
            Form::Table => {
                let mut table = table::render(resource, &object, &self.query, !self.described);
                self.described = true;
                if event["type"] == "BOOKMARK" {
                    table["rows"] = json!([]);
                    table["metadata"] = object["metadata"].clone();
                }
                table
            }
            form => form.show(resource, object, &self.query),
        };
        event
    }

    fn bookmark(&self) -> Value {
        let resource = self.filter.resource;
        json!({ "type": "BOOKMARK", "object": {
            "kind": resource.kind(),
            "apiVersion": resource.api_version(),
            "metadata": { "resourceVersion": self.seen.to_string() },
        } })
    }

    /// The next event; `None` ends the answer.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.read();
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => self.ended = changed.is_err(),
                () = tokio::time::sleep_until(self.end) => {
                    self.ended = true;
                    if self.bookmarks {
                        return Some(self.bookmark());
                    }
                }
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + BOOKMARKS;
                    return Some(self.bookmark());
                }
            }
        }
    }

    /// Takes over what has happened since.
    fn read(&mut self) {
        self.changed.mark_unchanged();
        let (revision, changes) = self.shared.with(|state| {
            (
                state.store.revision(),
                state.store.changes_since(self.filter.resource, self.seen),
            )
        });
        match changes {
            Ok(changes) => {
                self.ready.extend(
                    changes
                        .iter()
                        .filter_map(|change| event(&self.filter, change)),
                );
                self.seen = self.seen.max(revision);
            }
            Err(refusal) => {
                self.ready
                    .push_back(json!({ "type": "ERROR", "object": refusal.to_json() }));
                self.ended = true;
            }
        }
    }
}

/// A change as a watch with this filter sees it: an object that comes to fit is added, one that no longer does is deleted.
fn event(filter: &Filter, change: &Change) -> Option<Value> {
    let before = change
        .before
        .as_deref()
        .is_some_and(|object| filter.select(object));
    let after = !change.deleted && filter.select(&change.object);
    let kind = match (before, after) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some(json!({ "type": kind, "object": change.object.as_ref() }))
}
