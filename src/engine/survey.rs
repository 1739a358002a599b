//! A playbook that only looks: in the place of each role that upgrades something stands the role's own `tasks/plan.yml`.
//!
//! The plays keep their hosts, variables and the user they become, so what is seen is what a run would work with; they
//! lose their batches, loops and the way back, since nothing changes. It must not know what a look brings to light.

use super::run::Run;
use crate::playbook::{Block, Item, Keywords, Play, Playbook, Role, RoleRequest};
use crate::source::Diagnostics;
use crate::template::{Variable, Variables};
use crate::yaml::Node;
use std::path::Path;
use std::sync::Arc;

/// What a role must have to be part of a plan.
const PLAN: &str = "tasks/plan.yml";

/// A playbook that only looks.
#[derive(Debug)]
pub struct Survey {
    /// Its plays; run them as any others.
    pub playbook: Playbook,
    /// What each of its plays stands for, in the same order.
    pub plays: Vec<SurveyedPlay>,
    /// Plays with hosts that no plan is made of, by name.
    pub others: Vec<String>,
    /// What the roles of the survey need to live as long as it does.
    roles: Vec<Arc<Role>>,
}

/// A play that upgrades something.
#[derive(Debug)]
pub struct SurveyedPlay {
    /// Its name.
    pub name: String,
    /// Its hosts, batch by batch.
    pub batches: Vec<Vec<String>>,
    /// Whether it is repeated in a loop.
    pub looped: bool,
    /// Whether a condition of its own, or the choice of its hosts, speaks of `kubelets`, so that it sits out the hops that kubelets do not follow.
    pub waits: bool,
}

impl Run {
    /// The survey of `playbook`.
    pub fn survey(&self, playbook: &Playbook) -> Result<Survey, SurveyError> {
        let outline = self.outline(playbook).map_err(SurveyError::Outline)?;
        let mut survey = Survey {
            playbook: Playbook {
                path: playbook.path.clone(),
                plays: Vec::new(),
            },
            plays: Vec::new(),
            others: Vec::new(),
            roles: Vec::new(),
        };
        for (play, outlined) in playbook.plays.iter().zip(outline.plays) {
            let mut found = Found::default();
            for items in [&play.pre_tasks, &play.roles, &play.tasks, &play.post_tasks] {
                found.search(items);
            }
            if outlined.hosts.is_empty() {
                continue;
            }
            if found.roles.is_empty() {
                survey.others.push(outlined.name);
                continue;
            }
            let mut looks = Vec::new();
            for (role, keywords) in &found.roles {
                looks.push(self.look(play, role, keywords, &mut survey)?);
            }
            survey
                .playbook
                .plays
                .push(Arc::new(self.only_looks(play, looks)));
            survey.plays.push(SurveyedPlay {
                name: outlined.name,
                batches: outlined.batches,
                looped: !play.loops.is_empty(),
                waits: found
                    .roles
                    .iter()
                    .flat_map(|(_, keywords)| &keywords.when)
                    .chain(&play.keywords.when)
                    .chain(std::iter::once(&play.hosts))
                    .any(|said| node_mentions(said, "kubelets")),
            });
        }
        Ok(survey)
    }

    /// The role's look, as a block in the place of the role.
    fn look(
        &self,
        play: &Play,
        role: &Role,
        keywords: &Keywords,
        survey: &mut Survey,
    ) -> Result<Item, SurveyError> {
        let load = self
            .shared()
            .loader
            .role(
                &role.name,
                &RoleRequest {
                    params: (*role.params).clone(),
                    tasks_from: Some("plan".to_owned()),
                    vars_from: None,
                    defaults_from: None,
                    handlers_from: None,
                    playbook_folder: &play.folder,
                    parent: None,
                    notify: &[],
                    span: &play.span,
                },
            )
            .map_err(SurveyError::Files)?;
        survey.roles.extend(load.roles);
        let mut keywords = keywords.clone();
        // Whether the role is wanted here is for the run to decide; a plan looks at all.
        keywords.when.clear();
        Ok(Item::Block(Arc::new(Block {
            span: play.span.clone(),
            name: None,
            keywords,
            body: load.items,
            rescue: Vec::new(),
            always: Vec::new(),
            role: Some(load.role),
        })))
    }

    fn only_looks(&self, play: &Play, looks: Vec<Item>) -> Play {
        let mut keywords = play.keywords.clone();
        keywords.when.clear();
        keywords.any_errors_fatal = None;
        let rounds: Vec<&str> = play
            .loops
            .iter()
            .map(|each| each.control.loop_var.as_deref().unwrap_or("item"))
            .filter(|name| !self.is_given(name))
            .collect();
        if !rounds.is_empty() {
            // What depends on the round is left to the inventory, which holds the end of the way.
            let mut vars = Variables::clone(&keywords.vars);
            vars.retain(|_, value| !rounds.iter().any(|name| mentions(value, name)));
            keywords.vars = Arc::new(vars);
        }
        Play {
            keywords,
            serial: None,
            max_fail_percentage: None,
            max_failures: None,
            max_unavailable: None,
            soak: None,
            loops: Vec::new(),
            pre_tasks: Vec::new(),
            roles: Vec::new(),
            tasks: looks,
            post_tasks: Vec::new(),
            handlers: Vec::new(),
            rollback: None,
            ..play.clone()
        }
    }

    /// Whether the user gives a variable by other means than a loop.
    fn is_given(&self, name: &str) -> bool {
        let shared = self.shared();
        shared.extra.contains_key(name)
            || shared
                .inventory
                .merged
                .values()
                .any(|variables| variables.contains_key(name))
    }
}

/// Why there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Keywords of plays cannot be made sense of.
    #[error("{0}")]
    Outline(String),
    /// A role's `tasks/plan.yml` is wrong.
    #[error("{0}")]
    Files(Diagnostics),
}

/// The roles of a play.
#[derive(Default)]
struct Found {
    /// Those that a plan is made of, with the keywords where they stand.
    roles: Vec<(Arc<Role>, Keywords)>,
}

impl Found {
    /// Looks from the outside in: a role that can be planned speaks for all that it is made of.
    fn search(&mut self, items: &[Item]) {
        for item in items {
            let Item::Block(block) = item else { continue };
            match &block.role {
                Some(role) if has_plan(&role.path) => {
                    let known = |(each, _): &(Arc<Role>, Keywords)| each.path == role.path;
                    if !self.roles.iter().any(known) {
                        self.roles.push((role.clone(), block.keywords.clone()));
                    }
                }
                _ => {
                    for items in [&block.body, &block.rescue, &block.always] {
                        self.search(items);
                    }
                }
            }
        }
    }
}

fn has_plan(role: &Path) -> bool {
    role.join(PLAN).is_file()
}

/// Whether a variable's templates speak of `name`.
fn mentions(value: &Variable, name: &str) -> bool {
    match value {
        Variable::Source(node) => node_mentions(node, name),
        Variable::Data(_) => false,
    }
}

fn node_mentions(node: &Node, name: &str) -> bool {
    if let Some(text) = node.as_str() {
        return text
            .split(|each: char| !each.is_alphanumeric() && each != '_')
            .any(|word| word == name);
    }
    node.as_sequence()
        .is_some_and(|items| items.iter().any(|item| node_mentions(item, name)))
        || node
            .as_mapping()
            .is_some_and(|map| map.iter().any(|(_, value)| node_mentions(value, name)))
}
