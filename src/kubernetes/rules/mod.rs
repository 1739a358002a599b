//! Which versions may stand beside each other, how far one step may go, and what a host needs first: as data.
//!
//! The data is `rules.yml`, each rule with its source and the day it was read; a file of the user's may be laid over it.
//! Everything here is a pure function of versions. It must not know the API, connections or how a plan is carried out.

mod data;
mod floors;
mod load;
mod minor;
mod path;
#[cfg(test)]
mod path_tests;
mod read;
mod removed;
mod skew;

pub use data::{Component, Distribution, Rules};
pub use floors::{Fact, FloorFinding, HostFacts};
pub use load::RulesError;
pub use minor::Minor;
pub use path::{Hop, Path, Refusal};
pub use removed::{RemovedApi, RemovedFlag};
pub use skew::{Member, State, Violation};
