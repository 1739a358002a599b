//! The user's own command on the shipped lab: the upgrade, its second run, its faults, and the way back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod bundle;
mod faults;
mod fleet;
mod killed;
mod lab;
