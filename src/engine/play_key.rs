//! The name that a play has in every run of its playbook, by which a resumed run knows it again.
//!
//! It is the place of the play and the label of the round of each loop around it. Numbers of plays or of rounds would not
//! do: a loop of a resumed run may have fewer rounds, as some of its work is done.

use crate::playbook::{Play, Playbook};
use crate::source::relative;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The keys of a playbook's plays.
#[derive(Debug, Default)]
pub(super) struct PlayKeys {
    places: Vec<(Arc<Play>, String)>,
    /// The labels of the rounds that are under way, the outermost first.
    rounds: Vec<String>,
}

impl PlayKeys {
    /// The keys of the plays of `playbook`.
    pub(super) fn of(playbook: &Playbook) -> Self {
        let folder = playbook.path.parent().unwrap_or(Path::new(""));
        let mut counted = Counted::default();
        let places = playbook.plays.iter().map(|play| {
            let place = place(play, folder);
            // A playbook that is imported twice has its plays twice.
            (play.clone(), counted.unlike_before(place))
        });
        Self {
            places: places.collect(),
            rounds: Vec::new(),
        }
    }

    /// A round begins in which all plays up to `leave` are.
    pub(super) fn enter(&mut self, label: String) {
        self.rounds.push(label);
    }

    /// The innermost round is over.
    pub(super) fn leave(&mut self) {
        self.rounds.pop();
    }

    /// The key of `play` in the rounds that are under way.
    pub(super) fn key(&self, play: &Arc<Play>) -> String {
        let known = self
            .places
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, play));
        let mut key = match known {
            Some((_, place)) => place.clone(),
            None => place(play, &play.folder),
        };
        for round in &self.rounds {
            key.push('/');
            key.push_str(round);
        }
        key
    }
}

fn place(play: &Play, folder: &Path) -> String {
    let file = relative(play.span.source().path(), folder);
    format!("{}:{}", file.display(), play.span.position().line)
}

/// Tells apart what would be the same otherwise.
#[derive(Debug, Default)]
pub(super) struct Counted(HashMap<String, usize>);

impl Counted {
    /// `name` the first time, `name#2` the second time.
    pub(super) fn unlike_before(&mut self, name: String) -> String {
        let times = self.0.entry(name.clone()).or_default();
        *times += 1;
        match *times {
            1 => name,
            times => format!("{name}#{times}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_a_name_is_counted() {
        let mut counted = Counted::default();
        assert_eq!(counted.unlike_before("a".to_owned()), "a");
        assert_eq!(counted.unlike_before("b".to_owned()), "b");
        assert_eq!(counted.unlike_before("a".to_owned()), "a#2");
        assert_eq!(counted.unlike_before("a".to_owned()), "a#3");
    }
}
