//! `windlass lock`: who holds what, and taking locks away from a run that is dead.
//!
//! It takes no lock and keeps no journal: it is there for the moment when another run holds everything.

mod asked;
mod breaking;
mod json;
mod shown;
mod verb;

pub(super) use verb::main;
