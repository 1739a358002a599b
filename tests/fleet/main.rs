//! The shipped playbooks on real hosts: containers booted with systemd and OpenSSH, reached as any host is.
//!
//! They run only with `WINDLASS_TEST_FLEET=1` and as root. The containers, their network and their files are made here
//! and gone afterwards, also when the tests are killed. What a host runs (kubelet, API server, k3s) are small stand-in
//! services under real units; the API that they belong to is the lab's. Hosts that would disturb each other are not
//! shared: every test has hosts of its own, and only the API server is common.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod artifacts;
mod base;
mod cluster;
mod crashes;
mod disk;
mod fleet;
mod host;
mod inventory;
mod k3s;
mod killed;
mod link;
mod network;
mod operator;
mod place;
mod reports;
mod schedule;
mod services;
mod upgrade;
mod way_back;

/// Ends a test that is not wanted or cannot run here; says why.
macro_rules! or_skip {
    ($fleet:expr) => {
        match $fleet {
            Ok(fleet) => fleet,
            Err(why) => {
                println!("skipped: {why}");
                return;
            }
        }
    };
}
pub(crate) use or_skip;
