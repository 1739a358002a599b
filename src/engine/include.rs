//! `include_tasks` and `include_role`: files that are known only at run time.
//!
//! Hosts that include the same thing with the same variables go through it together.

use super::action::Called;
use super::batch::{Batch, lost};
use super::host::Host;
use super::keywords::{KeywordError, Words, text, truth};
use super::lineage::{Level, Lineage};
use super::repeat;
use super::result::{Finished, finish};
use super::task::TaskRun;
use super::variables::task_scope;
use crate::event::Kind;
use crate::playbook::{
    Include, Item, Keywords, RoleInclude, RoleLoad, RoleRequest, Task, TaskRequest,
};
use crate::source::Diagnostics;
use crate::template::{Scope, Variables};
use crate::yaml::Node;
use serde_json::Value;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// One thing to include, and the hosts that do.
struct Group {
    /// File or role, and the `*_from` of a role.
    names: Vec<Option<String>>,
    /// What tells groups apart: the values of the loop's variables.
    item: Option<Value>,
    variables: Variables,
    hosts: Vec<Arc<Host>>,
}

impl Batch {
    /// `include_tasks`.
    pub(super) async fn include_tasks(
        &mut self,
        task: &Arc<Task>,
        include: &Include,
        lineage: &Lineage,
        hosts: &[Arc<Host>],
    ) {
        let run = self.announce(task, lineage, hosts);
        for group in self.groups(&run, &[Some(&include.file)], hosts).await {
            let file = group.names[0].clone().unwrap_or_default();
            let loaded = self.shared.loader.tasks(&TaskRequest {
                file: &file,
                folder: &task.folder,
                playbook_folder: &self.play.play.folder,
                role: task.role.clone(),
                handlers: self.in_handlers,
                notify: &include.notify,
                span: &include.file.span,
            });
            match loaded {
                Ok(load) => {
                    let inner = inner(lineage, &include.apply, task, &group.variables);
                    self.included(&file, &inner, load.handlers, &group.hosts);
                    self.items(&load.items, inner, group.hosts).await;
                }
                Err(diagnostics) => {
                    self.cannot_include(&run, &diagnostics, &group.hosts).await;
                }
            }
        }
    }

    /// `include_role`.
    pub(super) async fn include_role(
        &mut self,
        task: &Arc<Task>,
        include: &RoleInclude,
        lineage: &Lineage,
        hosts: &[Arc<Host>],
    ) {
        let run = self.announce(task, lineage, hosts);
        let names = [
            Some(&include.name),
            include.tasks_from.as_ref(),
            include.vars_from.as_ref(),
            include.defaults_from.as_ref(),
            include.handlers_from.as_ref(),
            include.public.as_ref(),
            include.validate.as_ref(),
        ];
        for group in self.groups(&run, &names, hosts).await {
            let name = group.names[0].clone().unwrap_or_default();
            let loaded = self.shared.loader.role(
                &name,
                &RoleRequest {
                    params: Variables::new(),
                    tasks_from: group.names[1].clone(),
                    vars_from: group.names[2].clone(),
                    defaults_from: group.names[3].clone(),
                    handlers_from: group.names[4].clone(),
                    playbook_folder: &self.play.play.folder,
                    parent: task.role.clone(),
                    notify: &include.notify,
                    span: &include.name.span,
                },
            );
            match loaded {
                Ok(mut load) => {
                    let inner = inner(lineage, &include.apply, task, &group.variables);
                    let handlers = std::mem::take(&mut load.handlers);
                    self.included(&name, &inner, handlers, &group.hosts);
                    let asked = |at: usize, or: bool| match &group.names[at] {
                        None => or,
                        Some(text) => truth(&Value::from(text.as_str())).unwrap_or(or),
                    };
                    if asked(5, false) {
                        self.play.make_public(&load.role);
                    }
                    self.included_role(&load, inner, &group.hosts, asked(6, true))
                        .await;
                    // What the role's parents point to must outlive its tasks.
                    drop(load.roles);
                }
                Err(diagnostics) => {
                    self.cannot_include(&run, &diagnostics, &group.hosts).await;
                }
            }
        }
    }

    fn announce(&self, task: &Arc<Task>, lineage: &Lineage, hosts: &[Arc<Host>]) -> TaskRun {
        let scope = hosts.first().map_or_else(Scope::default, |host| {
            task_scope(&self.shared, &self.play, host, lineage)
        });
        self.start(task, lineage, &scope, hosts)
    }

