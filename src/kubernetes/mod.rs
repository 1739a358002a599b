//! Kubernetes through the connections that are there anyway: versions, the API, cordon, drain, gate.
//!
//! Only this room names kube. It must not know modules or the engine.

mod dial;

pub use dial::{Dial, Progress};
