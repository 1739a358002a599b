//! The HTML page of a run, in a real browser.
//!
//! `WINDLASS_TEST_CHROMIUM` names the browser and `WINDLASS_TEST_AXE` the `axe.min.js` of axe-core, which checks whether all
//! people can use the page; without them what needs them is skipped, and that is said. With `WINDLASS_TEST_PAGES`, a folder,
//! pages and pictures of them are kept there to be looked at.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may fail, and says when it is skipped"
)]

mod browser;
mod hostile;
mod keyboard;
mod night;
mod opening;
mod pictures;

use jiff::tz::TimeZone;
use std::path::PathBuf;
use windlass::event::Event;

/// The page of these events in a folder that goes away with it.
struct Page {
    bytes: usize,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Page {
    fn of(events: &[Event]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.html");
        let mut bytes = Vec::new();
        windlass::report::html("", events, TimeZone::UTC, &mut bytes).unwrap();
        std::fs::write(&file, &bytes).unwrap();
        Self {
            bytes: bytes.len(),
            file,
            _folder: folder,
        }
    }
}
