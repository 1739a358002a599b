//! Ctrl-C and its kind: once means stop at the next safe point, twice means now.
//!
//! SIGTERM and SIGHUP mean the same: a closed terminal or a laptop's lid must not end a run half-way. Under `nohup`, which
//! starts a program with SIGHUP ignored, it stays ignored.

use crate::event::{Event, Kind};
use crate::journal::Journal;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::WeakUnboundedSender;

/// Has a write beyond a limit on the size of files (`ulimit -f`) fail as on a full disk; without this the kernel would
/// end the process. To be called before anything is written.
pub(super) fn survive_limits() -> io::Result<()> {
    let number = rustix::process::Signal::XFSZ.as_raw();
    // The handler stays when the receiver is gone.
    signal(SignalKind::from_raw(number)).map(drop)
}

/// Sets `interrupted` at the first signal, and says so to the journal and through `events`; wakes `now` at the second.
/// Later ones change nothing.
pub(super) fn watch(
    interrupted: Arc<AtomicBool>,
    now: Arc<Notify>,
    journal: Journal,
    events: WeakUnboundedSender<Event>,
) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = if ignores_hangup() {
        None
    } else {
        Some(signal(SignalKind::hangup())?)
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = comes(&mut hangup) => {}
            }
            let again = interrupted.swap(true, Ordering::Relaxed);
            let event = Event::now(Kind::Interrupted { now: again });
            // The reporter ends when the last strong sender is gone, so this one must be weak.
            match events.upgrade() {
                Some(events) => journal.append_heard(event, events),
                None => journal.append(event),
            }
            if again {
                now.notify_one();
                return;
            }
        }
    });
    Ok(())
}

/// Waits for a signal, or for ever where there is none to wait for.
async fn comes(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Whether this process was started with SIGHUP ignored. Where the system does not say, it was not.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hangup = rustix::process::Signal::HUP.as_raw();
    status.lines().any(|line| is_ignored(line, hangup))
}

/// Whether a line of `/proc/self/status` says that a signal is ignored.
fn is_ignored(line: &str, signal: i32) -> bool {
    let mask = line
        .strip_prefix("SigIgn:")
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1.
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_seen_in_the_mask() {
        let cases = [
            ("SigIgn:\t0000000000000001", true),
            ("SigIgn:\t0000000000001003", true),
            ("SigIgn:\t0000000000001002", false),
            ("SigCgt:\t0000000000000001", false),
            ("SigIgn:\tnonsense", false),
        ];
        for (line, expected) in cases {
            assert_eq!(is_ignored(line, 1), expected, "{line}");
        }
    }
}
