//! Asks the API servers of a lab all the time while something else happens, as a load balancer with health checks would:
//! a moment is bad when none of them answers.

use crate::lab::Lab;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{TlsConfig, TlsProvider};

/// How often they are asked.
const PAUSE: Duration = Duration::from_millis(100);

/// What was seen between the first answer and the last: before and after them the lab itself does not run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Moments at which at least one API server answered.
    pub(crate) good: usize,
    /// Moments at which none did.
    pub(crate) bad: usize,
}

/// Does `work` while the API servers of these hosts are asked; a run of the lab in which they start is part of it.
pub(crate) fn while_asking<T>(lab: &Lab, hosts: &[&str], work: impl FnOnce() -> T) -> (T, Seen) {
    let over = AtomicBool::new(false);
    let agent = agent();
    scope(|threads| {
        let asking = threads.spawn(|| {
            let mut seen = Seen::default();
            let mut bad = 0;
            while !over.load(Ordering::Relaxed) {
                if hosts.iter().any(|host| answers(&agent, lab, host)) {
                    // Only now is it known that the moments before were in the middle.
                    seen.bad += bad;
                    seen.good += 1;
                    bad = 0;
                } else if seen.good > 0 {
                    bad += 1;
                }
                sleep(PAUSE);
            }
            seen
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        (done, asking.join().unwrap())
    })
}

fn agent() -> Agent {
    // Who answers does not matter here, and `/readyz` is open to everyone.
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .disable_verification(true)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(Duration::from_secs(2)))
        .build()
        .new_agent()
}

/// Whether the API server of a host answers, where its kubeconfig says that it is.
fn answers(agent: &Agent, lab: &Lab, host: &str) -> bool {
    let path = lab.host_folder(host).join("etc/kubernetes/admin.conf");
    let text = fs::read_to_string(path).unwrap_or_default();
    let server = text.lines().find_map(|line| {
        let line = line.trim().trim_start_matches("- ");
        line.strip_prefix("server: ")
    });
    server.is_some_and(|server| {
        let server = server.trim_matches(['"', '\'']);
        agent.get(&format!("{server}/readyz")).call().is_ok()
    })
}
