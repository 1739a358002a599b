//! The user's own command on the shipped lab: the upgrade, its second run, its faults, and the way back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(
    dead_code,
    reason = "scenarios that are still to come use the rest of the harness"
)]

mod bundle;
mod control_plane;
mod cordons;
mod disk;
mod drain;
mod events;
mod faults;
mod fleet;
mod hooks;
mod hops;
mod interrupted;
mod inventory;
mod killed;
mod kubeadm;
mod kubelet;
mod lab;
mod objects;
mod preflight;
mod prober;
mod running;
mod snapshot;
mod staging;
mod stopped;
mod versions;
