//! The user's own probe: asked before the first batch and all through the play; a breach ends the run.
//!
//! A number of bad answers in a row is a breach. Then no host starts, and those in flight fail with the probe's answer
//! and go back as the play says. The journal gets an event when the state of the probe changes, not for each answer.

use super::batch::Batch;
use super::host::{Failure, Host, Standing};
use super::keywords::{KeywordError, count, duration, flag, text};
use super::sample::Sample;
use super::shared::Shared;
use crate::event::{Kind, ProbeState};
use crate::playbook::Play;
use crate::secrecy::url_secrets;
use crate::template::Scope;
use crate::yaml::Node;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);
const FAILURES: u32 = 3;
/// The least time between two questions.
const SHORTEST: Duration = Duration::from_millis(50);

/// A play's probe, ready to be asked.
pub(super) struct Probe {
    sample: Sample,
    interval: Duration,
    timeout: Duration,
    failures: u32,
}

impl Probe {
    /// Reads a play's `probe` as its first host sees it; nothing when its URL and its command are empty.
    pub(super) fn of(
        shared: &Shared,
        play: &Play,
        scope: &Scope,
    ) -> Result<Option<Self>, KeywordError> {
        let Some(probe) = play.probe.as_ref().filter(|_| !shared.settings.check) else {
            return Ok(None);
        };
        let templar = &shared.templar;
        let word = |node: &Option<Node>| -> Result<Option<String>, KeywordError> {
            let Some(node) = node else { return Ok(None) };
            let value = templar.render_or_omit(node, scope)?;
            let word = value.as_ref().map(text);
            Ok(word.filter(|word| !word.trim().is_empty()))
        };
        let time = |name: &str, node: &Option<Node>, otherwise| match node {
            Some(node) => duration(templar, name, node, scope),
            None => Ok(otherwise),
        };
        let timeout = time("timeout", &probe.timeout, TIMEOUT)?;
        let wrong = |message: String| KeywordError {
            message: format!("`probe`: {message}"),
            span: Some(probe.span.clone()),
        };
        let sample = match (word(&probe.url)?, word(&probe.command)?) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(wrong("give it a URL or a command, not both".to_owned()));
            }
            (None, Some(command)) => Sample::command(&command),
            (Some(url), None) => {
                for secret in url_secrets(&url) {
                    shared.events.secrets.learn(&secret);
                }
                let ca = word(&probe.ca)?.map(|path| play.folder.join(PathBuf::from(path)));
                let validate = match &probe.validate_certs {
                    Some(node) => flag(templar, "validate_certs", node, scope)?.unwrap_or(true),
                    None => true,
                };
                Sample::url(&url, ca.as_deref(), validate, timeout).map_err(wrong)?
            }
        };
        let failures = match &probe.failures {
            Some(node) => count(templar, "failures", node, scope)?,
            None => FAILURES,
        };
        Ok(Some(Self {
            sample,
            interval: time("interval", &probe.interval, INTERVAL)?.max(SHORTEST),
            timeout: timeout.max(SHORTEST),
            failures: failures.max(1),
        }))
    }

    /// Asks until the answer is good; gives the reason when it is bad too often in a row.
    pub(super) async fn must_be_good(&self, shared: &Shared) -> Option<String> {
        let mut bad = 0;
        loop {
            match self.sample.ask(self.timeout).await {
                Ok(answer) => {
                    self.say(shared, ProbeState::Good, answer, 0);
                    return None;
                }
                Err(answer) => {
                    bad += 1;
                    if bad >= self.failures || shared.is_to_stop() {
                        self.say(shared, ProbeState::Breached, answer.clone(), bad);
                        return Some(self.reason(&answer, "before the play began"));
                    }
                    if bad == 1 {
                        self.say(shared, ProbeState::Bad, answer, bad);
                    }
                }
            }
            shared.rest(self.interval).await;
        }
    }

    /// Asks for ever. A breach is noted where the batches look; it does not heal.
    pub(super) async fn watch(&self, shared: &Shared) {
        let mut bad = 0;
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.sample.ask(self.timeout).await {
                Ok(answer) => {
                    if bad > 0 {
                        self.say(shared, ProbeState::Good, answer, 0);
                    }
                    bad = 0;
                }
                Err(answer) => {
                    bad += 1;
                    if bad == self.failures {
                        self.say(shared, ProbeState::Breached, answer.clone(), bad);
                        shared.breach(self.reason(&answer, "during the play"));
                    } else if bad == 1 {
                        self.say(shared, ProbeState::Bad, answer, bad);
                    }
                }
            }
        }
    }

    fn reason(&self, answer: &str, when: &str) -> String {
        let (name, times) = (self.sample.name(), self.failures);
        let words = if times == 1 { "answer" } else { "answers" };
        format!("the probe `{name}` gave {times} bad {words} {when}: {answer}")
    }

    fn say(&self, shared: &Shared, state: ProbeState, answer: String, bad: u32) {
        shared.events.emit(Kind::ProbeChanged {
            probe: self.sample.name(),
            state,
            answer,
            bad,
        });
    }
}

/// Does `work` while `probe` is asked, where there is one.
pub(super) async fn watched<T>(
    shared: &Arc<Shared>,
    probe: Option<&Probe>,
    work: impl Future<Output = T>,
) -> T {
    let Some(probe) = probe else {
        return work.await;
    };
    let watching = async {
        probe.watch(shared).await;
        std::future::pending().await
    };
    tokio::select! {
        done = work => done,
        never = watching => never,
    }
}

impl Batch {
    /// After a breach, fails the hosts in flight with its reason: the probe's answer, or what is wrong with the journal.
    pub(super) fn end_on_breach(&mut self, hosts: &[Arc<Host>]) {
        let Some(reason) = self.shared.breached() else {
            return;
        };
        let task = match self.shared.events.broken() {
            None => "Probe",
            Some(_) => "Journal",
        };
        for host in hosts {
            fail(host, task, &reason);
        }
        self.stop.get_or_insert(reason);
    }
}

fn fail(host: &Host, task: &str, reason: &str) {
    let mut state = host.state();
    if state.standing != Standing::Active {
        return;
    }
    state.counts.failed += 1;
    state.counts.reason = Some(reason.to_owned());
    state.standing = Standing::Failed(Failure {
        task: task.to_owned(),
        action: task.to_lowercase(),
        message: reason.to_owned(),
        result: serde_json::json!({"msg": reason, "failed": true}),
    });
}
