//! One host of a lab: its folder, what it is made of at first, and what can be seen of it.
//!
//! This room knows files. It must not know SSH.

mod config;
mod layout;
mod observe;
mod provision;
mod unit;

pub use config::{LabHostConfig, Role};
pub(in crate::lab) use layout::HostFolder;
pub use observe::{HostObservation, Observer};
pub(in crate::lab) use provision::provision;
pub(in crate::lab) use unit::UnitState;
