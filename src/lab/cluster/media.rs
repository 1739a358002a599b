//! In which form a client wants its objects: whole, as a table for people, or only their metadata.

use super::query::Query;
use super::resource::Resource;
use super::status::Refusal;
use super::table;
use serde_json::{Value, json};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    /// What `kubectl get` prints.
    Table,
    Metadata,
}

impl Form {
    /// The first form of an `Accept` header that is made here. Protobuf is not, as by a server without it.
    pub(super) fn negotiate(accept: &str) -> Result<Self, Refusal> {
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        let mut ranges = accept.split(',');
        ranges
            .find_map(Self::of)
            .ok_or_else(Refusal::not_acceptable)
    }

    fn of(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        if !matches!(
            parts.next(),
            Some("application/json" | "application/*" | "*/*")
        ) {
            return None;
        }
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameter = |name: &str| {
            let found = parameters.iter().find(|(found, _)| *found == name);
            found.map(|(_, value)| *value)
        };
        let form = match parameter("as") {
            None => return Some(Self::Whole),
            Some("Table") => Self::Table,
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Self::Metadata,
            Some(_) => return None,
        };
        let known = parameter("g") == Some("meta.k8s.io") && parameter("v") == Some("v1");
        known.then_some(form)
    }

    /// An object or a list in this form. A `Status` stays one.
    pub(super) fn show(self, resource: Resource, value: Value, query: &Query) -> Value {
        if value["kind"] == "Status" {
            return value;
        }
        match self {
            Self::Whole => value,
            Self::Table => table::render(resource, &value, query, true),
            Self::Metadata if value["items"].is_array() => {
                let items = value["items"].as_array().into_iter().flatten();
                json!({
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": value["metadata"],
                    "items": items.map(metadata).collect::<Vec<Value>>(),
                })
            }
            Self::Metadata => metadata(&value),
        }
    }
}

/// An object without what is its own.
pub(super) fn metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_made_is_taken() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let cases = [
            ("", Some(Form::Whole)),
            ("application/json", Some(Form::Whole)),
            ("application/json, */*", Some(Form::Whole)),
            (table, Some(Form::Table)),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Form::Whole),
            ),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Form::Metadata),
            ),
            (
                "application/vnd.kubernetes.protobuf, application/json",
                Some(Form::Whole),
            ),
            ("application/vnd.kubernetes.protobuf", None),
            ("application/json;as=Nope;v=v1;g=meta.k8s.io", None),
        ];
        for (accept, wanted) in cases {
            assert_eq!(Form::negotiate(accept).ok(), wanted, "{accept}");
        }
        let both =
            format!("{table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json");
        assert_eq!(Form::negotiate(&both), Ok(Form::Table));
    }
}
