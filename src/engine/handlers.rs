//! Handlers: what was notified runs once per host, in the order the handlers are written.

use super::batch::Batch;
use super::host::{Failure, Host, Standing};
use super::keywords::text;
use super::lineage::{Level, Lineage};
use super::pending;
use super::variables::task_scope;
use crate::event::Kind;
use crate::playbook::{Item, Task};
use serde_json::Value;
use std::sync::{Arc, PoisonError};

/// A handler may notify an earlier one; more rounds than this are a circle.
const ROUNDS: usize = 8;

impl Batch {
    /// Runs the handlers that were notified on `hosts`.
    pub(super) async fn flush_handlers(&mut self, hosts: &[Arc<Host>]) {
        let forced = self.force_handlers();
        let kept = if forced { revive(hosts) } else { Vec::new() };
        self.in_handlers = true;
        for _ in 0..ROUNDS {
            if hosts.iter().all(|host| host.state().notified.is_empty()) {
                break;
            }
            if !self.one_round(hosts).await {
                break;
            }
        }
        self.in_handlers = false;
        self.settle_leftovers(hosts);
        for (host, standing) in kept {
            let mut state = host.state();
            if state.standing == Standing::Active {
                state.standing = standing;
            }
        }
    }

    /// What is still notified when all handlers had their turn.
    fn settle_leftovers(&self, hosts: &[Arc<Host>]) {
        for host in hosts {
            let mut state = host.state();
            match state.standing {
                // What a `rescue` may still save keeps its notifications.
                Standing::Failed(_) | Standing::Aborted(_) if self.is_guarded() => continue,
                Standing::Ended => state.notified.clear(),
                Standing::Active
                | Standing::Failed(_)
                | Standing::Unreachable(_)
                | Standing::Aborted(_) => {}
            }
            let left: Vec<String> = state.notified.drain(..).collect();
            if left.is_empty() {
                continue;
            }
            if state.standing == Standing::Active {
                let message = format!(
                    "no handler is called `{}` or listens to it",
                    left.join("` or `")
                );
                state.counts.failed += 1;
                state.counts.reason = Some(message.clone());
                state.standing = Standing::Failed(Failure {
                    message,
                    ..Failure::default()
                });
            }
            drop(state);
            self.shared.events.emit(Kind::Warning {
                host: Some(host.name.clone()),
                message: format!("its handlers did not run: {}", left.join(", ")),
            });
        }
    }

    fn force_handlers(&self) -> bool {
        let node = self.play.play.force_handlers.as_ref();
        let given = self.play.batch.first().and_then(|host| {
            let scope = task_scope(&self.shared, &self.play, host, &self.play.lineage());
            super::batch::play_flag(&self.shared, "force_handlers", node, &scope)
                .ok()
                .flatten()
        });
        given.unwrap_or(self.shared.settings.force_handlers)
    }

    /// All handlers once, in order; tells whether any ran.
    async fn one_round(&mut self, hosts: &[Arc<Host>]) -> bool {
        let play = self.play.play.clone();
        let mut handlers = Vec::new();
        collect(&play.handlers, &self.play.lineage(), &mut handlers);
        let more = self
            .play
            .more_handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (lineage, items) in &more {
            collect(items, lineage, &mut handlers);
        }
        let mut ran = false;
        for (task, lineage) in handlers {
            let wanted: Vec<Arc<Host>> = super::batch::active(hosts)
                .into_iter()
                .filter(|host| self.claims(host, &task, &lineage))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            ran = true;
            self.items(&[Item::Task(task)], lineage, wanted.clone())
                .await;
            for host in &wanted {
                // One that failed here, or was lost, did not run it: it stays pending.
                if matches!(host.state().standing, Standing::Active | Standing::Ended) {
                    host.state().claimed.clear();
                    pending::say(&self.shared, &self.play.key, host);
                }
            }
        }
        ran
    }

    /// Whether `host` was notified for this handler; the notification is used up.
    fn claims(&self, host: &Arc<Host>, task: &Arc<Task>, lineage: &Lineage) -> bool {
        if host.state().notified.is_empty() {
            return false;
        }
        let lineage = lineage.within(Level::Task(task.clone()));
        let scope = task_scope(&self.shared, &self.play, host, &lineage);
        let render = |node: &crate::yaml::Node| match self.shared.templar.render(node, &scope) {
            Ok(Value::Array(items)) => items.iter().map(text).collect(),
            Ok(value) => vec![text(&value)],
            Err(_) => Vec::new(),
        };
        let mut names: Vec<String> = task.name.iter().flat_map(render).collect();
        if let Some(role) = &task.role {
            let qualified: Vec<String> = names
                .iter()
                .map(|name| format!("{} : {name}", role.name))
                .collect();
            names.extend(qualified);
        }
        let topics: Vec<String> = task.listen.iter().flat_map(render).collect();
        let mut state = host.state();
        let mut wanted = false;
        for name in names {
            if state.notified.shift_remove(&name) {
                wanted = true;
                state.claimed.insert(name);
            }
        }
        // A topic may have several listeners: it is used up when the round has passed the last of them.
        wanted |= topics.iter().any(|topic| state.notified.contains(topic));
        if self.is_last_listener(task, &topics) {
            for topic in topics {
                if state.notified.shift_remove(&topic) {
                    state.claimed.insert(topic);
                }
            }
        }
        wanted
    }

    /// Whether no handler after `task` listens to the same topics.
    fn is_last_listener(&self, task: &Arc<Task>, topics: &[String]) -> bool {
        if topics.is_empty() {
            return false;
        }
        let mut handlers = Vec::new();
        collect(
            &self.play.play.handlers,
            &self.play.lineage(),
            &mut handlers,
        );
        let more = self
            .play
            .more_handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (lineage, items) in &more {
            collect(items, lineage, &mut handlers);
        }
        let listens = |other: &Arc<Task>| {
            other.listen.iter().any(|node| {
                topics
                    .iter()
                    .any(|topic| node.span.text().contains(topic.as_str()))
            })
        };
        handlers
            .iter()
            .rev()
            .find(|(other, _)| listens(other))
            .is_none_or(|(last, _)| Arc::ptr_eq(last, task))
    }
}

/// The handlers in order, blocks opened.
fn collect(items: &[Item], lineage: &Lineage, found: &mut Vec<(Arc<Task>, Lineage)>) {
    for item in items {
        match item {
            Item::Task(task) => found.push((task.clone(), lineage.clone())),
            Item::Block(block) => {
                let lineage = lineage.within(Level::Block(block.clone()));
                collect(&block.body, &lineage, found);
            }
        }
    }
}

/// Makes failed hosts active for their handlers; returns how they stood.
fn revive(hosts: &[Arc<Host>]) -> Vec<(Arc<Host>, Standing)> {
    let mut kept = Vec::new();
    for host in hosts {
        let mut state = host.state();
        if matches!(state.standing, Standing::Failed(_) | Standing::Aborted(_)) {
            kept.push((host.clone(), std::mem::take(&mut state.standing)));
        }
    }
    kept
}
