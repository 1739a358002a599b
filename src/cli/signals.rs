//! Ctrl-C and SIGTERM: once means stop at the next safe point, twice means now.

use crate::event::{Event, Kind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::WeakUnboundedSender;

/// Sets `interrupted` at the first signal, and says so through `events`; wakes `now` at the second.
pub(super) fn watch(
    interrupted: Arc<AtomicBool>,
    now: Arc<Notify>,
    events: WeakUnboundedSender<Event>,
) -> std::io::Result<()> {
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
            // The reporter ends when the last strong sender is gone, so this one must be weak.
            if let Some(events) = events.upgrade() {
                let message = "interrupted: no new task starts; hosts in flight finish their task, then go back where the play says so (again to stop now)".to_owned();
                let _heard = events.send(Event::now(Kind::Warning {
                    host: None,
                    message,
                }));
            }
        }
    });
    Ok(())
}
