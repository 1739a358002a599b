//! The durable record of a run: its id, its events on disk, and the lock that keeps a second run away.
//!
//! This room must not know who renders the events.

mod ballast;
mod fate;
mod fingerprint;
mod flight;
mod follow;
mod history;
mod lock;
mod medium;
mod operator;
mod outcome;
mod reader;
mod record;
mod request;
mod run_id;
mod store;
mod writer;

pub use fate::Fate;
pub use fingerprint::{Difference, Fingerprint, Fingerprints};
pub use flight::{InFlight, in_flight};
pub use follow::Follow;
pub use history::{History, Owed};
pub use lock::{Lock, LockError, LockFile};
pub use operator::Operator;
pub use outcome::Outcome;
pub use reader::{Damage, Reader, Record};
pub use record::Journal;
pub use request::{Extra, REQUEST_VERSION, Request};
pub use run_id::RunId;
pub use store::{Store, StoreError};
pub use writer::JournalError;
