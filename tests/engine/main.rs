//! Whole runs of the program on lab hosts: what the engine promises, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod data;
mod deadman;
mod flow;
mod limits;
mod pace;
mod probe;
mod resume;
mod rollback;
mod support;
