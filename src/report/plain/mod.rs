//! The plain output: lines that are only ever added, in Ansible's words, so that eyes and log searches that know Ansible work.
//!
//! Layout follows Ansible's default output callback; what Ansible has no words for (batches, progress, undo, rollback) is ours.

mod quiet;
mod recap;
mod reporter;
mod result;
mod rollback;
#[cfg(test)]
mod tests;
mod transcript;

pub(super) use result::Wording;
pub(super) use transcript::Transcript;

pub use quiet::quiet;
pub use reporter::plain;
