//! What holds where the command line says nothing: `windlass.toml`, the environment, `ansible.cfg`, in one table.
//!
//! The table is [`TABLE`]: from it come reading, checking, the defaults of flags, `windlass settings` and
//! `docs/settings.md`. For each setting the strongest of these counts: a flag, `WINDLASS_*` in the environment, the
//! project's `windlass.toml`, the user's `windlass.toml`, `ANSIBLE_*` in the environment, `ansible.cfg`, the default.
//! What was written for windlass is stronger than what was written for another program; within each of the two the
//! environment, which is about one command, is stronger than a file.
//!
//! A new setting is a row of the table and, in `cli`, an argument whose id is the row's name; the rest follows.
//!
//! This room knows names, types and places. It must not know what a setting does, nor the parser of the command line.

mod ansible_cfg;
mod environment;
mod foreign;
mod hidden;
mod not_taken;
mod paths;
mod places;
mod read;
mod resolved;
mod setting;
mod table;
#[cfg(test)]
mod tests;
mod toml_file;
mod value;

pub use environment::variables;
pub use not_taken::{NOT_TAKEN, NotTaken};
pub use places::Surroundings;
pub use resolved::{Origin, Resolved, Settings};
pub use setting::{Fallback, Foreign, Kind, Meaning, Setting};
pub use table::{TABLE, find};
pub use value::Value;
