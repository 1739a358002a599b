//! Brings notices to their targets, each target with a thread and a queue of its own, so that neither the run nor another target
//! waits for one that is slow.

use super::webhook::{self, Failure};
use super::{Notice, Target, hook};
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long and how often something is tried.
#[derive(Debug, Clone)]
pub struct Patience {
    /// For one try, and at the end of the run for all that is left.
    pub timeout: Duration,
    /// Before each further try.
    pub pauses: Vec<Duration>,
}

/// How long a thread that was told to give up may take to do so.
const GIVE_UP: Duration = Duration::from_millis(500);
/// How often a thread that pauses looks whether it was told to give up.
const LOOK: Duration = Duration::from_millis(50);

/// What became of the notices of one target.
#[derive(Debug, Default)]
struct Balance {
    lost: usize,
    /// Why the last one was lost.
    reason: String,
}

struct Courier {
    target: Target,
    queue: Option<Sender<Arc<Notice>>>,
    sent: usize,
    /// Gets one message per notice that is over with, and closes when the thread ends.
    news: Receiver<Result<(), String>>,
    given_up: Arc<AtomicBool>,
}

/// All couriers of a run.
pub struct Couriers {
    couriers: Vec<Courier>,
    patience: Patience,
}

impl Couriers {
    /// One for each target. A target for which no thread can be started is told nothing, and said at the end.
    pub fn new(targets: Vec<Target>, patience: &Patience) -> Self {
        let couriers = targets
            .into_iter()
            .map(|target| Courier::start(target, patience))
            .collect();
        Self {
            couriers,
            patience: patience.clone(),
        }
    }

    /// Hands a notice to all of them; returns at once.
    pub(super) fn send(&mut self, notice: Notice) {
        let notice = Arc::new(notice);
        for courier in &mut self.couriers {
            if let Some(queue) = &courier.queue {
                courier.sent += 1;
                // Without its thread it is counted as lost at the end.
                let _queued = queue.send(notice.clone());
            }
        }
    }

    /// Waits until all is delivered, but only so long; says what was not.
    pub fn finish(mut self) -> Vec<String> {
        for courier in &mut self.couriers {
            courier.queue = None;
        }
        let deadline = Instant::now() + self.patience.timeout;
        let balances: Vec<Balance> = self
            .couriers
            .iter()
            .map(|courier| courier.settle(deadline))
            .collect();
        self.couriers
            .iter()
            .zip(balances)
            .filter(|(_, balance)| balance.lost > 0)
            .map(|(courier, balance)| {
                let noun = if balance.lost == 1 {
                    "notification"
                } else {
                    "notifications"
                };
                format!(
                    "{} {noun} to {} not delivered: {}",
                    balance.lost, courier.target, balance.reason
                )
            })
            .collect()
    }
}

impl Courier {
    fn start(target: Target, patience: &Patience) -> Self {
        let (queue, notices) = channel::<Arc<Notice>>();
        let (done, news) = channel();
        let given_up = Arc::new(AtomicBool::new(false));
        let delivery = Delivery {
            target: target.clone(),
            agent: OnceCell::new(),
            patience: patience.clone(),
            given_up: given_up.clone(),
        };
        let started = thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || {
                for notice in notices {
                    if done.send(delivery.bring(&notice)).is_err() {
                        return;
                    }
                }
            });
        Self {
            target,
            queue: started.is_ok().then_some(queue),
            sent: 0,
            news,
            given_up,
        }
    }

    /// Counts what came of the notices until the thread is through with them or it is too late.
    fn settle(&self, deadline: Instant) -> Balance {
        let mut balance = Balance::default();
        let mut heard = 0;
        let mut deadline = deadline;
        while heard < self.sent {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.news.recv_timeout(left) {
                Ok(Ok(())) => heard += 1,
                Ok(Err(reason)) => {
                    heard += 1;
                    balance.lost += 1;
                    balance.reason = reason;
                }
                // What is under way is ended, so that nothing is left behind.
                Err(RecvTimeoutError::Timeout) if !self.given_up.load(Ordering::Relaxed) => {
                    self.given_up.store(true, Ordering::Relaxed);
                    deadline = Instant::now() + GIVE_UP;
                }
                Err(_) => {
                    balance.lost += self.sent - heard;
                    if balance.reason.is_empty() {
                        "no answer in time".clone_into(&mut balance.reason);
                    }
                    break;
                }
            }
        }
        balance
    }
}

/// What a courier's thread needs.
struct Delivery {
    target: Target,
    /// Made on the courier's own thread, as it reads the system's certificates; commands need none.
    agent: OnceCell<ureq::Agent>,
    patience: Patience,
    given_up: Arc<AtomicBool>,
}

impl Delivery {
    /// Tries until it is delivered, or says why it cannot be.
    fn bring(&self, notice: &Notice) -> Result<(), String> {
        let body = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
        let mut pauses = self.patience.pauses.iter();
        loop {
            if self.given_up.load(Ordering::Relaxed) {
                return Err("no time was left".to_owned());
            }
            let Err(failure) = self.attempt(&body) else {
                return Ok(());
            };
            match pauses.next() {
                Some(pause) if !failure.is_final => self.wait(*pause),
                _ => return Err(failure.reason),
            }
            if self.given_up.load(Ordering::Relaxed) {
                return Err(failure.reason);
            }
        }
    }

    fn attempt(&self, body: &[u8]) -> Result<(), Failure> {
        match &self.target {
            Target::Webhook { url, token } => {
                let agent = self
                    .agent
                    .get_or_init(|| webhook::agent(self.patience.timeout));
                webhook::post(agent, url, token.as_deref(), body)
            }
            Target::Command(line) => hook::run(line, body, self.patience.timeout, &self.given_up),
        }
    }

    fn wait(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.given_up.load(Ordering::Relaxed) {
            thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
    }
}
