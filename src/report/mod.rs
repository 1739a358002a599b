//! Renderers of the event stream: what a person, a log or a program sees of a run.
//!
//! Every reporter is handed the same events, live or from the journal of an old run, and knows nothing else. This room must not
//! know the engine, and it is the only one beside the command line that writes to the terminal.

mod colors;
mod dump;
mod failure;
mod files;
mod html;
mod json;
mod junit;
mod live;
mod metrics;
pub mod notify;
mod outcome;
mod phase;
mod plain;
mod plan;
mod profile;
mod reporter;
mod runs;
#[cfg(test)]
mod sample;
mod states;
mod synopsis;
mod table;
mod tasks;
mod text;
mod xml;

pub use files::{Complain, junit_file, metrics_file, replace};
pub use html::{html, html_at_end};
pub use json::json;
pub use junit::junit;
pub use live::live;
pub use outcome::Outcome;
pub use plain::{plain, quiet};
pub use plan::{PlanText, plan};
pub use profile::profile;
pub use reporter::{Options, Reporter};
pub use runs::{Listed, RunEntry, RunJson, RunList, run_title};
pub use synopsis::{End, Synopsis, Tally};
pub use text::duration;
