//! `meta`: words to the engine itself.

use super::batch::Batch;
use super::host::{Host, Standing};
use super::keywords::Words;
use super::lineage::Lineage;
use super::variables::task_scope;
use crate::event::Kind;
use crate::playbook::Task;
use std::sync::Arc;

impl Batch {
    /// Carries out one `meta` action on the hosts whose condition holds.
    pub(super) async fn meta(
        &mut self,
        name: &str,
        task: &Arc<Task>,
        lineage: &Lineage,
        hosts: &[Arc<Host>],
    ) {
        // `flush_handlers` takes no condition, as in the reference.
        if name == "flush_handlers" {
            self.flush_handlers(hosts).await;
            return;
        }
        let wanted: Vec<Arc<Host>> = hosts
            .iter()
            .filter(|host| self.condition_holds(task, lineage, host))
            .cloned()
            .collect();
        if wanted.is_empty() {
            return;
        }
        match name {
            "noop" => {}
            "clear_facts" => wanted.iter().for_each(|host| host.clear_facts()),
            "clear_host_errors" => {
                for host in &self.play.batch {
                    let mut state = host.state();
                    if matches!(
                        state.standing,
                        Standing::Failed(_) | Standing::Unreachable(_)
                    ) {
                        // It is out of this play, but may take part in later ones.
                        state.standing = Standing::Ended;
                    }
                }
            }
            "end_host" => end(&wanted),
            "end_batch" => end(hosts),
            "end_play" => {
                end(hosts);
                self.ended_play = true;
            }
            "reset_connection" => {
                for host in &wanted {
                    let connections: Vec<_> = host.connections.lock().await.drain().collect();
                    for (_, connection) in connections {
                        connection.close().await;
                    }
                }
            }
            other => {
                for host in &wanted {
                    let message = format!("`meta: {other}` is not supported");
                    host.state().standing = Standing::Failed(super::host::Failure {
                        task: format!("meta: {other}"),
                        message: message.clone(),
                        ..super::host::Failure::default()
                    });
                    host.state().counts.failed += 1;
                    host.state().counts.reason = Some(message);
                }
            }
        }
    }

    fn condition_holds(&self, task: &Arc<Task>, lineage: &Lineage, host: &Arc<Host>) -> bool {
        let scope = task_scope(&self.shared, &self.play, host, lineage);
        let words = Words {
            templar: &self.shared.templar,
            lineage,
            scope: &scope,
        };
        match words.unmet_condition() {
            Ok(unmet) => unmet.is_none(),
            Err(error) => {
                self.shared.events.emit(Kind::Warning {
                    host: Some(host.name.clone()),
                    message: format!(
                        "{}: the condition cannot be evaluated, so the host fails: {}",
                        task.span, error.message
                    ),
                });
                let mut state = host.state();
                state.counts.failed += 1;
                state.counts.reason = Some(error.message.clone());
                state.standing = Standing::Failed(super::host::Failure {
                    message: error.message,
                    ..super::host::Failure::default()
                });
                false
            }
        }
    }
}

fn end(hosts: &[Arc<Host>]) {
    for host in hosts {
        let mut state = host.state();
        if state.standing == Standing::Active {
            state.standing = Standing::Ended;
        }
    }
}
