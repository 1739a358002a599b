//! The automata that look for all known secrets at once.

use super::forms::forms;
use aho_corasick::AhoCorasick;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// So many new forms are looked for beside the settled ones before all are settled anew.
const RECENT: usize = 128;

/// What is looked for.
#[derive(Default)]
pub(super) struct Known {
    /// The secrets as they were learned.
    values: HashSet<String>,
    /// All their forms.
    all: HashSet<String>,
    /// Forms that `settled` does not know yet.
    recent: Vec<String>,
    settled: Option<Arc<AhoCorasick>>,
    small: Option<Arc<AhoCorasick>>,
    /// Whether `small` or `settled` lacks something.
    stale: bool,
}

/// The automata of one moment.
#[derive(Clone, Default)]
pub(super) struct Matchers {
    settled: Option<Arc<AhoCorasick>>,
    small: Option<Arc<AhoCorasick>>,
}

impl Known {
    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether exactly this is a secret.
    pub(super) fn contains(&self, value: &str) -> bool {
        self.values.contains(value)
    }

    /// Adds a secret; false when it was known.
    pub(super) fn add(&mut self, value: &str) -> bool {
        if !self.values.insert(value.to_owned()) {
            return false;
        }
        for form in forms(value) {
            if self.all.insert(form.clone()) {
                self.recent.push(form);
                self.stale = true;
            }
        }
        true
    }

    /// Forgets secrets that are names for everybody.
    pub(super) fn forget(&mut self, names: &HashSet<String>) {
        if self.values.is_disjoint(names) {
            return;
        }
        let values = std::mem::take(self).values;
        for value in values.difference(names) {
            self.add(value);
        }
    }

    /// The automata, unless they are to be made anew first.
    pub(super) fn ready(&self) -> Option<Matchers> {
        (!self.stale).then(|| self.matchers())
    }

    fn matchers(&self) -> Matchers {
        Matchers {
            settled: self.settled.clone(),
            small: self.small.clone(),
        }
    }

    /// The automata, made anew where something was learned. A large one is made anew rarely, so that many secrets that are
    /// learned one by one cost little each.
    pub(super) fn refresh(&mut self) -> Matchers {
        if self.stale {
            if self.recent.len() > RECENT && self.recent.len() * 4 > self.all.len() {
                self.settled = automaton(&self.all);
                self.recent.clear();
                self.small = None;
            } else {
                self.small = automaton(&self.recent);
            }
            self.stale = false;
        }
        self.matchers()
    }
}

/// None when there is nothing to look for. Building fails only beyond four thousand million states; then nothing is found.
fn automaton<'a>(forms: impl IntoIterator<Item = &'a String>) -> Option<Arc<AhoCorasick>> {
    let mut forms = forms.into_iter().peekable();
    forms.peek()?;
    AhoCorasick::new(forms).ok().map(Arc::new)
}

impl Matchers {
    /// Whether any secret is in `text`.
    pub(super) fn find(&self, text: &str) -> bool {
        [&self.settled, &self.small]
            .into_iter()
            .flatten()
            .any(|automaton| automaton.is_match(text))
    }

    /// Where secrets stand, in bytes; the ranges may overlap.
    pub(super) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        [&self.settled, &self.small]
            .into_iter()
            .flatten()
            .flat_map(|automaton| automaton.find_overlapping_iter(text))
            .map(|found| found.range())
            .collect()
    }
}
