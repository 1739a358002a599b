//! The end of a batch: hosts that passed are committed, hosts that did not go back.

use super::batch::Batch;
use super::host::{Failure, Host, Standing};
use super::rollback::{self, CommitError};
use crate::event::Kind;
use std::sync::Arc;

/// Concludes a batch.
pub(super) async fn conclude(batch: &mut Batch) {
    let hosts = batch.play.batch.clone();
    let lineage = batch.play.lineage();
    let goes_back = batch.play.goes_back();
    let mut back = Vec::new();
    for host in &hosts {
        let (passed, open, held) = {
            let state = host.state();
            let passed = matches!(state.standing, Standing::Active | Standing::Ended);
            (passed, state.open_steps > 0, state.held.is_some())
        };
        if passed && open {
            if let Err(error) =
                rollback::commit(&batch.shared, &lineage, host, Some(&batch.play.key)).await
                && not_committed(batch, host, &error)
                && goes_back
            {
                back.push(host.clone());
            }
        } else if !passed && goes_back && (open || held) {
            back.push(host.clone());
        } else if !passed && goes_back {
            say_what_stays(batch, host);
        }
    }
    batch.say_who_passed().await;
    batch.on_failure().await;
    batch.bring_back(&back).await;
    conclude_elsewhere(batch).await;
    batch.judge();
}

/// A host that passed could not be committed; tells whether it is to be brought back.
///
/// Where a dead-man timer runs, or ran out, the host did not pass after all: it does not stay as it is.
fn not_committed(batch: &Batch, host: &Arc<Host>, error: &CommitError) -> bool {
    let mut state = host.state();
    let went_back = matches!(error, CommitError::WentBack(_));
    let message = if went_back {
        error.to_string()
    } else if state.deadman.runs() {
        format!(
            "all tasks passed, but the host could not be told to stay as it is: {error}; its dead-man timer takes it back"
        )
    } else {
        drop(state);
        batch.shared.events.emit(Kind::Warning {
            host: Some(host.name.clone()),
            message: format!("the undo log could not be closed: {error}"),
        });
        return false;
    };
    state.counts.reason = Some(message.clone());
    if went_back {
        state.counts.failed += 1;
        state.standing = Standing::Failed(Failure {
            task: "Commit".to_owned(),
            action: "rollback".to_owned(),
            message,
            result: serde_json::Value::Null,
        });
    } else {
        state.counts.unreachable += 1;
        state.standing = Standing::Unreachable(message);
    }
    went_back
}

/// Changes that were made on hosts outside the batch on its behalf (`delegate_to`).
async fn conclude_elsewhere(batch: &Batch) {
    let hosts = &batch.play.batch;
    let all_passed = hosts
        .iter()
        .all(|host| matches!(host.state().standing, Standing::Active | Standing::Ended));
    for other in batch.shared.everyone() {
        if other.state().open_steps == 0 || hosts.iter().any(|host| Arc::ptr_eq(host, other)) {
            continue;
        }
        if all_passed {
            if let Err(error) =
                rollback::commit(&batch.shared, &batch.play.lineage(), other, None).await
            {
                batch.shared.events.emit(Kind::Warning {
                    host: Some(other.name.clone()),
                    message: format!("the undo log could not be closed: {error}"),
                });
            }
        } else {
            // Whose change it was is not in the host's log, so it is left to the user.
            batch.shared.events.emit(Kind::Warning {
                host: Some(other.name.clone()),
                message: format!(
                    "changes made here for other hosts stay; `windlass rollback {} --limit {}` takes them back",
                    batch.shared.run, other.name
                ),
            });
        }
    }
}

/// A failed host with nothing to replay may still have changed.
fn say_what_stays(batch: &Batch, host: &Arc<Host>) {
    let stays = std::mem::take(&mut host.state().not_undone);
    if !stays.is_empty() {
        batch.shared.events.emit(Kind::Warning {
            host: Some(host.name.clone()),
            message: format!("not undone: {}", stays.join("; ")),
        });
    }
}
