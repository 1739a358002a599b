//! Tables: what `kubectl get` prints, made on the server as a real one makes them.
//!
//! This file knows the shape of a table; what stands in the cells is known to [`columns`].

use super::columns::{self, Column};
use super::media;
use super::query::Query;
use super::resource::Resource;
use serde_json::{Value, json};

/// A list or an object as a table. In a watch only the first table has its columns described.
pub(super) fn render(resource: Resource, value: &Value, query: &Query, described: bool) -> Value {
    let columns = columns::of(resource);
    let one = std::slice::from_ref(value);
    let objects = value["items"].as_array().map_or(one, Vec::as_slice);
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| row(&columns, object, query))
        .collect();
    let version = &value["metadata"]["resourceVersion"];
    let mut table = json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": version },
        "columnDefinitions": null,
        "rows": rows,
    });
    if described {
        table["columnDefinitions"] = columns.iter().map(Column::definition).collect();
    }
    table
}

fn row(columns: &[Column], object: &Value, query: &Query) -> Value {
    let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object)).collect();
    let mut row = json!({ "cells": cells });
    match query.text("includeObject") {
        "None" => {}
        "Object" => row["object"] = object.clone(),
        _ => row["object"] = media::metadata(object),
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of a real server, and the same made from the node in it.
    #[test]
    fn the_table_of_a_node_is_the_recorded_one() {
        let recorded: Value =
            serde_json::from_str(include_str!("recorded/node-table.json")).unwrap();
        let node: Value = serde_json::from_str(include_str!("recorded/node.json")).unwrap();
        let mut table = render(Resource::Nodes, &node, &Query::default(), true);
        let mut wanted = recorded.clone();
        // The node got older since, and other versions were seen.
        for table in [&mut table, &mut wanted] {
            table["rows"][0]["cells"][3] = json!("0s");
            table["rows"][0]["object"]["metadata"] = json!({});
            table["metadata"] = json!({});
            for column in table["columnDefinitions"].as_array_mut().unwrap() {
                column.as_object_mut().unwrap().shift_remove("description");
            }
        }
        assert_eq!(table.to_string(), wanted.to_string());
    }

    #[test]
    fn a_row_carries_as_much_of_its_object_as_is_asked_for() {
        let pod = json!({ "kind": "Pod", "metadata": { "name": "a", "resourceVersion": "7" }, "spec": { "x": 1 } });
        let object = |query: &str| {
            let table = render(Resource::Pods, &pod, &Query::parse(query), true);
            table["rows"][0]["object"].clone()
        };
        assert_eq!(object("")["kind"], "PartialObjectMetadata");
        assert_eq!(object("includeObject=Object")["spec"]["x"], 1);
        assert_eq!(object("includeObject=None"), Value::Null);
        let list = json!({ "kind": "PodList", "metadata": { "resourceVersion": "9" }, "items": [pod, pod] });
        let table = render(Resource::Pods, &list, &Query::default(), false);
        assert_eq!(table["rows"].as_array().unwrap().len(), 2);
        assert_eq!(
            (
                &table["columnDefinitions"],
                &table["metadata"]["resourceVersion"]
            ),
            (&Value::Null, &json!("9"))
        );
    }
}
