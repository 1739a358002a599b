//! What a run would take, from the files alone: hosts, batches, tasks, tags.

use super::keywords::text;
use super::lineage::{Level, Lineage};
use super::run::Run;
use super::shared::Shared;
use crate::plan::{BatchSize, batches};
use crate::playbook::{Action, Item, Playbook, Task, tags};
use crate::template::Scope;
use serde_json::Value;
use std::sync::Arc;

/// A playbook's plays.
#[derive(Debug)]
pub struct Outline {
    /// The playbook's path.
    pub playbook: String,
    /// Its plays.
    pub plays: Vec<PlayOutline>,
}

/// One play.
#[derive(Debug)]
pub struct PlayOutline {
    /// Its name.
    pub name: String,
    /// Its host pattern.
    pub pattern: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Its batches.
    pub batches: Vec<Vec<String>>,
    /// Its tasks; those of includes are known only at run time.
    pub tasks: Vec<TaskOutline>,
}

/// One task.
#[derive(Debug)]
pub struct TaskOutline {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Run {
    /// What the run would take.
    pub fn outline(&self, playbook: &Playbook) -> Result<Outline, String> {
        let shared = self.shared();
        let mut plays = Vec::new();
        for play in &playbook.plays {
            let scope = self.play_scope(play);
            let refused = |error: super::keywords::KeywordError| error.message;
            let hosts = self.hosts_of(play, &scope).map_err(refused)?;
            let render = |node: &crate::yaml::Node| {
                shared
                    .templar
                    .render(node, &scope)
                    .map_err(|error| error.message)
            };
            let pattern = match render(&play.hosts)? {
                Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
                value => text(&value),
            };
            let sizes = match &play.serial {
                None => Vec::new(),
                Some(node) => BatchSize::list(&render(node)?).map_err(|error| error.to_string())?,
            };
            let root = Lineage::play(play);
            let mut tasks = Vec::new();
            for items in [&play.pre_tasks, &play.roles, &play.tasks, &play.post_tasks] {
                collect(shared, items, &root, &scope, &mut tasks);
            }
            plays.push(PlayOutline {
                name: match &play.name {
                    Some(node) => text(&render(node)?),
                    None => pattern.clone(),
                },
                pattern,
                tags: tags_of(shared, &root, &scope),
                batches: batches(&hosts, &sizes),
                hosts,
                tasks,
            });
        }
        Ok(Outline {
            playbook: playbook.path.display().to_string(),
            plays,
        })
    }
}

fn collect(
    shared: &Arc<Shared>,
    items: &[Item],
    lineage: &Lineage,
    scope: &Scope,
    found: &mut Vec<TaskOutline>,
) {
    for item in items {
        match item {
            Item::Task(task) => {
                let lineage = lineage.within(Level::Task(task.clone()));
                let tags = tags_of(shared, &lineage, scope);
                let settings = &shared.settings;
                if tags::selected(&tags, &settings.tags, &settings.skip_tags)
                    && !matches!(task.action, Action::Meta(_))
                {
                    found.push(TaskOutline {
                        name: name_of(task),
                        tags,
                    });
                }
            }
            Item::Block(block) => {
                let lineage = lineage.within(Level::Block(block.clone()));
                for items in [&block.body, &block.rescue, &block.always] {
                    collect(shared, items, &lineage, scope, found);
                }
            }
        }
    }
}

/// The name as it is written: hosts may differ in what its templates mean.
fn name_of(task: &Arc<Task>) -> String {
    let action = match &task.action {
        Action::Module { spec, .. } => spec.name,
        Action::IncludeTasks(_) => "include_tasks",
        Action::IncludeRole(_) => "include_role",
        Action::Meta(_) => "meta",
    };
    let name = task
        .name
        .as_ref()
        .and_then(|node| node.as_str())
        .unwrap_or(action);
    match &task.role {
        Some(role) => format!("{} : {name}", role.name),
        None => name.to_owned(),
    }
}

fn tags_of(shared: &Arc<Shared>, lineage: &Lineage, scope: &Scope) -> Vec<String> {
    let mut tags = Vec::new();
    for node in lineage.tags() {
        match shared.templar.render(node, scope) {
            Ok(Value::Array(items)) => tags.extend(items.iter().map(text)),
            Ok(value) => tags.extend(text(&value).split(',').map(|tag| tag.trim().to_owned())),
            Err(_) => tags.push(node.span.text().to_owned()),
        }
    }
    tags.sort();
    tags.dedup();
    tags
}
