//! Tasks beside the play: what a play runs on hosts that failed (`on_failure`), to check them once they are restored
//! (`verify`), and after their way back (`on_rollback`).
//!
//! How such tasks end does not decide how the host stands, what they change is not recorded for a way back, and neither
//! the user's wish to stop nor the go-or-stop rules hold them up.

use super::batch::Batch;
use super::host::{Host, Standing};
use crate::event::{HostState, Kind};
use crate::playbook::Item;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

impl Batch {
    /// Takes hosts through `items`, whatever became of them before; gives why each one did not get to the end.
    pub(super) async fn aside(
        &self,
        items: &[Item],
        hosts: &[Arc<Host>],
    ) -> HashMap<String, String> {
        let mut refused = HashMap::new();
        if items.is_empty() || hosts.is_empty() {
            return refused;
        }
        let before: Vec<_> = hosts
            .iter()
            .map(|host| {
                let mut state = host.state();
                state.aside = true;
                let standing = std::mem::take(&mut state.standing);
                (standing, state.counts.reason.take(), state.counts.clone())
            })
            .collect();
        let mut batch = self.for_checks();
        batch
            .items(items, self.play.lineage(), hosts.to_vec())
            .await;
        for (host, (standing, reason, counts)) in hosts.iter().zip(before) {
            let mut state = host.state();
            state.aside = false;
            let outcome = std::mem::replace(&mut state.standing, standing);
            let why = std::mem::replace(&mut state.counts.reason, reason);
            state.counts.failed = counts.failed;
            state.counts.unreachable = counts.unreachable;
            if !matches!(outcome, Standing::Active | Standing::Ended) {
                refused.insert(host.name.clone(), why.unwrap_or_default());
            }
        }
        refused
    }

    /// The play's `verify` tasks on the restored hosts; a message for each host on which they do not pass.
    pub(super) async fn verify(&self, hosts: &[Arc<Host>]) -> HashMap<String, String> {
        let Some(rollback) = &self.play.play.rollback else {
            return HashMap::new();
        };
        let mut refused = self.aside(&rollback.verify, hosts).await;
        for why in refused.values_mut() {
            *why = format!("the checks of the restored host did not pass: {why}");
        }
        refused
    }

    /// The play's `on_failure` tasks on the failed hosts of the batch, before any of them goes back.
    pub(super) async fn on_failure(&self) {
        let Some(rollback) = &self.play.play.rollback else {
            return;
        };
        let failed: Vec<Arc<Host>> = self
            .play
            .batch
            .iter()
            .filter(|host| tell_what_failed(host))
            .cloned()
            .collect();
        let refused = self.aside(&rollback.before, &failed).await;
        self.say_what_failed("on_failure", refused);
    }

    /// The play's `on_rollback` tasks on hosts whose way back has ended.
    pub(super) async fn on_rollback(&self, hosts: &[(Arc<Host>, HostState)]) {
        let Some(rollback) = &self.play.play.rollback else {
            return;
        };
        let mut reachable = Vec::new();
        for (host, state) in hosts {
            let word = match state {
                HostState::RolledBack => "restored",
                _ => "incomplete",
            };
            host.set([("windlass_rollback".to_owned(), Value::from(word))]);
            if !matches!(host.state().standing, Standing::Unreachable(_)) {
                reachable.push(host.clone());
            }
        }
        let refused = self.aside(&rollback.after, &reachable).await;
        self.say_what_failed("on_rollback", refused);
    }

    fn say_what_failed(&self, key: &str, refused: HashMap<String, String>) {
        for (host, why) in refused {
            self.shared.events.emit(Kind::Warning {
                host: Some(host),
                message: format!("the tasks of `{key}` failed, which changes nothing else: {why}"),
            });
        }
    }
}

/// Sets what the tasks may know of the failure; tells whether the host failed and can be reached.
fn tell_what_failed(host: &Arc<Host>) -> bool {
    let (task, result) = match &host.state().standing {
        Standing::Failed(failure) => (
            json!({"name": failure.task, "action": failure.action}),
            failure.result.clone(),
        ),
        Standing::Aborted(reason) => (
            json!({"name": "", "action": ""}),
            json!({"msg": reason, "failed": true}),
        ),
        Standing::Active | Standing::Ended | Standing::Unreachable(_) => return false,
    };
    host.set([
        ("ansible_failed_task".to_owned(), task.clone()),
        ("ansible_failed_result".to_owned(), result.clone()),
        ("windlass_failed_task".to_owned(), task),
        ("windlass_failed_result".to_owned(), result),
    ]);
    true
}
