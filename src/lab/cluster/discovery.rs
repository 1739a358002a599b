//! `/version` and discovery: what a real server answered, cut down to what is served here.

use super::answer::Answer;
use super::resource::Resource;
use super::route::Route;
use super::status::Refusal;
use serde_json::{Value, json};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `GET /version` of a server of this version, such as `v1.36.2` or `v1.36.2+k3s1`, that behaves as the older version
/// `emulated`, such as `1.35`, unless that is empty.
pub(super) fn version(version: &str, emulated: &str) -> Value {
    let mut answer = recorded(include_str!("recorded/version.json"));
    let version = format!("v{}", version.trim_start_matches('v'));
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default().to_owned();
    let minor = numbers.next().unwrap_or_default().to_owned();
    let (_, emulated) = emulated.split_once('.').unwrap_or_default();
    let emulated = if emulated.is_empty() {
        &minor
    } else {
        emulated
    }
    .to_owned();
    // A server keeps compatible with the minor before the one that it behaves as.
    let compatible = emulated
        .parse::<u32>()
        .unwrap_or_default()
        .saturating_sub(1)
        .to_string();
    for (field, value) in [
        ("major", &major),
        ("minor", &minor),
        ("emulationMajor", &major),
        ("emulationMinor", &emulated),
        ("minCompatibilityMajor", &major),
        ("minCompatibilityMinor", &compatible),
        ("gitVersion", &version),
    ] {
        answer[field] = json!(value);
    }
    answer
}

/// Answers discovery; `aggregated` is the form that kubectl asks for first.
pub(super) fn answer(route: &Route, aggregated: bool) -> Result<Answer, Refusal> {
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
        Route::Core => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        }),
        Route::Groups => json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": groups().iter().map(|name| group(name)).collect::<Vec<_>>(),
        }),
        Route::Group(name) if groups().contains(&name.as_str()) => {
            let mut answer = json!({ "kind": "APIGroup", "apiVersion": "v1" });
            if let (Value::Object(answer), Value::Object(group)) = (&mut answer, group(name)) {
                answer.extend(group);
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

/// The named groups, each once.
fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = Resource::ALL
        .iter()
        .map(|resource| resource.group())
        .collect();
    groups.retain(|group| !group.is_empty());
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn group(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

fn resources(group: &str) -> Result<Value, Refusal> {
    let mut list = recorded(match group {
        "" => include_str!("recorded/resources-api-v1.json"),
        "apps" => include_str!("recorded/resources-apis-apps-v1.json"),
        "coordination.k8s.io" => {
            include_str!("recorded/resources-apis-coordination.k8s.io-v1.json")
        }
        "policy" => include_str!("recorded/resources-apis-policy-v1.json"),
        "storage.k8s.io" => include_str!("recorded/resources-apis-storage.k8s.io-v1.json"),
        _ => return Err(Refusal::no_such_path()),
    });
    if let Some(entries) = list["resources"].as_array_mut() {
        entries.retain_mut(|entry| {
            let verbs = served(group, entry["name"].as_str().unwrap_or_default());
            entry["verbs"] = json!(verbs);
            !verbs.is_empty()
        });
    }
    Ok(list)
}

/// The verbs of `nodes` or `nodes/status`; none where it is not served.
fn served(group: &str, name: &str) -> &'static [&'static str] {
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
        assert_eq!(version("v1.35.6", ""), recorded);
        assert_eq!(version("1.35.6", ""), recorded);
        let k3s = version("v1.36.2+k3s1", "");
        assert_eq!(
            (k3s["minor"].as_str(), k3s["gitVersion"].as_str()),
            (Some("36"), Some("v1.36.2+k3s1"))
        );
        // As a real v1.36.2 answered under `--emulated-version=1.35`.
        let emulating = version("v1.36.2", "1.35");
        for (field, expected) in [
            ("minor", "36"),
            ("emulationMinor", "35"),
            ("minCompatibilityMinor", "34"),
        ] {
            assert_eq!(emulating[field], expected, "{field}");
        }
    }

    #[test]
    fn every_resource_is_discovered_and_nothing_else() {
        let mut found = Vec::new();
        for group in std::iter::once("").chain(groups()) {
            let list = resources(group).unwrap();
            for entry in list["resources"].as_array().unwrap() {
                let name = entry["name"].as_str().unwrap();
                if !name.contains('/') {
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
        assert_eq!(count(core) + count(named), Resource::ALL.len());
    }
}
