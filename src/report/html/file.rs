//! `--html FILE`: the page of a run, written when it is over.

use super::page::page;
use super::run::Run;
use super::zone::Clock;
use crate::event::Event;
use crate::report::Reporter;
use jiff::tz::TimeZone;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A reporter that writes the page to `path` once the run is over, with times of day in `zone`. `failed` is told when the
/// file cannot be written.
pub fn html_file(
    path: PathBuf,
    zone: TimeZone,
    failed: impl FnOnce(&Path, io::Error) + Send + 'static,
) -> Box<dyn Reporter> {
    Box::new(HtmlFile {
        path,
        clock: Clock::new(zone),
        run: Run::default(),
        failed: Some(Box::new(failed)),
    })
}

type Failed = Box<dyn FnOnce(&Path, io::Error) + Send>;

struct HtmlFile {
    path: PathBuf,
    clock: Clock,
    run: Run,
    failed: Option<Failed>,
}

impl Reporter for HtmlFile {
    fn event(&mut self, event: &Event) {
        self.run.event(event);
    }

    fn finish(&mut self) {
        self.run.close();
        let page = page(&self.run, &self.clock);
        if let Err(error) = replace(&self.path, page.as_bytes())
            && let Some(failed) = self.failed.take()
        {
            failed(&self.path, error);
        }
    }
}

/// Writes a file whole or not at all, so that nobody sees half a page.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
