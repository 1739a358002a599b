//! The end of a batch: hosts that passed are committed, hosts that did not go back.

use super::batch::Batch;
use super::host::{Host, Standing};
use super::rollback;
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
            if let Err(error) = rollback::commit(&batch.shared, &lineage, host).await {
                batch.shared.events.emit(Kind::Warning {
                    host: Some(host.name.clone()),
                    message: format!("the undo log could not be closed: {error}"),
                });
            }
        } else if !passed && goes_back && (open || held) {
            back.push(host.clone());
        } else if !passed && goes_back {
            say_what_stays(batch, host);
        }
    }
    batch.bring_back(&back).await;
    conclude_elsewhere(batch).await;
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
            if let Err(error) = rollback::commit(&batch.shared, &batch.play.lineage(), other).await
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