    /// Runs an included role: what it depends on, the check of its variables, its tasks.
    async fn included_role(
        &mut self,
        load: &RoleLoad,
        lineage: Lineage,
        hosts: &[Arc<Host>],
        validate: bool,
    ) {
        let (dependencies, own) = super::role_start::split(&load.role, &load.items);
        self.items(dependencies, lineage.clone(), hosts.to_vec())
            .await;
        if validate {
            self.check_arguments(&load.role, own, &lineage, hosts).await;
        }
        self.items(own, lineage, hosts.to_vec()).await;
    }

    fn included(&self, what: &str, lineage: &Lineage, handlers: Vec<Item>, hosts: &[Arc<Host>]) {
        for host in hosts {
            host.state().counts.ok += 1;
        }
        self.shared.events.emit(Kind::Included {
            what: what.to_owned(),
            hosts: hosts.iter().map(|host| host.name.clone()).collect(),
        });
        if !handlers.is_empty() {
            self.play
                .more_handlers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((lineage.clone(), handlers));
        }
    }

    /// What each host includes; hosts that skip or cannot tell are dealt with here.
    async fn groups(
        &mut self,
        run: &TaskRun,
        names: &[Option<&Node>],
        hosts: &[Arc<Host>],
    ) -> Vec<Group> {
        let lost_before = lost(hosts);
        let mut groups: Vec<Group> = Vec::new();
        for host in hosts {
            let scope = task_scope(&self.shared, &self.play, host, &run.lineage);
            match self.wishes(run, names, &scope) {
                Err(error) => {
                    run.settle(host, &scope, finish(Called::from(error)), Duration::ZERO)
                        .await;
                }
                Ok(wishes) if wishes.is_empty() => {
                    run.settle(host, &scope, Finished::skipped("include"), Duration::ZERO)
                        .await;
                }
                Ok(wishes) => {
                    for mut wish in wishes {
                        let same = |group: &&mut Group| {
                            group.names == wish.names && group.item == wish.item
                        };
                        if let Some(group) = groups.iter_mut().find(same) {
                            group.hosts.push(host.clone());
                        } else {
                            wish.hosts.push(host.clone());
                            groups.push(wish);
                        }
                    }
                }
            }
        }
        let fatal = self.is_fatal(&run.lineage, hosts);
        self.after(&run.name, hosts, fatal, lost_before);
        groups
    }

    /// What one host includes: once, or once per item of a loop.
    fn wishes(
        &self,
        run: &TaskRun,
        names: &[Option<&Node>],
        scope: &Scope,
    ) -> Result<Vec<Group>, KeywordError> {
        let templar = &self.shared.templar;
        let rounds = match &run.task.repeat {
            None => vec![(None, Variables::new())],
            Some(over) => repeat::rounds(templar, over, &run.task.loop_control, scope)?
                .into_iter()
                .map(|round| (Some(round.item), round.variables))
                .collect(),
        };
        let mut wishes = Vec::new();
        for (item, variables) in rounds {
            let scope = scope.with(variables.clone());
            let words = Words {
                templar,
                lineage: &run.lineage,
                scope: &scope,
            };
            if words.unmet_condition()?.is_some() {
                continue;
            }
            let names = names
                .iter()
                .map(|name| match name {
                    None => Ok(None),
                    Some(node) => Ok(templar.render_or_omit(node, &scope)?.as_ref().map(text)),
                })
                .collect::<Result<_, KeywordError>>()?;
            wishes.push(Group {
                names,
                item,
                variables,
                hosts: Vec::new(),
            });
        }
        Ok(wishes)
    }

    async fn cannot_include(
        &mut self,
        run: &TaskRun,
        diagnostics: &Diagnostics,
        hosts: &[Arc<Host>],
    ) {
        let lost_before = lost(hosts);
        for host in hosts {
            let scope = task_scope(&self.shared, &self.play, host, &run.lineage);
            let called = Called::failed(diagnostics.to_string());
            run.settle(host, &scope, finish(called), Duration::ZERO)
                .await;
        }
        let fatal = self.is_fatal(&run.lineage, hosts);
        self.after(&run.name, hosts, fatal, lost_before);
    }
}

/// The levels around included items: those around the include, `apply`, and the include's variables.
///
/// Keywords of the include itself concern the include only, as in the reference.
fn inner(lineage: &Lineage, apply: &Keywords, task: &Arc<Task>, variables: &Variables) -> Lineage {
    lineage
        .outer()
        .within(Level::Variables(task.keywords.vars.clone()))
        .within(Level::Variables(Arc::new(variables.clone())))
        .within(Level::Apply(Arc::new(apply.clone())))
}
