//! The part `report` of `windlass.preflight`: all findings of the play as one text, and a failure when one of them blocks.

use super::{ModuleError, Outcome, Params};
use crate::kubernetes::preflight::{Finding, Group, Report, report, unknown_names};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    findings: Vec<Value>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    unreachable: Vec<String>,
}

/// Puts the findings together.
pub(super) fn conclude(params: &Params) -> Result<Outcome, ModuleError> {
    let given: Given = params.parse()?;
    let mut findings = flatten(&given.findings)?;
    findings.extend(given.unreachable.iter().map(|host| {
        Finding::block(
            Group::Host,
            "not-looked-at",
            "the host could not be looked at",
            "make it reachable, or leave it out with --limit",
        )
        .on(host)
    }));
    let unknown = unknown_names(&given.ignore, &findings);
    let ignored: Vec<String> = given
        .ignore
        .iter()
        .filter(|name| !unknown.contains(&name.as_str()))
        .cloned()
        .collect();
    let seen = report(&findings, &ignored);
    let mut result = Map::new();
    result.insert("blocks".to_owned(), json!(seen.blocks));
    result.insert("warnings".to_owned(), json!(seen.warnings));
    if !seen.text.is_empty() {
        // Shown as it stands; not a part of what is registered.
        result.insert("_ansible_report".to_owned(), json!(seen.text));
    }
    let summary = summary(&seen);
    if seen.blocks == 0 {
        result.insert("msg".to_owned(), json!(summary));
        let lines: Vec<&str> = seen.text.lines().collect();
        result.insert("report".to_owned(), json!(lines));
        return Ok(Outcome {
            result,
            ..Outcome::default()
        });
    }
    let first = seen.text.lines().next().unwrap_or_default();
    let first = first
        .split_whitespace()
        .skip(2)
        .collect::<Vec<_>>()
        .join(" ");
    let more = match seen.blocks {
        1 => String::new(),
        blocks => format!(", and {} more", blocks - 1),
    };
    Err(ModuleError::Failed {
        message: format!("{summary}: {first}{more}"),
        result,
    })
}

fn summary(seen: &Report) -> String {
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    match (seen.blocks, seen.warnings) {
        (0, 0) => "nothing stands in the way".to_owned(),
        (0, warnings) => format!(
            "nothing blocks the upgrade; {}",
            count(warnings, "warning", "warnings")
        ),
        (blocks, _) => count(
            blocks,
            "finding blocks the upgrade",
            "findings block the upgrade",
        ),
    }
}

/// Findings, and lists of them: each host and each part hands over its own.
fn flatten(values: &[Value]) -> Result<Vec<Finding>, ModuleError> {
    let mut findings = Vec::new();
    for value in values {
        match value {
            Value::Array(inner) => findings.extend(flatten(inner)?),
            one => findings.push(
                serde_json::from_value(one.clone())
                    .map_err(|error| ModuleError::failed(format!("not a finding: {error}")))?,
            ),
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::preflight::Preflight;
    use super::*;
    use crate::module::testing::{Host, on_both};

    fn finding(severity: &str, host: &str) -> Value {
        json!({"group": "etcd", "id": "alarm", "severity": severity, "host": host, "what": "etcd raises NOSPACE", "todo": "defragment it"})
    }

    #[test]
    fn it_fails_once_for_all_hosts_and_says_what_to_do() {
        on_both(async |host: Host| {
            let params = |findings: Value, ignore: &str| json!({"part": "report", "findings": findings, "ignore": ignore});
            let both = json!([
                [finding("block", "e1")],
                [],
                [finding("block", "e2"), finding("warn", "e3")]
            ]);
            let error = host
                .inspect(&Preflight, params(both.clone(), ""))
                .await
                .unwrap_err();
            let ModuleError::Failed { message, result } = error else {
                panic!("{error}")
            };
            assert_eq!(
                message,
                "1 finding blocks the upgrade: e1, e2: etcd raises NOSPACE"
            );
            let text = result["_ansible_report"].as_str().unwrap();
            assert!(text.contains("-> defragment it [alarm]"), "{text}");
            let done = host.done(&Preflight, params(both, "alarm")).await;
            assert_eq!(done.result["msg"], "nothing blocks the upgrade; 2 warnings");
            let done = host.done(&Preflight, params(json!([]), "")).await;
            assert_eq!(done.result["msg"], "nothing stands in the way");
            assert!(!done.result.contains_key("_ansible_report"));
            let gone = json!({"part": "report", "unreachable": ["w1"]});
            let error = host.inspect(&Preflight, gone).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("w1: the host could not be looked at")
            );
            assert_eq!(host.round_trips(), 0);
        });
    }
}
