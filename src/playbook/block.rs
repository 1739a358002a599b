//! `block`, `rescue` and `always`.

use super::ast::{Block, Item};
use super::keywords::Level;
use super::reader::{Place, Reader};
use super::role;
use crate::yaml::{Mapping, Node};
use std::sync::Arc;

/// The key that makes a mapping a block.
pub(super) fn keyword(mapping: &Mapping) -> Option<&Node> {
    ["block", "rescue", "always"]
        .iter()
        .find_map(|name| mapping.entry(name))
        .map(|(key, _)| key)
}

impl Reader<'_> {
    pub(super) fn block(&mut self, node: &Node, mapping: &Mapping, place: &Place) -> Item {
        self.known_keys(mapping, Level::Block);
        if let (None, Some(key)) = (mapping.get("block"), keyword(mapping)) {
            let name = key.key_text();
            self.error(
                "no-block",
                format!("`{name}` stands beside no `block`"),
                &key.span,
            );
        }
        let keywords = self.keywords(mapping);
        let inner = Place {
            notify: self.notify(mapping.get("notify"), place),
            guarded: place.guarded || !keywords.when.is_empty(),
            chain: role::chain(&place.chain, &keywords),
            ..place.clone()
        };
        let name = self.name(mapping);
        let mut section = |key: &str| {
            let Some(items) = mapping.get(key) else {
                return Vec::new();
            };
            // What stands in `rescue` may never run.
            let chain = match key {
                "rescue" => format!("{} rescue", inner.chain),
                _ => inner.chain.clone(),
            };
            let place = Place {
                chain,
                ..inner.clone()
            };
            self.items(key, items, &place)
        };
        Item::Block(Arc::new(Block {
            span: node.span.clone(),
            name,
            keywords,
            body: section("block"),
            rescue: section("rescue"),
            always: section("always"),
            role: place.role.clone(),
        }))
    }
}
