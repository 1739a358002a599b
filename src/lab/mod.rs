//! A throwaway fleet: embedded SSH hosts and an in-memory Kubernetes API.
//!
//! A lab host is a folder. Its SSH server, inside this process and on loopback, runs commands with `/bin/sh` as the
//! user who runs the program; small stand-ins (`systemctl`, `kubelet`, ...) keep their state in the folder. So a
//! playbook does its real work, over a real SSH connection, without a server, root or containers. A lab keeps its
//! state between runs.
//!
//! This room must not know the engine, inventories or plays.

pub mod cluster;
mod control;
mod error;
mod fault;
mod fleet;
mod folder;
mod host;
#[expect(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod lab;
mod reboot;
mod ssh;
mod standin;
mod status;

pub use error::LabError;
pub use fault::{Fault, clear_fault, faults, set_fault};
pub use fleet::{Fleet, prepare};
pub use folder::reset;
pub use host::{HostObservation, LabHostConfig, Observer, Role};
pub use lab::{ApiServer, Lab, LabConfig};
pub use standin::{BinaryKind, binary};
pub use status::{BinaryStatus, HostStatus, UnitStatus, status};
