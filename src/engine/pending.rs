//! Handlers that are still to be run, told to the journal so that they are known even when the run is killed.
//!
//! They are told before the change that notifies is made: after that, a kill between the change and its result would
//! leave a host whose task has nothing more to do, and whose handler nobody remembers.

use super::host::{Host, State};
use super::keywords::{KeywordError, text};
use super::shared::Shared;
use super::task::TaskRun;
use crate::event::{Kind, Status};
use crate::template::Scope;
use indexmap::IndexSet;
use serde_json::Value;

impl State {
    /// What is still to be run: what runs at this moment, what is notified, then what an earlier run left.
    fn pending(&self) -> Vec<String> {
        let all: IndexSet<&String> = self
            .claimed
            .iter()
            .chain(&self.notified)
            .chain(&self.earlier.owed)
            .collect();
        all.into_iter().cloned().collect()
    }
}

/// Says what is still to be run on `host`, where that is not what was said last.
pub(super) fn say(shared: &Shared, play: &str, host: &Host) {
    let pending = host.state().pending();
    if let Some(kind) = news(play, host, pending) {
        shared.events.emit(kind);
    }
}

/// A host passed the play: nothing is left to be run.
pub(super) fn none_left(shared: &Shared, play: &str, host: &Host) {
    let mut state = host.state();
    state.notified.clear();
    state.claimed.clear();
    state.earlier.owed.clear();
    drop(state);
    say(shared, play, host);
}

fn news(play: &str, host: &Host, pending: Vec<String>) -> Option<Kind> {
    let mut state = host.state();
    if state.aside || state.told_pending == pending {
        return None;
    }
    state.told_pending.clone_from(&pending);
    Some(Kind::Notified {
        host: host.name.clone(),
        play: play.to_owned(),
        handlers: pending,
    })
}

impl TaskRun {
    /// The event that tells what the change of this task, which is about to be made, will notify; none where that is known.
    pub(super) fn promise(&self, host: &Host, scope: &Scope) -> Option<Kind> {
        let mut pending = host.state().pending();
        for node in &self.task.notify {
            // What does not render is said once the task is done.
            for name in self.names(node, scope).unwrap_or_default() {
                if !pending.contains(&name) {
                    pending.push(name);
                }
            }
        }
        news(&self.play.key, host, pending)
    }

    /// Takes note of what a task notified, and says what is pending now.
    pub(super) fn notify(&self, host: &Host, scope: &Scope, status: Status) {
        if status == Status::Changed {
            for node in &self.task.notify {
                match self.names(node, scope) {
                    Ok(names) => {
                        let mut state = host.state();
                        for name in names {
                            state.earlier.owed.shift_remove(&name);
                            state.notified.insert(name);
                        }
                    }
                    Err(error) => self.shared.events.emit(Kind::Warning {
                        host: Some(host.name.clone()),
                        message: format!("`notify` does not render: {}", error.message),
                    }),
                }
            }
        }
        if matches!(status, Status::Ok | Status::Skipped) {
            self.notify_what_was_owed(host, scope);
        }
        // Whether the change was made is not known: what it notifies may be needed.
        if !matches!(status, Status::Unknown | Status::Unreachable) {
            say(&self.shared, &self.play.key, host);
        }
    }

    /// A task has nothing to do because an earlier run did it, and was killed before the handlers ran.
    fn notify_what_was_owed(&self, host: &Host, scope: &Scope) {
        if host.state().earlier.owed.is_empty() {
            return;
        }
        for node in &self.task.notify {
            for name in self.names(node, scope).unwrap_or_default() {
                let mut state = host.state();
                if state.earlier.owed.shift_remove(&name) {
                    state.notified.insert(name);
                }
            }
        }
    }

    fn names(&self, node: &crate::yaml::Node, scope: &Scope) -> Result<Vec<String>, KeywordError> {
        Ok(match self.shared.templar.render(node, scope)? {
            Value::Array(items) => items.iter().map(text).collect(),
            value => vec![text(&value)],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Variables;
    use std::sync::Arc;

    #[test]
    fn what_is_pending_is_said_once_and_again_when_it_changes() {
        let host = Host::new("a", Arc::default(), Variables::new());
        let told = |host: &Host| {
            let pending = host.state().pending();
            match news("p:1", host, pending) {
                Some(Kind::Notified { handlers, .. }) => Some(handlers),
                _ => None,
            }
        };
        assert_eq!(told(&host), None, "nothing was notified yet");
        host.state().notified.insert("restart".to_owned());
        assert_eq!(told(&host), Some(vec!["restart".to_owned()]));
        assert_eq!(told(&host), None);
        // It runs now, and is pending until it has run.
        let mut state = host.state();
        state.notified.clear();
        state.claimed.insert("restart".to_owned());
        drop(state);
        assert_eq!(told(&host), None);
        host.state().claimed.clear();
        assert_eq!(told(&host), Some(Vec::new()));
    }
}
