//! Commands for a POSIX shell: quoting and becoming another user.
//!
//! This room knows shell syntax. It must not know SSH or who runs the command.

mod become_user;
mod quote;

pub use become_user::{Become, Method};
pub use quote::{join, quote};
