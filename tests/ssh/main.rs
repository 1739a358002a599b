//! SSH against a real OpenSSH server, which the tests start on 127.0.0.1 with keys and settings of their own.
//!
//! They run only with `WINDLASS_TEST_SSHD=1`, since they need `/usr/sbin/sshd` and root.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and says when it is skipped"
)]

mod children;
mod connect;
mod run;
mod server;
