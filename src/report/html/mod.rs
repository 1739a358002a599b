//! A run as one HTML page that needs nothing else: no network, no other file.
//!
//! Events are folded into a [`run::Run`], and from it come the parts that need no script (what happened, failures with their
//! output, tables) and the data from which the page's script draws the timelines as they come into view. The page must stay
//! small for large fleets, so steps in which nothing happened are only counted, equal texts are kept once, and long outputs
//! lose their beginning. It carries its own content policy: whatever a host wrote, no other script than ours runs.

mod bar;
mod batches;
mod data;
mod detail;
mod failures;
mod fold;
mod host;
mod markup;
mod output;
mod page;
mod reporter;
mod run;
mod slowest;
mod standing;
mod step;
mod table;
mod verdict;
mod zone;

pub use page::html;
pub use reporter::html_at_end;
