//! What the page's script draws from: the run as compact JSON. Must not know how it is drawn.
//!
//! Lists of numbers stand where objects would repeat their keys a hundred thousand times; `page.js` names their places.
//! Texts and outputs are kept once each and have a limit together, so that no fleet makes the page too large to open.

use super::batches::trouble;
use super::detail;
use super::output::Output;
use super::run::Run;
use super::zone::Clock;
use super::{bar, standing};
use indexmap::IndexMap;
use serde_json::{Value, json};

/// So many bytes of short texts are kept.
const TEXTS: usize = 600 * 1024;
/// So many bytes of outputs are kept.
const OUTPUTS: usize = 800 * 1024;

/// Values that are kept once each, up to a limit; others refer to them by their place.
pub(super) struct Pool<T> {
    kept: IndexMap<String, T>,
    room: usize,
}

impl<T> Pool<T> {
    fn new(room: usize) -> Self {
        Self {
            kept: IndexMap::new(),
            room,
        }
    }

    /// The place of what is known by `key`; none where it does not fit any more.
    pub(super) fn place(&mut self, key: String, make: impl FnOnce() -> T) -> Option<usize> {
        if let Some(place) = self.kept.get_index_of(&key) {
            return Some(place);
        }
        self.room = self.room.checked_sub(key.len())?;
        Some(self.kept.insert_full(key, make()).0)
    }
}

/// What hosts refer to.
pub(super) struct Shared {
    pub(super) texts: Pool<()>,
    pub(super) outputs: Pool<Value>,
    /// How many more steps without a failure fit.
    pub(super) steps: usize,
}

impl Shared {
    /// The place of a short text; -1 for none.
    pub(super) fn text(&mut self, text: &str) -> i64 {
        if text.is_empty() {
            return -1;
        }
        place(self.texts.place(text.to_owned(), || ()))
    }

    /// The place of what a step said; -1 for nothing, -2 for what does not fit.
    pub(super) fn outputs(&mut self, outputs: &[Output]) -> i64 {
        if outputs.is_empty() {
            return -1;
        }
        let key: String = outputs
            .iter()
            .map(|it| format!("{}\0{}\0", it.name, it.text))
            .collect();
        let value = || {
            outputs
                .iter()
                .map(|it| json!([it.name, it.text, it.left_out]))
                .collect()
        };
        self.outputs
            .place(key, value)
            .map_or(-2, |at| i64::try_from(at).unwrap_or(-2))
    }
}

fn place(place: Option<usize>) -> i64 {
    place.map_or(-1, |at| i64::try_from(at).unwrap_or(-1))
}

/// The whole run.
pub(super) fn data(run: &Run, clock: &Clock) -> Value {
    let mut shared = Shared {
        texts: Pool::new(TEXTS),
        outputs: Pool::new(OUTPUTS),
        steps: detail::STEPS,
    };
    let hosts: Vec<Value> = run
        .listed()
        .into_iter()
        .map(|host| detail::host(run, host, &mut shared))
        .collect();
    let zone: Vec<Value> = clock
        .offsets(run.start(), run.last())
        .into_iter()
        .map(|offset| json!([offset.from, offset.seconds, offset.name]))
        .collect();
    let tasks: Vec<Value> = run
        .tasks
        .values()
        .map(|task| json!([task.name, task.path]))
        .collect();
    let marks: Vec<Value> = run
        .marks
        .iter()
        .map(|mark| json!([mark.at, u8::from(mark.stop), mark.text]))
        .collect();
    let standings: Vec<Value> = standing::ALL
        .into_iter()
        .map(|standing| {
            json!([
                standing.class(),
                standing.words(run.check),
                u8::from(standing.is_trouble())
            ])
        })
        .collect();
    let bars: Vec<Value> = bar::ALL
        .into_iter()
        .map(|bar| json!([bar.class(), bar.name(), bar.meaning()]))
        .collect();
    json!({
        "start": run.start().as_millisecond(),
        "length": run.length(),
        "zone": zone,
        "bars": bars,
        "standings": standings,
        "plays": plays(run),
        "marks": marks,
        "tasks": tasks,
        "hosts": hosts,
        "texts": shared.texts.kept.into_keys().collect::<Vec<_>>(),
        "outputs": shared.outputs.kept.into_values().collect::<Vec<_>>(),
    })
}

fn plays(run: &Run) -> Vec<Value> {
    run.plays
        .iter()
        .map(|play| {
            let batches: Vec<Value> = play
                .batches
                .iter()
                .map(|batch| {
                    let (from, until) = batch.soak.unwrap_or((-1, -1));
                    json!([
                        batch.number,
                        batch.from,
                        batch.until,
                        from,
                        until,
                        batch.hosts.len(),
                        trouble(run, batch)
                    ])
                })
                .collect();
            json!({"name": play.name, "of": play.of, "batched": play.batched, "batches": batches})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_keeps_each_once_and_knows_its_limit() {
        let mut pool = Pool::new(6);
        assert_eq!(pool.place("abc".to_owned(), || 1), Some(0));
        assert_eq!(pool.place("de".to_owned(), || 2), Some(1));
        assert_eq!(pool.place("abc".to_owned(), || 3), Some(0));
        assert_eq!(pool.place("too long".to_owned(), || 4), None);
        assert_eq!(pool.kept.len(), 2);
    }
}
