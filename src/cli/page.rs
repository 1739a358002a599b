//! `--html FILE`: where the page of a run goes. Must not know what is on it.

use super::{CliError, output};
use crate::event::Event;
use crate::journal::RunId;
use crate::report::{self, Reporter};
use crate::source::folder_of;
use jiff::tz::TimeZone;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

/// Says that a page goes to standard output.
const STANDARD_OUTPUT: &str = "-";

/// Writes the page of a run that is recorded.
pub(super) fn write(run: &RunId, events: &[Event], to: &Path) -> Result<(), CliError> {
    let mut page = Vec::new();
    if to != Path::new(STANDARD_OUTPUT) {
        check(to)?;
        report::html(run.as_str(), events, TimeZone::system(), &mut page)?;
        report::replace(to, &page)
            .map_err(|error| CliError::Other(anyhow::anyhow!("{}: {error}", to.display())))?;
        return Ok(());
    }
    if io::stdout().is_terminal() {
        return Err(CliError::usage(
            "a page is not for a terminal",
            format!("`windlass show {run} --html {run}.html` writes it to a file"),
        ));
    }
    report::html(run.as_str(), events, TimeZone::system(), &mut page)?;
    match io::stdout().write_all(&page) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Refuses a place where no page can be, before anything is done.
pub(super) fn check(path: &Path) -> Result<(), CliError> {
    let hint = "name a file in a folder that is there";
    if path.is_dir() {
        let message = format!("--html: {} is a folder", path.display());
        return Err(CliError::usage(message, hint));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let message = format!("--html: there is no folder {}", folder.display());
        return Err(CliError::usage(message, hint));
    }
    Ok(())
}

/// Writes the page of a run when it is over. A page that cannot be written changes nothing about the run.
pub(super) fn reporter(path: PathBuf) -> Box<dyn Reporter> {
    report::html_at_end(TimeZone::system(), move |page| {
        if let Err(error) = report::replace(&path, page) {
            let path = path.display();
            output::warning(&format!("the page was not written: {path}: {error}"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(&folder.path().join("run.html")).is_ok());
        assert!(check(Path::new("run.html")).is_ok());
        for path in [folder.path().to_owned(), folder.path().join("no/run.html")] {
            assert!(
                matches!(check(&path), Err(CliError::Usage { .. })),
                "{}",
                path.display()
            );
        }
    }
}
