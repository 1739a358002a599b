//! `order`: which host comes first.

use std::hash::{BuildHasher, RandomState};

/// A play's `order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the inventory lists them.
    #[default]
    Inventory,
    /// The other way round.
    ReverseInventory,
    /// By name.
    Sorted,
    /// By name, the other way round.
    ReverseSorted,
    /// By chance.
    Shuffle,
}

impl Order {
    /// The names that `order` takes.
    pub const NAMES: [&'static str; 5] = [
        "inventory",
        "reverse_inventory",
        "sorted",
        "reverse_sorted",
        "shuffle",
    ];

    /// The order that Ansible calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "inventory" => Some(Self::Inventory),
            "reverse_inventory" => Some(Self::ReverseInventory),
            "sorted" => Some(Self::Sorted),
            "reverse_sorted" => Some(Self::ReverseSorted),
            "shuffle" => Some(Self::Shuffle),
            _ => None,
        }
    }
}

/// Puts `hosts`, given in inventory order, into `order`.
pub fn order(hosts: &mut [String], order: Order) {
    match order {
        Order::Inventory => {}
        Order::ReverseInventory => hosts.reverse(),
        Order::Sorted => hosts.sort(),
        Order::ReverseSorted => hosts.sort_by(|a, b| b.cmp(a)),
        Order::Shuffle => {
            let chance = RandomState::new();
            hosts.sort_by_key(|host| chance.hash_one(host));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_ordered() {
        let given = || ["b", "c", "a"].map(str::to_owned);
        let ordered = |by| {
            let mut hosts = given();
            order(&mut hosts, by);
            hosts.join("")
        };
        assert_eq!(ordered(Order::Inventory), "bca");
        assert_eq!(ordered(Order::ReverseInventory), "acb");
        assert_eq!(ordered(Order::Sorted), "abc");
        assert_eq!(ordered(Order::ReverseSorted), "cba");
        assert_eq!(ordered(Order::Shuffle).len(), 3);
    }
}
