//! Where a role starts: its dependencies stand first, then its variables are checked against its argument spec.

use super::action::Called;
use super::batch::{Batch, lost};
use super::host::Host;
use super::keywords::Words;
use super::lineage::{Level, Lineage};
use super::result::{Finished, finish};
use super::task::TaskRun;
use super::variables::task_scope;
use crate::module::Outcome;
use crate::playbook::{Action, ArgumentSpec, Item, Role, Task};
use crate::template::Scope;
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;

/// The blocks of the roles that `role` depends on, and its own items.
pub(super) fn split<'i>(role: &Arc<Role>, items: &'i [Item]) -> (&'i [Item], &'i [Item]) {
    let depends = |item: &&Item| match item {
        Item::Block(block) => block.role.as_ref().is_some_and(|other| {
            let parent = other.parent.as_ref().and_then(std::sync::Weak::upgrade);
            !Arc::ptr_eq(other, role) && parent.is_some_and(|parent| Arc::ptr_eq(&parent, role))
        }),
        Item::Task(_) => false,
    };
    items.split_at(items.iter().take_while(depends).count())
}

impl Batch {
    /// Checks the role's variables on each host, as a task of its own; a host where they do not fit fails.
    ///
    /// The task is tagged `always`, as the reference has it, but a role of whose `items` the tags choose none is not entered:
    /// its condition may be about what a task that was left out would have found.
    pub(super) async fn check_arguments(
        &mut self,
        role: &Arc<Role>,
        items: &[Item],
        lineage: &Lineage,
        hosts: &[Arc<Host>],
    ) {
        let mut hosts = super::batch::active(hosts);
        let settings = &self.shared.settings;
        let is_tagged = !(settings.tags.is_empty() && settings.skip_tags.is_empty());
        let chosen = |first: &Arc<Host>| self.chooses(items, lineage, first);
        if is_tagged && !items.is_empty() && !hosts.first().is_some_and(chosen) {
            return;
        }
        if role.params.is_empty() && role.argument_spec.is_some() {
            // A role that several others depend on is checked once on each host.
            hosts.retain(|host| {
                let key = (role.path.clone(), host.name.clone());
                self.checked_roles.insert(key)
            });
        }
        let (Some(spec), Some(first)) = (&role.argument_spec, hosts.first()) else {
            return;
        };
        let task = check_task(role, spec);
        let lineage = lineage.within(Level::Task(task.clone()));
        let scope = task_scope(&self.shared, &self.play, first, &lineage);
        if !self.selected(&lineage, &scope) {
            return;
        }
        let run = self.start(&task, &lineage, &scope, &hosts);
        let lost_before = lost(&hosts);
        for host in &hosts {
            let scope = task_scope(&self.shared, &self.play, host, &lineage);
            let finished = check(&run, spec, &scope);
            run.settle(host, &scope, finished, Duration::ZERO).await;
        }
        let fatal = self.is_fatal(&lineage, &hosts);
        self.after(&run.name, &hosts, fatal, lost_before);
    }

    /// Whether the tags choose any of the tasks.
    fn chooses(&self, items: &[Item], lineage: &Lineage, host: &Arc<Host>) -> bool {
        items.iter().any(|item| match item {
            Item::Task(task) => {
                let lineage = lineage.within(Level::Task(task.clone()));
                let scope = task_scope(&self.shared, &self.play, host, &lineage);
                self.selected(&lineage, &scope)
            }
            Item::Block(block) => {
                let lineage = lineage.within(Level::Block(block.clone()));
                [&block.body, &block.rescue, &block.always]
                    .into_iter()
                    .any(|items| self.chooses(items, &lineage, host))
            }
        })
    }
}

fn check(run: &TaskRun, spec: &ArgumentSpec, scope: &Scope) -> Finished {
    let templar = &run.shared.templar;
    let words = Words {
        templar,
        lineage: &run.lineage,
        scope,
    };
    match words.unmet_condition() {
        Ok(None) => {}
        Ok(Some(condition)) => return Finished::skipped(&condition),
        Err(error) => return finish(Called::from(error)),
    }
    let mut given = Map::new();
    let mut wrong = Vec::new();
    for name in spec.names() {
        match templar.variable(name, scope) {
            Ok(None) => {}
            Ok(Some(value)) => {
                given.insert(name.to_owned(), value);
            }
            Err(error) => wrong.push(format!("argument `{name}`: {}", error.message)),
        }
    }
    wrong.extend(spec.check(&given));
    let mut result = Map::new();
    if wrong.is_empty() {
        result.insert("msg".to_owned(), json!("The arg spec validation passed"));
        return finish(Called::Done(Box::new(Outcome {
            result,
            ..Outcome::default()
        })));
    }
    result.insert("argument_errors".to_owned(), json!(wrong));
    finish(Called::Failed {
        message: format!("Validation of arguments failed:\n{}", wrong.join("\n")),
        result,
    })
}

/// The task, named as the reference names it.
fn check_task(role: &Arc<Role>, spec: &ArgumentSpec) -> Arc<Task> {
    let about = spec
        .short_description()
        .map_or_else(String::new, |about| format!(" - {about}"));
    let name = format!(
        "Validating arguments against arg spec '{}'{about}",
        spec.entry()
    );
    Arc::new(Task::built_in(
        &name,
        Action::Meta("validate_argument_spec".to_owned()),
        Some(role.clone()),
        role.path.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Keywords;
    use crate::yaml::Node;

    #[test]
    fn only_leading_blocks_of_dependencies_are_split_off() {
        let role = |name: &str, parent: Option<&Arc<Role>>| {
            Arc::new(Role {
                name: name.to_owned(),
                path: name.into(),
                defaults: Arc::default(),
                vars: Arc::default(),
                params: Arc::default(),
                parent: parent.map(Arc::downgrade),
                argument_spec: None,
            })
        };
        let block = |role: &Arc<Role>| {
            Item::Block(Arc::new(crate::playbook::Block {
                span: Node::text("<test>", "").span,
                name: None,
                keywords: Keywords::default(),
                body: Vec::new(),
                rescue: Vec::new(),
                always: Vec::new(),
                role: Some(role.clone()),
            }))
        };
        let own = role("own", None);
        let needed = role("needed", Some(&own));
        let items = [block(&needed), block(&own), block(&needed)];
        let (before, after) = split(&own, &items);
        assert_eq!((before.len(), after.len()), (1, 2));
    }
}
