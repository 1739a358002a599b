//! The tasks of a playbook in order, for lists that run nothing.

use super::ast::{Item, Keywords, Play, Playbook, Task};
use super::tags;
use std::sync::Arc;

/// One task with what it inherits.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its play.
    pub play: Arc<Play>,
    /// The task.
    pub task: Arc<Task>,
    /// Tags of the play, the roles and blocks around it, and its own, each once.
    pub tags: Vec<String>,
}

/// All tasks known before the run, in the order in which they would run; handlers are not among them.
pub fn task_list(playbook: &Playbook) -> Vec<Listed> {
    let mut listed = Vec::new();
    for play in &playbook.plays {
        let inherited = with(&[], &play.keywords);
        for items in [&play.pre_tasks, &play.roles, &play.tasks, &play.post_tasks] {
            collect(play, items, &inherited, &mut listed);
        }
    }
    listed
}

fn collect(play: &Arc<Play>, items: &[Item], inherited: &[String], listed: &mut Vec<Listed>) {
    for item in items {
        match item {
            Item::Task(task) => listed.push(Listed {
                play: play.clone(),
                task: task.clone(),
                tags: with(inherited, &task.keywords),
            }),
            Item::Block(block) => {
                let tags = with(inherited, &block.keywords);
                for items in [&block.body, &block.rescue, &block.always] {
                    collect(play, items, &tags, listed);
                }
            }
        }
    }
}

fn with(inherited: &[String], keywords: &Keywords) -> Vec<String> {
    let mut all = inherited.to_vec();
    for tag in tags::names(&keywords.tags) {
        if !all.contains(&tag) {
            all.push(tag);
        }
    }
    all
}
