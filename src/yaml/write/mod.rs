//! Writes YAML as PyYAML does, byte for byte, because configuration files are compared by their bytes.
//!
//! The rules are those of PyYAML's `emitter.py`, `representer.py` and `resolver.py` with unicode allowed.

mod emit;
mod scalar;

pub use emit::{WriteOptions, write};
