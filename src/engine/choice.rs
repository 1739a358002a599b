//! The hosts of a play: its pattern, what the user limits it to, and their order.

use super::keywords::{KeywordError, text};
use super::run::Run;
use crate::event::Kind;
use crate::inventory::{Pattern, Unmatched};
use crate::plan::{Order, order};
use crate::playbook::Play;
use crate::template::Scope;
use serde_json::Value;
use std::sync::Arc;

impl Run {
    /// The hosts of a play that still take part, in order.
    pub(super) fn hosts_of(
        &self,
        play: &Arc<Play>,
        scope: &Scope,
    ) -> Result<Vec<String>, KeywordError> {
        let (hosts, unmatched) = self.select(play, scope)?;
        for unmatched in unmatched {
            self.shared().events.emit(Kind::Warning {
                host: None,
                message: unmatched.to_string(),
            });
        }
        Ok(hosts)
    }

    /// The same without a word on patterns that match nothing.
    pub(super) fn hosts_quietly(
        &self,
        play: &Arc<Play>,
        scope: &Scope,
    ) -> Result<Vec<String>, KeywordError> {
        self.select(play, scope).map(|(hosts, _)| hosts)
    }

    fn select(
        &self,
        play: &Arc<Play>,
        scope: &Scope,
    ) -> Result<(Vec<String>, Vec<Unmatched>), KeywordError> {
        let shared = self.shared();
        let at = |message: String| KeywordError {
            message,
            span: Some(play.hosts.span.clone()),
        };
        let parts = match shared.templar.render(&play.hosts, scope)? {
            Value::Array(items) => items.iter().map(text).collect(),
            value => vec![text(&value)],
        };
        let pattern = Pattern::from_list(&parts).map_err(|error| at(error.to_string()))?;
        let selection = shared
            .inventory
            .select(&pattern, None)
            .map_err(|error| at(error.to_string()))?;
        let mut hosts: Vec<String> = selection
            .hosts
            .into_iter()
            .filter(|name| {
                let limit = shared.settings.limit.as_ref();
                limit.is_none_or(|limit| limit.contains(name))
            })
            .collect();
        if let Some(node) = &play.order {
            let name = text(&shared.templar.render(node, scope)?);
            let by = Order::from_name(&name).ok_or_else(|| KeywordError {
                message: format!(
                    "`order` is one of {}, not `{name}`",
                    Order::NAMES.join(", ")
                ),
                span: Some(node.span.clone()),
            })?;
            order(&mut hosts, by);
        }
        Ok((hosts, selection.unmatched))
    }
}
