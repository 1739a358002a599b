//! Real `kubectl` binaries against the lab's API server, which keeps it honest.
//!
//! `WINDLASS_TEST_KUBECTL` holds their paths, separated by colons; without it nothing is tested and that is said.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and says when it is skipped"
)]

mod bench;
mod nodes;
mod reads;
mod refusals;
mod writes;
