//! The network of the containers: one bridge with a subnet that nothing else on this machine uses.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// A bridge; this machine has the first address of its subnet.
pub(crate) struct Network {
    pub(crate) bridge: String,
    subnet: [u8; 3],
    /// The last address that was given away.
    last: AtomicU8,
}

impl Network {
    /// Makes the bridge. It has no way out: no route, no address translation.
    pub(crate) fn make(bridge: &str) -> Self {
        let taken =
            ip(&["-4", "-o", "route", "show", "table", "all"]) + &ip(&["-4", "-o", "address"]);
        let subnet = (0..=255)
            .map(|third| [10, 213, third])
            .find(|[a, b, c]| !taken.contains(&format!("{a}.{b}.{c}.")))
            .expect("a free subnet of 10.213.0.0/16");
        let network = Self {
            bridge: bridge.to_owned(),
            subnet,
            last: AtomicU8::new(1),
        };
        ip(&["link", "add", bridge, "type", "bridge"]);
        let address = format!("{}/24", network.gateway());
        ip(&["address", "add", &address, "dev", bridge]);
        ip(&["link", "set", bridge, "up"]);
        network
    }

    /// This machine's address on the bridge.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        self.address(1)
    }

    /// An address that no other host has, and its number.
    pub(crate) fn next(&self) -> (u8, Ipv4Addr) {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        (number, self.address(number))
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, last)
    }
}

/// Cuts the link of a container, or mends it.
pub(crate) fn set_link(machine: &str, up: bool) {
    ip(&[
        "link",
        "set",
        &format!("vb-{machine}"),
        if up { "up" } else { "down" },
    ]);
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
