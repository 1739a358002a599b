//! The durable record of a run: its id, its events on disk, and the lock that keeps a second run away.
//!
//! This room must not know who renders the events.

mod fate;
mod lock;
mod operator;
mod record;
mod run_id;
mod store;

pub use fate::Fate;
pub use lock::{Lock, LockError, LockFile};
pub use operator::Operator;
pub use record::Journal;
pub use run_id::RunId;
pub use store::{Store, StoreError};
