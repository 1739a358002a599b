//! Ctrl-C and SIGTERM: once means stop at the next safe point, twice means now.

use super::output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Sets `interrupted` at the first signal and wakes `now` at the second.
pub(super) fn watch(interrupted: Arc<AtomicBool>, now: Arc<Notify>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if interrupted.swap(true, Ordering::Relaxed) {
                now.notify_one();
                return;
            }
            output::complain(
                "\ninterrupted: no new task starts; hosts in flight finish their task, then go back where the play says so (again to stop now)",
            );
        }
    });
    Ok(())
}
