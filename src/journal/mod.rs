//! The durable record of a run: its id, its events on disk, and the lock that keeps a second run away.
//!
//! This room must not know who renders the events.

mod ballast;
mod fate;
mod flight;
mod follow;
mod lock;
mod medium;
mod operator;
mod reader;
mod record;
mod run_id;
mod store;
mod writer;

pub use fate::Fate;
pub use flight::{InFlight, in_flight};
pub use follow::Follow;
pub use lock::{Lock, LockError, LockFile};
pub use operator::Operator;
pub use reader::{Damage, Reader, Record};
pub use record::Journal;
pub use run_id::RunId;
pub use store::{Store, StoreError};
pub use writer::JournalError;
