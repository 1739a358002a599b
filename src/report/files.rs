//! Reports in files: JUnit at the end of a run, metrics at its start and its end. Each file is there whole or not at all.

use super::junit::Junit;
use super::metrics::Metrics;
use super::{Outcome, Reporter, Synopsis};
use crate::event::{Event, Kind};
use crate::source::folder_of;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Says that a report could not be written; the run goes on.
pub type Complain = Box<dyn Fn(&str) + Send>;

/// Puts a report in place of the file, which is as a shell's `>` would make it: a report is there to be passed on.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    written(path, content.as_ref())?.persist(path)?;
    Ok(())
}

/// The same for what another user's program reads, whatever the umask is.
fn publish(path: &Path, text: &str) -> io::Result<()> {
    let file = written(path, text.as_bytes())?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

/// A file beside the one it is to replace, on the disk.
fn written(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes the run as JUnit XML when it ends, also when it was cut short.
pub fn junit_file(run: &str, path: PathBuf, complain: Complain) -> Box<dyn Reporter> {
    Box::new(JunitFile {
        synopsis: Synopsis::new(run),
        junit: Some(Junit::new()),
        path,
        complain,
    })
}

struct JunitFile {
    synopsis: Synopsis,
    junit: Option<Junit>,
    path: PathBuf,
    complain: Complain,
}

impl Reporter for JunitFile {
    fn event(&mut self, event: &Event) {
        self.synopsis.take(event);
        if let Some(junit) = &mut self.junit {
            junit.take(event);
        }
    }

    fn finish(&mut self) {
        let Some(junit) = self.junit.take() else {
            return;
        };
        let outcome = Outcome::of(&self.synopsis, false);
        let text = junit.document(&self.synopsis, outcome);
        told(replace(&self.path, &text), &self.path, &self.complain);
    }
}

/// Keeps the file of metrics.
pub fn metrics_file(run: &str, path: PathBuf, complain: Complain) -> Box<dyn Reporter> {
    Box::new(MetricsFile {
        metrics: Metrics::new(run),
        path,
        complain,
    })
}

struct MetricsFile {
    metrics: Metrics,
    path: PathBuf,
    complain: Complain,
}

impl MetricsFile {
    /// What the file says so far; nothing when there is none, or when it is not text.
    fn before(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }

    fn write(&self, text: &str) {
        told(publish(&self.path, text), &self.path, &self.complain);
    }
}

impl Reporter for MetricsFile {
    fn event(&mut self, event: &Event) {
        self.metrics.take(event);
        if matches!(event.kind, Kind::RunStarted { .. }) {
            self.write(&self.metrics.begun(&self.before()));
        }
    }

    fn finish(&mut self) {
        if self.metrics.has_started() {
            self.write(&self.metrics.ended(&self.before()));
        }
    }
}

fn told(written: io::Result<()>, path: &Path, complain: &Complain) {
    if let Err(error) = written {
        complain(&format!("{}: not written: {error}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, failed_run};
    use std::sync::{Arc, Mutex};

    #[test]
    fn files_are_written_whole_and_for_all_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let complain = || -> Complain { Box::new(|text| panic!("{text}")) };
        let (junit, metrics) = (
            folder.path().join("run.xml"),
            folder.path().join("run.prom"),
        );
        let mut reporters = [
            junit_file("20260102-a1", junit.clone(), complain()),
            metrics_file("20260102-a1", metrics.clone(), complain()),
        ];
        for (number, kind) in failed_run().into_iter().enumerate() {
            for it in &mut reporters {
                it.event(&at(0, kind.clone()));
            }
            let text = fs::read_to_string(&metrics).unwrap();
            assert!(
                text.contains("windlass_run_running{") && text.contains("} 1\n"),
                "{number}"
            );
            assert!(!junit.exists());
        }
        for it in &mut reporters {
            it.finish();
        }
        for path in [&junit, &metrics] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644, "{}", path.display());
        }
        assert!(
            fs::read_to_string(&junit)
                .unwrap()
                .ends_with("</testsuites>\n")
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_report_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.html");
        for text in ["first", "second"] {
            replace(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        let complain: Complain = Box::new(move |text| heard.lock().unwrap().push(text.to_owned()));
        let path = folder.path().join("gone/run.xml");
        junit_file("r", path.clone(), complain).finish();
        let said = said.lock().unwrap();
        assert!(
            said[0].starts_with(&format!("{}: not written: ", path.display())),
            "{said:?}"
        );
    }
}
