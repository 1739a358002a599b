//! Keeps known secrets out of every event, and knows what a task under `no_log` makes secret.

use crate::event::Kind;
use crate::secrecy::Secrets;
use serde_json::Value;

/// Fields of events that name things: what a reader of the journal takes up again by name, handlers among them. None holds
/// what a user wrote into a value, and a masked name would break the record.
const NAMES: [&str; 16] = [
    "controller",
    "delegated_to",
    "event",
    "failed",
    "handlers",
    "host",
    "hosts",
    "key",
    "pending",
    "phase",
    "play",
    "resumes",
    "run",
    "state",
    "status",
    "user",
];

/// What modules return beside values: times, places, owners, counts. It is hidden under `no_log` too, but shows nothing of
/// the secret, and would be masked in half of all output.
const METADATA: [&str; 34] = [
    "action",
    "ansible_loop_var",
    "atime",
    "backup_file",
    "checksum",
    "checksum_dest",
    "checksum_src",
    "ctime",
    "delta",
    "dest",
    "elapsed",
    "encoding",
    "end",
    "false_condition",
    "gid",
    "group",
    "md5sum",
    "mode",
    "mtime",
    "name",
    "owner",
    "path",
    "rc",
    "secontext",
    "size",
    "skip_reason",
    "source",
    "src",
    "start",
    "state",
    "uid",
    "unit",
    "url",
    "_ansible_item_label",
];

/// The event with every secret masked.
pub(super) fn redact(secrets: &Secrets, kind: Kind) -> Kind {
    // Most events hold none, and then reading their text once is all that is done.
    let Ok(text) = serde_json::to_string(&kind) else {
        return unshowable(&kind);
    };
    if !secrets.is_in(&text) {
        return kind;
    }
    let Ok(mut tree) = serde_json::to_value(&kind) else {
        return unshowable(&kind);
    };
    mask(secrets, &mut tree);
    serde_json::from_value(tree).unwrap_or_else(|_| unshowable(&kind))
}

/// Masks all but names, at any depth of an event's own fields; a module's result is the user's and is masked whole.
fn mask(secrets: &Secrets, tree: &mut Value) {
    match tree {
        Value::Object(fields) => {
            let is_result = fields.contains_key("took") && fields.contains_key("status");
            for (name, field) in fields.iter_mut() {
                match (name.as_str(), field) {
                    ("result", field) if is_result => secrets.value(field),
                    (name, Value::String(_)) if NAMES.contains(&name) => {}
                    (name, Value::Array(_)) if NAMES.contains(&name) => {}
                    (_, field) => mask(secrets, field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(secrets, item)),
        Value::String(_) => secrets.value(tree),
        // A count or a time of our own is no secret, even if it is the same number.
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// In place of an event that is no event any more without its secrets. That a word of the format itself is a secret is all
/// that can bring this about.
fn unshowable(kind: &Kind) -> Kind {
    let name = serde_json::to_value(kind)
        .ok()
        .and_then(|tree| tree["event"].as_str().map(str::to_owned))
        .unwrap_or_default();
    Kind::Warning {
        host: None,
        message: format!("an event `{name}` cannot be shown without a secret in it"),
    }
}

/// What a task under `no_log` left, or was given, is secret in the rest of the run where it looks like a secret.
pub(super) fn learn_hidden(secrets: &Secrets, value: &Value) {
    secrets.learn_likely_in(value, &METADATA);
}

/// The result that is shown in place of one under `no_log`.
pub(super) fn censored(result: &Value) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert(
        "censored".to_owned(),
        Value::from(
            "the output has been hidden due to the fact that 'no_log: true' was specified for this result",
        ),
    );
    for kept in ["changed", "failed", "skipped", "unreachable"] {
        if let Some(value) = result.get(kept) {
            shown.insert(kept.to_owned(), value.clone());
        }
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{HostState, Status, TaskResult};
    use serde_json::json;
    use std::time::Duration;

    fn knowing(values: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        for value in values {
            secrets.learn(value);
        }
        secrets
    }

    fn finished(result: Value) -> Kind {
        Kind::TaskFinished {
            task: 1,
            host: "hunter22".to_owned(),
            result: TaskResult {
                status: Status::Changed,
                took: Duration::from_secs(87_654_321),
                result,
                diff: vec!["-old\n+hunter22\n".to_owned()],
                delegated_to: Some("hunter22".to_owned()),
                verbosity: 1,
            },
        }
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let secrets = knowing(&["hunter22", "x"]);
        let kind = redact(
            &secrets,
            Kind::Warning {
                host: Some("x".to_owned()),
                message: "su said: hunter22 is wrong, https://u:pw@h".to_owned(),
            },
        );
        let text = serde_json::to_string(&kind).unwrap();
        let expected = "su said: ******** is wrong, https://u:********@h";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("\"x\""));
    }

    #[test]
    fn results_are_masked_whole_and_names_and_numbers_of_our_own_stay() {
        let secrets = knowing(&["hunter22", "87654321", "changed-by"]);
        let result = json!({"hunter22": 1, "host": "hunter22", "status": ["hunter22"], "n": 87_654_321, "q": "a\"hunter22"});
        let kind = redact(&secrets, finished(result));
        let tree = serde_json::to_value(&kind).unwrap();
        assert_eq!(tree["host"], "hunter22");
        assert_eq!(tree["result"]["delegated_to"], "hunter22");
        assert_eq!(tree["result"]["took"]["secs"], 87_654_321);
        assert_eq!(tree["result"]["diff"], json!(["-old\n+********\n"]));
        let expected = json!({"********": 1, "host": "********", "status": ["********"], "n": "********", "q": "a\"********"});
        assert_eq!(tree["result"]["result"], expected);
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_format_breaks_nothing() {
        let secrets = knowing(&["task_finished", "rolled_back", "rollback_finished"]);
        let kind = redact(
            &secrets,
            Kind::RollbackFinished {
                host: "h".to_owned(),
                state: HostState::RolledBack,
                undone: vec!["rolled_back".to_owned()],
                remaining: Vec::new(),
                message: None,
                instead: Vec::new(),
            },
        );
        let Kind::RollbackFinished { state, undone, .. } = kind else {
            panic!("{kind:?}");
        };
        assert_eq!(
            (state, undone),
            (HostState::RolledBack, vec!["********".to_owned()])
        );
    }

    #[test]
    fn a_result_without_secrets_is_not_touched() {
        let secrets = knowing(&["hunter22"]);
        secrets.learn("unrelated-value");
        let result = json!({"msg": "nothing here", "rc": 0});
        let before = serde_json::to_value(Kind::HostCommitted {
            host: "a".to_owned(),
        })
        .unwrap();
        let after = redact(
            &secrets,
            Kind::HostCommitted {
                host: "a".to_owned(),
            },
        );
        assert_eq!(serde_json::to_value(after).unwrap(), before);
        let Kind::TaskFinished { result: shown, .. } = redact(&secrets, finished(result.clone()))
        else {
            panic!("another event");
        };
        assert_eq!(shown.result, result);
    }
}
