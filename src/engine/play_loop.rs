//! Plays in order; those that share a `loop` go round together.
//!
//! A loop is rendered when its turn comes, with the variables of the first host that its plays run on: facts that earlier
//! plays have set are known by then. The loop's own variables are stronger than all others while its plays run.

use super::host::Host;
use super::keywords::KeywordError;
use super::lineage::Lineage;
use super::play::PlayRun;
use super::play_key::Counted;
use super::repeat::{Round, label, rounds};
use super::run::Run;
use super::variables::task_scope;
use crate::playbook::{Play, PlayLoop};
use crate::template::Variables;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

impl Run {
    /// Runs plays; loops further out than `depth` are under way already.
    pub(super) fn plays<'a>(
        &'a mut self,
        plays: &'a [Arc<Play>],
        depth: usize,
    ) -> BoxFuture<'a, ()> {
        async move {
            let mut rest = plays;
            while let Some(first) = rest.first() {
                let Some(around) = first.loops.get(depth) else {
                    self.play_or_leave(first).await;
                    rest = &rest[1..];
                    continue;
                };
                let shares = |play: &&Arc<Play>| {
                    let other = play.loops.get(depth);
                    other.is_some_and(|other| Arc::ptr_eq(other, around))
                };
                let (group, later) = rest.split_at(rest.iter().take_while(shares).count());
                self.group(around, group, depth).await;
                rest = later;
            }
        }
        .boxed()
    }

    /// Runs the plays of one loop, round after round.
    async fn group(&mut self, around: &PlayLoop, group: &[Arc<Play>], depth: usize) {
        let rounds = match self.rounds_of(around, group) {
            Ok(rounds) => rounds,
            Err(error) => return self.refuse(error),
        };
        let outer = self.shared().round();
        let mut labels = Counted::default();
        for round in rounds {
            let mut variables = Variables::clone(&outer);
            variables.extend(round.variables);
            self.shared().set_round(Arc::new(variables));
            if let Some(first) = group.first() {
                let scope = self.play_scope(first);
                let templar = &self.shared().templar;
                let label = label(templar, &around.control, &round.item, &scope);
                self.keys.enter(labels.unlike_before(label));
            }
            self.plays(group, depth + 1).await;
            self.keys.leave();
            if self.is_over() {
                break;
            }
        }
        self.shared().set_round(outer);
    }

    /// The rounds of a loop; none when no host takes part in its plays.
    fn rounds_of(
        &mut self,
        around: &PlayLoop,
        group: &[Arc<Play>],
    ) -> Result<Vec<Round>, KeywordError> {
        for play in group {
            let scope = self.play_scope(play);
            let listed = self.hosts_of(play, &scope)?;
            if self.is_over() {
                self.leave_pending(play);
                continue;
            }
            let Some(host) = self.first_of(&listed) else {
                continue;
            };
            self.has_matched();
            let shared = self.shared().clone();
            let clusters = self.clusters(play);
            let run = PlayRun::new(&shared, play, "", vec![host.clone()], &listed, &clusters);
            let lineage = Lineage::play(play);
            run.read_files(
                &shared.templar,
                &host.name,
                &task_scope(&shared, &run, &host, &lineage),
            )?;
            let scope = task_scope(&shared, &run, &host, &lineage);
            return rounds(&shared.templar, &around.over, &around.control, &scope);
        }
        Ok(Vec::new())
    }

    fn first_of(&self, names: &[String]) -> Option<Arc<Host>> {
        names
            .iter()
            .filter_map(|name| self.shared().known(name))
            .find(|host| super::run::takes_part(host))
            .cloned()
    }
}
