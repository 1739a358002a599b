//! The secrets of this process. A process carries out one verb, so one set is enough, and nothing is written to the terminal
//! past it: results, errors, warnings, panics.

use super::output;
use crate::secrecy::Secrets;
use std::panic::PanicHookInfo;
use std::sync::{Arc, LazyLock};

static SECRETS: LazyLock<Arc<Secrets>> = LazyLock::new(Arc::default);

/// What must not be shown.
pub(super) fn secrets() -> &'static Arc<Secrets> {
    &SECRETS
}

/// Has panics told with secrets masked, whatever thread they are on.
pub(super) fn mask_panics() {
    std::panic::set_hook(Box::new(|panic| output::complain(&told(panic))));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    match panic.location() {
        Some(place) => format!("this is a bug in windlass: {message} ({place})"),
        None => format!("this is a bug in windlass: {message}"),
    }
}
