//! `/version` and discovery: what a real server answered, cut down to what is served here.

use super::answer::Answer;
use super::object;
use super::openapi;
use super::resource::Resource;
use super::route::Route;
use super::status::Refusal;
use serde_json::{Value, json};

/// A group of questions: nothing in it is stored.
const ACCESS: &str = "authorization.k8s.io";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `GET /version` of a server of this version, such as `v1.36.2` or `v1.36.2+k3s1`, that may stand in for an older one.
pub(super) fn version(version: &str, emulated: Option<&str>) -> Value {
    let mut answer = recorded(include_str!("recorded/version.json"));
    let version = format!("v{}", version.trim_start_matches('v'));
    let (major, minor) = numbers(&version);
    let (emulated_major, emulated_minor) = numbers(emulated.unwrap_or(&version));
    // A server keeps compatible with the minor before the one that it stands for.
    let compatible = emulated_minor
        .parse::<u32>()
        .unwrap_or_default()
        .saturating_sub(1)
        .to_string();
    for (field, value) in [
        ("major", major),
        ("minor", minor),
        ("emulationMajor", emulated_major),
        ("emulationMinor", emulated_minor),
        ("minCompatibilityMajor", emulated_major),
        ("minCompatibilityMinor", &compatible),
        ("gitVersion", &version),
    ] {
        answer[field] = json!(value);
    }
    answer
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (&str, &str) {
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    (major, numbers.next().unwrap_or_default())
}

/// Answers discovery; `aggregated` is the form that kubectl asks for first, `host` is the address that the client used.
pub(super) fn answer(route: &Route, aggregated: bool, host: &str) -> Result<Answer, Refusal> {
    let value = match route {
        Route::Core if aggregated => {
            return Ok(Answer::Discovery(
                AGGREGATED,
                cut_down(include_str!("recorded/api-aggregated.json")),
            ));
        }
        Route::Groups if aggregated => {
            return Ok(Answer::Discovery(
                AGGREGATED,
                cut_down(include_str!("recorded/apis-aggregated.json")),
            ));
        }
        Route::Core => {
            let mut answer = recorded(include_str!("recorded/api.json"));
            answer["serverAddressByClientCIDRs"][0]["serverAddress"] = json!(host);
            answer
        }
        Route::Groups => groups(),
        Route::Patches => return Ok(Answer::Bytes(openapi::MEDIA, openapi::document())),
        Route::OpenApi => json!({ "paths": {} }),
        Route::Group(name) => {
            let mut answer = json!({ "kind": "APIGroup", "apiVersion": "v1" });
            let groups = groups();
            let all = groups["groups"].as_array().into_iter().flatten();
            let group = all
                .filter_map(Value::as_object)
                .find(|group| group["name"] == name.as_str())
                .ok_or_else(Refusal::no_such_path)?;
            for (field, value) in group {
                answer[field] = value.clone();
            }
            answer
        }
        Route::Resources(group) => resources(group)?,
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(Answer::Json(200, value))
}

fn recorded(text: &str) -> Value {
    // The files are part of the program and are checked by a test below.
    serde_json::from_str(text).unwrap_or_default()
}

/// The groups that are served, in the recorded order, each with its version `v1`.
fn groups() -> Value {
    let mut list = recorded(include_str!("recorded/apis.json"));
    let ours = |name: &Value| {
        let ours = |resource: &Resource| name == resource.group();
        name == ACCESS || Resource::ALL.iter().any(ours)
    };
    if let Some(groups) = list["groups"].as_array_mut() {
        groups.retain(|group| ours(&group["name"]));
        for group in groups {
            if let Some(versions) = group["versions"].as_array_mut() {
                versions.retain(|version| version["version"] == "v1");
            }
        }
    }
    list
}

/// The resources of a group, as they were recorded, or else as the aggregated recording has them.
fn resources(group: &str) -> Result<Value, Refusal> {
    let mut list = match group {
        "" => recorded(include_str!("recorded/resources-api-v1.json")),
        "apiextensions.k8s.io" => recorded(include_str!(
            "recorded/resources-apis-apiextensions.k8s.io-v1.json"
        )),
        "apps" => recorded(include_str!("recorded/resources-apis-apps-v1.json")),
        "batch" => recorded(include_str!("recorded/resources-apis-batch-v1.json")),
        "coordination.k8s.io" => recorded(include_str!(
            "recorded/resources-apis-coordination.k8s.io-v1.json"
        )),
        "policy" => recorded(include_str!("recorded/resources-apis-policy-v1.json")),
        "storage.k8s.io" => recorded(include_str!(
            "recorded/resources-apis-storage.k8s.io-v1.json"
        )),
        group => spread(group).ok_or_else(Refusal::no_such_path)?,
    };
    if let Some(entries) = list["resources"].as_array_mut() {
        entries.retain_mut(|entry| {
            let verbs = served(group, entry["name"].as_str().unwrap_or_default());
            entry["verbs"] = json!(verbs);
            !verbs.is_empty()
        });
    }
    Ok(list)
}

/// A group of the aggregated recording as a list of its own; `None` where nothing of it is served.
fn spread(group: &str) -> Option<Value> {
    let list = cut_down(include_str!("recorded/apis-aggregated.json"));
    let items = list["items"].as_array()?;
    let item = items
        .iter()
        .find(|item| item["metadata"]["name"] == group)?;
    let mut entries = Vec::new();
    for entry in item["versions"][0]["resources"].as_array()? {
        let mut one = json!({
            "name": entry["resource"],
            "singularName": entry["singularResource"],
            "namespaced": entry["scope"] == "Namespaced",
            "kind": entry["responseKind"]["kind"],
            "verbs": entry["verbs"],
        });
        for field in ["shortNames", "categories"] {
            if let Some(value) = entry.get(field) {
                one[field] = value.clone();
            }
        }
        entries.push(one);
        for below in entry["subresources"].as_array().into_iter().flatten() {
            let name = format!(
                "{}/{}",
                object::text(entry, "/resource"),
                object::text(below, "/subresource")
            );
            entries.push(json!({
                "name": name,
                "singularName": "",
                "namespaced": entry["scope"] == "Namespaced",
                "kind": below["responseKind"]["kind"],
                "verbs": below["verbs"],
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{group}/v1"),
        "resources": entries,
    }))
}

/// The verbs of `nodes` or `nodes/status`; none where it is not served.
fn served(group: &str, name: &str) -> &'static [&'static str] {
    if (group, name) == (ACCESS, "selfsubjectaccessreviews") {
        return &["create"];
    }
    let (plural, subresource) = name.split_once('/').unwrap_or((name, ""));
    match (Resource::find(group, plural), subresource) {
        (None, _) => &[],
        (Some(resource), "") => resource.verbs(),
        (Some(resource), subresource) => resource.subresource_verbs(subresource),
    }
}

/// An aggregated list without the groups, versions, resources and verbs that are not served.
fn cut_down(text: &str) -> Value {
    let mut list = recorded(text);
    let Some(items) = list["items"].as_array_mut() else {
        return list;
    };
    items.retain_mut(|item| {
        let group = item["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Some(versions) = item["versions"].as_array_mut() else {
            return false;
        };
        versions.retain_mut(|version| {
            if version["version"] != "v1" {
                return false;
            }
            let Some(entries) = version["resources"].as_array_mut() else {
                return false;
            };
            entries.retain_mut(|entry| cut_entry(&group, entry));
            !entries.is_empty()
        });
        !versions.is_empty()
    });
    list
}

fn cut_entry(group: &str, entry: &mut Value) -> bool {
    let plural = entry["resource"].as_str().unwrap_or_default().to_owned();
    let verbs = served(group, &plural);
    entry["verbs"] = json!(verbs);
    if let Some(below) = entry["subresources"].as_array_mut() {
        below.retain_mut(|part| {
            let verbs = served(
                group,
                &format!(
                    "{plural}/{}",
                    part["subresource"].as_str().unwrap_or_default()
                ),
            );
            part["verbs"] = json!(verbs);
            !verbs.is_empty()
        });
    }
    if entry["subresources"].as_array().is_some_and(Vec::is_empty)
        && let Some(entry) = entry.as_object_mut()
    {
        entry.shift_remove("subresources");
    }
    !verbs.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_recorded_one_with_other_numbers() {
        let recorded: Value = serde_json::from_str(include_str!("recorded/version.json")).unwrap();
        assert_eq!(version("v1.35.6", None), recorded);
        assert_eq!(version("1.35.6", None), recorded);
        let k3s = version("v1.36.2+k3s1", None);
        assert_eq!(
            (k3s["minor"].as_str(), k3s["gitVersion"].as_str()),
            (Some("36"), Some("v1.36.2+k3s1"))
        );
    }

    #[test]
    fn a_newer_server_may_stand_in_for_an_older_one() {
        for emulated in ["1.35", "v1.35.6"] {
            let answer = version("v1.36.2", Some(emulated));
            for (field, wanted) in [
                ("major", "1"),
                ("minor", "36"),
                ("emulationMajor", "1"),
                ("emulationMinor", "35"),
                ("minCompatibilityMajor", "1"),
                ("minCompatibilityMinor", "34"),
                ("gitVersion", "v1.36.2"),
            ] {
                assert_eq!(answer[field], wanted, "{field}");
            }
        }
    }

    #[test]
    fn every_resource_is_discovered_and_nothing_else() {
        let groups = groups();
        let named = groups["groups"].as_array().unwrap();
        let named = named.iter().map(|group| group["name"].as_str().unwrap());
        let mut found = Vec::new();
        for group in std::iter::once("").chain(named) {
            let list = resources(group).unwrap();
            for entry in list["resources"].as_array().unwrap() {
                let name = entry["name"].as_str().unwrap();
                if !name.contains('/') && group != ACCESS {
                    let resource = Resource::find(group, name).unwrap();
                    assert_eq!(entry["kind"], resource.kind());
                    assert_eq!(entry["namespaced"], resource.namespaced());
                    found.push(resource);
                }
            }
        }
        found.sort();
        assert_eq!(found, Resource::ALL);
        let count = |text| {
            let list = cut_down(text);
            let items = list["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["versions"][0]["resources"].as_array().unwrap().len())
                .sum::<usize>()
        };
        let core = include_str!("recorded/api-aggregated.json");
        let named = include_str!("recorded/apis-aggregated.json");
        assert_eq!(count(core) + count(named), Resource::ALL.len() + 1);
    }

    /// What was recorded only in one form tells what it is in the other: held against groups that were recorded in both.
    #[test]
    fn the_two_forms_tell_the_same() {
        for group in [
            "policy",
            "apps",
            "batch",
            "coordination.k8s.io",
            "storage.k8s.io",
            "apiextensions.k8s.io",
        ] {
            let mut recorded = resources(group).unwrap();
            let entries = recorded["resources"].as_array_mut().unwrap();
            for entry in entries {
                entry
                    .as_object_mut()
                    .unwrap()
                    .shift_remove("storageVersionHash");
            }
            assert_eq!(recorded, spread(group).unwrap(), "{group}");
        }
    }
}
