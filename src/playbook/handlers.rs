//! Which handlers there are, and whether each static `notify` finds one.

use super::ast::{Action, Item, Task};
use super::checks;
use super::reader::{Gathered, Place, Reader};
use crate::source::{Diagnostic, did_you_mean};
use crate::yaml::{Mapping, Node};
use std::collections::BTreeSet;

/// The handlers that are known before the run.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// Names, `role : name` and topics.
    pub(super) names: BTreeSet<String>,
    /// Whether a template or an include may define more of them.
    pub(super) open: bool,
}

impl Known {
    /// Adds the handlers in `items`.
    pub(super) fn add(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Task(task) => self.add_task(task),
                Item::Block(block) => self.add(&block.body),
            }
        }
    }

    fn add_task(&mut self, task: &Task) {
        // An included file's handlers can be notified too, once it is included.
        self.open |= matches!(
            task.action,
            Action::IncludeTasks(_) | Action::IncludeRole(_)
        );
        for node in task.name.iter().chain(&task.listen) {
            if checks::is_template(node) {
                self.open = true;
            }
            let name = node.key_text();
            if let Some(role) = &task.role {
                self.names.insert(format!("{} : {name}", role.name));
            }
            self.names.insert(name);
        }
    }
}

impl Reader<'_> {
    /// Reads `notify`; without one, that of the blocks around holds.
    pub(super) fn notify(&mut self, node: Option<&Node>, place: &Place) -> Vec<Node> {
        let Some(node) = node.filter(|node| !node.is_null()) else {
            return place.notify.clone();
        };
        let mut mapping = Mapping::default();
        mapping.insert(Node::text("notify", "notify"), node.clone());
        let names = self.names_of(&mapping, "notify");
        self.gathered
            .notified
            .extend(names.iter().filter(|each| !checks::is_open(each)).cloned());
        names
    }

    /// Refuses a `notify` that no handler of the play answers to.
    pub(super) fn check_notified(&mut self, gathered: &Gathered, handlers: &[Item]) {
        let mut known = gathered.included_names.clone();
        known.add(handlers);
        if known.open {
            return;
        }
        for node in &gathered.notified {
            let name = node.key_text();
            if known.names.contains(&name) {
                continue;
            }
            let mut diagnostic = Diagnostic::error(
                "unknown-handler",
                format!("no handler is called `{name}` or listens to it"),
            )
            .at(&node.span, "");
            diagnostic = match did_you_mean(&name, known.names.iter().map(String::as_str)) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint("handlers stand under `handlers` of the play or in `handlers/main.yml` of a role"),
            };
            self.push(diagnostic);
        }
    }
}
