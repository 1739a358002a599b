//! The lock on a host, as shell text: it keeps runs of other users and other machines away, whatever their inventories.
//!
//! A lock is a file that one run alone can make. It costs no process on the host and needs no program there, and it is
//! taken in the same round trip that looks for what other runs left. It ends with its run; one that was killed leaves it,
//! and whoever comes next decides by what the file says of its holder. Who may take it over is not decided here.

use super::UndoLog;
use crate::holder::Holder;
use crate::shell::quote;
use std::fmt::Write as _;
use std::time::Duration;

/// What all scripts here are made of.
const FUNCTIONS: &str = include_str!("hostlock.sh");

/// The exit status of a script that records a step when its run does not have the host's lock any more.
pub const LOST_LOCK: i32 = 78;

/// What such a script prints.
const LOST: &str = "lock lost";

/// The lock of a host, as one run sees it.
#[derive(Debug, Clone)]
pub struct HostLock {
    /// The lock's folder, not quoted.
    folder: String,
    /// The run that takes it.
    run: String,
    /// What its file says.
    text: String,
}

/// How a host's lock stands after it was asked for, or looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// The run that asks has it.
    Ours,
    /// Nobody has it.
    Free,
    /// Another run has it.
    Held(HeldLock),
    /// It can be neither seen nor taken; why, in the host's words.
    Unusable(String),
}

/// The lock that another run has on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldLock {
    /// The run; empty when it was killed before it could write its name.
    pub run: String,
    /// Who that is.
    pub holder: Option<Holder>,
    /// How long it has been held, by the host's clock; `None` when the host was booted since.
    pub age: Option<Duration>,
    /// How long its last sign of life is ago.
    pub quiet: Option<Duration>,
    /// Where the Leases are that the same run has, one word each; see [`HostLock::new`].
    pub leases: Vec<String>,
}

impl UndoLog {
    /// The lock of the host of this log; `root` is the one that the log was made with.
    pub fn lock(&self, holder: &Holder, leases: &[String]) -> HostLock {
        let runs = self.runs();
        HostLock::new(runs.strip_suffix("/runs").unwrap_or(runs), holder, leases)
    }
}

impl HostLock {
    /// The lock below `root`, such as `/var/lib/windlass`. `leases` says where the Leases of the run are, in words of the
    /// caller's that hold no line break; whoever looks at the lock later is told them.
    pub fn new(root: &str, holder: &Holder, leases: &[String]) -> Self {
        let json = serde_json::to_string(holder).unwrap_or_default();
        let mut text = format!("run {}\nholder {}", holder.run, one_line(&json));
        for lease in leases {
            // Writing to a string cannot fail.
            let _ = write!(text, "\nlease {}", one_line(lease));
        }
        Self {
            folder: format!("{}/lock", root.trim_end_matches('/')),
            run: holder.run.clone(),
            text,
        }
    }

    /// The run that takes it.
    pub fn run(&self) -> &str {
        &self.run
    }

    fn head(&self) -> String {
        format!(
            "umask 077\nlock={}\nmine={}\n{FUNCTIONS}",
            quote(&self.folder),
            quote(&self.run)
        )
    }

    /// Takes the lock, unless another run has it. What `then` does is done only once it is taken; `parse` reads the answer.
    pub fn take(&self, then: &str) -> String {
        format!("{}take {} || exit\n{then}", self.head(), quote(&self.text))
    }

    /// The same, from `run` if that still has it: a run that is known to be dead, or nobody's where the name is empty.
    pub fn take_over(&self, run: &str, then: &str) -> String {
        format!(
            "{}clear {} || :\ntake {} || exit\n{then}",
            self.head(),
            quote(run),
            quote(&self.text)
        )
    }

    /// Gives the lock back, if this run has it.
    pub fn give_back(&self) -> String {
        // In between nobody but `break` could take it away, and a run after that take it: a thousandth of a second.
        format!(
            "{}if held && [ \"$has\" = \"$mine\" ]; then rm -f \"$lock/holder\" \"$lock/alive\"; fi\n",
            self.head()
        )
    }

