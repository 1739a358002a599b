//! One run at a time: the Leases of the clusters and the locks on the hosts, taken before anything is changed.
//!
//! The controller's own lock (see `journal`) keeps two runs of one user apart; these keep all others away, whoever they are
//! and whatever their inventories say. Leases are taken first, one cluster after the other and always in the same order, then
//! the hosts, many at once. So of two runs that come at the same moment one is refused at its first Lease, before it took
//! anything; where there is no cluster, the run that has the lesser name waits a moment for the other to give way.

mod host;
mod lease;
mod manage;
mod start;
mod taken;
mod verdict;

pub(in crate::engine) use host::{Contest, Kept, Taken, heard, of, take};
pub use lease::LeaseAt;
pub use manage::{HostLockSeen, LeaseSeen};
pub use taken::Locks;
pub(in crate::engine) use taken::Terms;
pub use verdict::Stand;
