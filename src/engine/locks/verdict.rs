//! Whose lock it is that is found in the way, and what is said of it.

use crate::holder::{Holder, Life, age};
use crate::journal::{Fate, RunId, Store};
use std::fmt;
use std::time::Duration;

/// What is known of a run that holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It is under way on this machine.
    Alive,
    /// It was started by this user here and is gone, or never wrote its name: the next run takes its locks over.
    Dead,
    /// It was started by somebody else on this machine, and its process is gone. Its locks are not taken over: only its
    /// owner can go on with it.
    Stale,
    /// It is on another machine: only its signs of life tell.
    Elsewhere,
}

impl Stand {
    /// How the run stands that wrote `holder` into a lock.
    pub fn of(store: &Store, run: &str, holder: Option<&Holder>) -> Self {
        if run.is_empty() {
            return Self::Dead;
        }
        match RunId::parse(run).map(|run| store.fate(&run)) {
            Some(Fate::Gone) => Self::Dead,
            Some(Fate::Running) => Self::Alive,
            Some(Fate::Foreign) | None => match holder.map(Holder::life) {
                Some(Life::Here) => Self::Alive,
                Some(Life::Gone) => Self::Stale,
                Some(Life::Elsewhere) | None => Self::Elsewhere,
            },
        }
    }

    /// What is added to a line about the holder.
    pub fn note(self) -> &'static str {
        match self {
            Self::Alive => "under way on this machine",
            Self::Dead => "dead; the next run from here takes it over",
            Self::Stale => "stale: its process on this machine is gone",
            Self::Elsewhere => "on another machine",
        }
    }
}

/// A lock of another run that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Blocker {
    /// What it holds, such as `host worker1`.
    pub(super) what: String,
    pub(super) run: String,
    pub(super) holder: Option<Holder>,
    /// How long it has held it, where that is known better than by the holder's own clock.
    pub(super) age: Option<Duration>,
    /// How long its last sign of life is ago.
    pub(super) quiet: Option<Duration>,
    pub(super) stand: Stand,
}

impl Blocker {
    /// What the user can do.
    pub(in crate::engine) fn hint(&self) -> String {
        let run = &self.run;
        match self.stand {
            Stand::Alive | Stand::Dead => "wait for it to end; `windlass lock` shows it".to_owned(),
            Stand::Stale => {
                format!("its process is gone: `windlass lock break {run}` frees what it holds")
            }
            Stand::Elsewhere => format!(
                "wait for it to end; if it is dead, `windlass lock break {run}` frees what it holds"
            ),
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(holder) => {
                let held = self.age.unwrap_or_else(|| holder.held_for());
                write!(
                    f,
                    "{} holds {} since {}, for {}",
                    holder.who(),
                    self.what,
                    holder.since_text(),
                    age(held)
                )?;
            }
            None => write!(f, "run {} holds {}", self.run, self.what)?,
        }
        if let Some(quiet) = self.quiet {
            write!(f, "; its last sign of life was {} ago", age(quiet))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_named_with_its_holder_and_its_age() {
        let mut holder = Holder::new("r1", "ann", "laptop");
        holder.pid = 7;
        holder.since = "2026-11-21T07:03:12Z".parse().unwrap();
        let blocker = Blocker {
            what: "worker1".to_owned(),
            run: "r1".to_owned(),
            holder: Some(holder),
            age: Some(Duration::from_secs(301)),
            quiet: Some(Duration::from_secs(10)),
            stand: Stand::Elsewhere,
        };
        assert_eq!(
            blocker.to_string(),
            "run r1 of ann on laptop (process 7) holds worker1 since 2026-11-21 07:03:12 UTC, for 5 min; \
             its last sign of life was 10 s ago"
        );
        assert!(blocker.hint().contains("windlass lock break r1"));
    }

    #[test]
    fn a_run_of_this_user_that_is_gone_is_dead_and_one_of_somebody_else_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let run = RunId::new();
        let holder = Holder::new(run.as_str(), "ann", "laptop");
        let of = |holder: Option<&Holder>| Stand::of(&store, run.as_str(), holder);
        assert_eq!(of(None), Stand::Elsewhere);
        // This very process.
        let here = of(Some(&holder));
        assert!(matches!(here, Stand::Alive | Stand::Elsewhere), "{here:?}");
        store.create(&run).unwrap().close();
        assert_eq!(of(Some(&holder)), Stand::Dead);
        assert_eq!(Stand::of(&store, "", None), Stand::Dead);
    }
}