    /// Gives a sign of life and tells whether this run still has the lock; `parse` reads the answer.
    pub fn check(&self) -> String {
        format!(
            "{}if held && [ \"$has\" = \"$mine\" ]; then sign_of_life; echo 'lock ours'; else {LOOK}fi\n",
            self.head()
        )
    }

    /// Tells who has the lock; `parse` reads the answer.
    pub fn look(&self) -> String {
        format!("{}{LOOK}", self.head())
    }

    /// Takes the lock away from `run`, dead or alive, and tells how it stands then.
    pub fn break_from(&self, run: &str) -> String {
        format!("{}clear {} || :\n{LOOK}", self.head(), quote(run))
    }

    /// For scripts that record a step: ends them with [`LOST_LOCK`] when this run does not have the lock any more, and
    /// gives a sign of life when it has. It may stand under `set -e`.
    pub(super) fn guard(&self) -> String {
        format!(
            "lock={}\nhas= now= boot=\n\
             {{ read -r _ has <\"$lock/holder\"; }} 2>/dev/null || :\n\
             if [ \"$has\" != {} ]; then\n\
             echo '{LOST}'\n\
             echo \"the lock of this run on the host was broken${{has:+, and run $has has it now}}\" >&2\n\
             exit {LOST_LOCK}\nfi\n{}",
            quote(&self.folder),
            quote(&self.run),
            SIGN_OF_LIFE
        )
    }

    /// A sign of life, if this run has the lock. It may stand under `set -e`.
    pub(super) fn touch(&self) -> String {
        format!(
            "lock={}\nhas= now= boot=\n\
             {{ read -r _ has <\"$lock/holder\"; }} 2>/dev/null || :\n\
             if [ \"$has\" = {} ]; then\n{SIGN_OF_LIFE}fi\n",
            quote(&self.folder),
            quote(&self.run),
        )
    }

    /// Whether a script that records a step said that the lock is lost.
    pub fn is_lost(said: &str) -> bool {
        said.lines().any(|line| line == LOST)
    }

    /// How the lock stands, by what a script here printed.
    pub fn parse(output: &str, errors: &str) -> LockState {
        let mut held: Option<HeldLock> = None;
        for line in output.lines().filter_map(|line| line.strip_prefix("lock ")) {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            match (key, &mut held) {
                ("ours", _) => return LockState::Ours,
                ("free", _) => return LockState::Free,
                ("denied", _) => {
                    return LockState::Unusable(
                        "only root may look into the folder of the lock".to_owned(),
                    );
                }
                ("held", _) => {
                    held = Some(HeldLock {
                        run: value.to_owned(),
                        ..HeldLock::default()
                    });
                }
                ("holder", Some(held)) => held.holder = serde_json::from_str(value).ok(),
                ("age", Some(held)) => held.age = hundredths(value),
                ("quiet", Some(held)) => held.quiet = hundredths(value),
                ("lease", Some(held)) => held.leases.push(value.to_owned()),
                _ => {}
            }
        }
        match held {
            Some(held) => LockState::Held(held),
            None => LockState::Unusable(match errors.trim().lines().last() {
                Some(last) => last.to_owned(),
                None => "the host did not say how its lock stands".to_owned(),
            }),
        }
    }
}

/// How the lock stands.
const LOOK: &str = "if held; then tell\n\
    elif [ -d \"${lock%/*}\" ] && ! [ -x \"${lock%/*}\" ]; then echo 'lock denied'\n\
    elif [ -d \"$lock\" ] && ! [ -x \"$lock\" ]; then echo 'lock denied'\n\
    else echo 'lock free'; fi\n";

/// As in the functions, for scripts that do without the rest of them.
const SIGN_OF_LIFE: &str = "{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :\n\
    { read -r now _ </proc/uptime; } 2>/dev/null || :\n\
    { printf '%s %s\\n' \"${now%.*}${now#*.}\" \"$boot\" >\"$lock/alive\"; } 2>/dev/null || :\n";

/// A time as the host counts it.
fn hundredths(text: &str) -> Option<Duration> {
    let count: u64 = text.parse().ok()?;
    Some(Duration::from_millis(count * 10))
}

/// Without line breaks: each line of the file is one key and its value.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
