//! The levels a task stands in, from the play inwards, and what their keywords say together.

use crate::playbook::{Block, Keywords, Play, Role, Task};
use crate::template::Variables;
use crate::yaml::Node;
use std::sync::Arc;

/// One level around a task, or the task itself.
#[derive(Clone)]
pub(super) enum Level {
    /// The play.
    Play(Arc<Play>),
    /// A block; also a role or an import.
    Block(Arc<Block>),
    /// The `apply` of an include.
    Apply(Arc<Keywords>),
    /// Variables that an include hands to what it includes.
    Variables(Arc<Variables>),
    /// The task.
    Task(Arc<Task>),
}

impl Level {
    fn keywords(&self) -> Option<&Keywords> {
        match self {
            Self::Play(play) => Some(&play.keywords),
            Self::Block(block) => Some(&block.keywords),
            Self::Apply(keywords) => Some(keywords),
            Self::Variables(_) => None,
            Self::Task(task) => Some(&task.keywords),
        }
    }

    /// The variables of this level alone, `Play` apart: those of a play are weaker than its roles'.
    fn variables(&self) -> Option<&Arc<Variables>> {
        match self {
            Self::Play(_) | Self::Variables(_) => None,
            Self::Block(block) => Some(&block.keywords.vars),
            Self::Apply(keywords) => Some(&keywords.vars),
            Self::Task(task) => Some(&task.keywords.vars),
        }
    }

    fn role(&self) -> Option<&Arc<Role>> {
        match self {
            Self::Block(block) => block.role.as_ref(),
            Self::Task(task) => task.role.as_ref(),
            Self::Play(_) | Self::Apply(_) | Self::Variables(_) => None,
        }
    }
}

/// All levels, the outermost first.
#[derive(Clone, Default)]
pub(super) struct Lineage {
    levels: Vec<Level>,
}

impl Lineage {
    /// Only the play.
    pub(super) fn play(play: &Arc<Play>) -> Self {
        Self {
            levels: vec![Level::Play(play.clone())],
        }
    }

    /// One level further in.
    #[must_use]
    pub(super) fn within(&self, level: Level) -> Self {
        let mut levels = Vec::with_capacity(self.levels.len() + 1);
        levels.extend_from_slice(&self.levels);
        levels.push(level);
        Self { levels }
    }

    /// Without the innermost level.
    pub(super) fn outer(&self) -> Self {
        let mut levels = self.levels.clone();
        levels.pop();
        Self { levels }
    }

    /// Keywords of all levels, the outermost first.
    pub(super) fn keywords(&self) -> impl DoubleEndedIterator<Item = &Keywords> {
        self.levels.iter().filter_map(Level::keywords)
    }

    /// The innermost level's word on something.
    pub(super) fn innermost(&self, pick: impl Fn(&Keywords) -> Option<&Node>) -> Option<&Node> {
        self.keywords().rev().find_map(pick)
    }

    /// What includes hand to what they include, the innermost first: stronger than facts that were set.
    pub(super) fn include_variables(&self) -> impl Iterator<Item = &Arc<Variables>> {
        self.levels
            .iter()
            .rev()
            .filter_map(|level| match level {
                Level::Variables(variables) => Some(variables),
                _ => None,
            })
            .filter(|variables| !variables.is_empty())
    }

    /// Variables of all levels but the play's and those of includes, the innermost first.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Arc<Variables>> {
        self.levels
            .iter()
            .rev()
            .filter_map(Level::variables)
            .filter(|variables| !variables.is_empty())
    }

    /// The roles around the task, the innermost first, each once.
    pub(super) fn roles(&self) -> Vec<&Arc<Role>> {
        let mut roles: Vec<&Arc<Role>> = Vec::new();
        for role in self.levels.iter().rev().filter_map(Level::role) {
            if !roles.iter().any(|seen| Arc::ptr_eq(seen, role)) {
                roles.push(role);
            }
        }
        roles
    }

    /// All tags of all levels, as they are written.
    pub(super) fn tags(&self) -> impl Iterator<Item = &Node> {
        self.keywords().flat_map(|keywords| &keywords.tags)
    }
}
