//! Who holds a lock: which run, of whom, on which machine, by which process, since when.
//!
//! The same words stand in the lock file on the controller, in the lock on each host and in the cluster's Lease. This room
//! must not know where locks lie or how they are taken.

mod age;
mod life;
mod who;

pub use age::age;
pub use life::Life;
pub use who::Holder;
