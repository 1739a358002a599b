//! `--html FILE`: where the page of a run goes. Must not know what is on it.

use super::{CliError, output};
use crate::event::Event;
use crate::journal::RunId;
use crate::report::{self, Reporter};
use jiff::tz::TimeZone;
use std::fs::Permissions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Says that a page goes to standard output.
const STANDARD_OUTPUT: &str = "-";

/// Writes the page of a run that is recorded.
pub(super) fn write(run: &RunId, events: &[Event], to: &Path) -> Result<(), CliError> {
    let mut page = Vec::new();
    if to != Path::new(STANDARD_OUTPUT) {
        check(to)?;
        report::html(run.as_str(), events, TimeZone::system(), &mut page)?;
        replace(to, &page)
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
    let folder = folder(path);
    if !folder.is_dir() {
        let message = format!("--html: there is no folder {}", folder.display());
        return Err(CliError::usage(message, hint));
    }
    Ok(())
}

/// Writes the page of a run when it is over. A page that cannot be written changes nothing about the run.
pub(super) fn reporter(path: PathBuf) -> Box<dyn Reporter> {
    report::html_at_end(TimeZone::system(), move |page| {
        if let Err(error) = replace(&path, page.as_bytes()) {
            let path = path.display();
            output::warning(&format!("the page was not written: {path}: {error}"));
        }
    })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file whole or not at all, so that nobody sees half a page.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // As a shell's `>` would make it, and not for its owner alone: a page is there to be passed on.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.html");
        for text in ["first", "second"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left");
    }

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
