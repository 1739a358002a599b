//! Settings as a user meets them: what `windlass settings` says of them, and that a run goes by them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;
mod run;
mod shown;
