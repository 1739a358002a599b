//! The stand-ins: small POSIX shell programs that take the place of systemd, sudo and Kubernetes on a lab host.
//!
//! This room knows the programs' texts. It must not know who runs them.

mod binary;
mod programs;

pub(in crate::lab) use binary::K3S_KILLALL;
pub use binary::{BinaryKind, binary};
pub(in crate::lab) use programs::install;
