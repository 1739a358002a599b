//! Everything that happens in a run, as data.
//!
//! The engine says nothing else; the journal stores these and every reporter renders them. This room must not know who listens.

mod kind;

pub use kind::{Counts, Event, HostState, Kind, Phase, ProbeState, Status, TaskResult};

/// The version of the event format; it grows when a reader of the old one would misread the new one.
///
/// 2 came with what a run needs to be resumed: who runs it, the keys of plays, hosts that passed, pending handlers.
pub const VERSION: u32 = 2;
