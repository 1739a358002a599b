//! The user's own command on the shipped lab: the upgrade, its second run, its faults, and the way back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod budget;
mod bundle;
mod control_plane;
mod cordons;
mod disk;
mod drain;
mod drift;
mod events;
mod faults;
mod fleet;
mod hooks;
mod hops;
mod interrupted;
mod inventories;
mod inventory;
mod k3s;
mod killed;
mod kubeadm;
mod kubelet;
mod lab;
mod limits;
mod mirror;
mod objects;
mod preflight;
mod prober;
mod running;
mod secrets;
mod snapshot;
mod staging;
mod stopped;
mod tags;
mod versions;
