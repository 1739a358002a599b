//! What a run leaves beside its output: files, and notifications. All of it is checked before any host is touched.

use super::args::{NotifyArgs, ReportArgs};
use super::{CliError, output};
use crate::report::notify::{Couriers, Occasion, Patience, Target, notifier};
use crate::report::{self, Complain, Reporter};
use crate::source::{did_you_mean, folder_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is tried again is tried after so long.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Seconds for one try where nothing else is said.
const TIMEOUT: u32 = 10;

/// What a run leaves beside its output.
#[derive(Debug, Clone, Default)]
pub(super) struct Reports {
    junit: Option<PathBuf>,
    metrics: Option<PathBuf>,
    notify: Option<Notify>,
}

#[derive(Debug, Clone)]
struct Notify {
    targets: Vec<Target>,
    occasions: Vec<Occasion>,
    timeout: Duration,
}

impl Reports {
    /// As the flags say, or what is wrong with them.
    pub(super) fn of(files: &ReportArgs, notify: &NotifyArgs) -> Result<Self, CliError> {
        for (flag, path) in [("--junit", &files.junit), ("--metrics", &files.metrics)] {
            if let Some(path) = path {
                writable(flag, path)?;
            }
        }
        Ok(Self {
            junit: files.junit.clone(),
            metrics: files.metrics.clone(),
            notify: Notify::of(notify)?,
        })
    }

    /// What listens to the run, and what is left to be done after it.
    pub(super) fn begin(self, run: &str) -> (Vec<Box<dyn Reporter>>, Afterwards) {
        let complain = || -> Complain { Box::new(output::warning) };
        let mut reporters = Vec::new();
        let afterwards = Afterwards::default();
        if let Some(notify) = self.notify {
            let patience = Patience {
                timeout: notify.timeout,
                pauses: PAUSES.to_vec(),
            };
            let couriers = Couriers::new(notify.targets, &patience);
            *lock(&afterwards.couriers) = Some(couriers);
            reporters.push(notifier(run, notify.occasions, afterwards.couriers.clone()));
        }
        if let Some(path) = self.metrics {
            reporters.push(report::metrics_file(run, path, complain()));
        }
        if let Some(path) = self.junit {
            reporters.push(report::junit_file(run, path, complain()));
        }
        (reporters, afterwards)
    }
}

/// What is left to be done when the run is over and its lock is free.
#[derive(Default)]
pub(super) struct Afterwards {
    couriers: Arc<Mutex<Option<Couriers>>>,
}

impl Afterwards {
    /// Waits for notifications that are under way, though not for long, and says what was not delivered. Blocks.
    pub(super) fn finish(self) {
        let couriers = lock(&self.couriers).take();
        for warning in couriers.map(Couriers::finish).unwrap_or_default() {
            output::warning(&warning);
        }
    }
}

fn lock(couriers: &Mutex<Option<Couriers>>) -> std::sync::MutexGuard<'_, Option<Couriers>> {
    couriers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notify {
    fn of(args: &NotifyArgs) -> Result<Option<Self>, CliError> {
        let token = args.notify_token_file.as_deref().map(token).transpose()?;
        let mut targets = Vec::new();
        for (number, text) in args.notify.iter().enumerate() {
            let place = match args.notify.len() {
                1 => "--notify".to_owned(),
                _ => format!("--notify, the {}. one", number + 1),
            };
            targets.push(target(&place, text, token.as_deref())?);
        }
        if let Some(path) = &args.notify_file {
            targets.extend(listed(path, token.as_deref())?);
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let named = args.notify_on.iter().map(|name| occasion(name));
        let mut occasions = named.collect::<Result<Vec<_>, _>>()?;
        if occasions.is_empty() {
            occasions = Occasion::ALL.to_vec();
        }
        Ok(Some(Self {
            targets,
            occasions,
            timeout: Duration::from_secs(args.notify_timeout.unwrap_or(TIMEOUT).into()),
        }))
    }
}

/// The occasion of this name, or what is wrong with the name.
fn occasion(name: &str) -> Result<Occasion, CliError> {
    let names = Occasion::ALL.map(Occasion::name);
    Occasion::from_name(name).ok_or_else(|| {
        let near = did_you_mean(name, names);
        CliError::usage(
            format!("--notify-on: `{name}` is none of {}", names.join(", ")),
            near.map_or_else(
                || "`failed` tells each host that failed".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        )
    })
}

/// The text is not repeated: it may be a secret.
fn target(place: &str, text: &str, token: Option<&str>) -> Result<Target, CliError> {
    Target::parse(text, token).map_err(|error| {
        CliError::usage(
            format!("{place}: {error}"),
            "a target is a URL with http:// or https://, or a command",
        )
    })
}

/// One target per line; empty lines and comments are passed over.
fn listed(path: &Path, token: Option<&str>) -> Result<Vec<Target>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::usage(
            format!("--notify-file {}: {error}", path.display()),
            "the file has one target per line",
        )
    })?;
    let targets: Vec<Target> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|(at, line)| target(&format!("{}:{}", path.display(), at + 1), line, token))
        .collect::<Result<_, _>>()?;
    if targets.is_empty() {
        return Err(CliError::usage(
            format!("--notify-file {}: no target is in it", path.display()),
            "the file has one target per line",
        ));
    }
    Ok(targets)
}

fn token(path: &Path) -> Result<String, CliError> {
    let hint = "the file's first line is the token";
    let wrong = |what: &str| {
        CliError::usage(
            format!("--notify-token-file {}: {what}", path.display()),
            hint,
        )
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    match token {
        "" => Err(wrong("it is empty")),
        token if !token.chars().all(|c| c.is_ascii_graphic()) => {
            Err(wrong("a token has no spaces and only ASCII characters"))
        }
        token => Ok(token.to_owned()),
    }
}

/// A file whose folder is not there would only be missed when the run is over.
fn writable(flag: &str, path: &Path) -> Result<(), CliError> {
    let folder = folder_of(path);
    let problem = if path.is_dir() {
        format!("{} is a folder", path.display())
    } else if let Err(error) = tempfile::tempfile_in(folder) {
        format!("no file can be written in {}: {error}", folder.display())
    } else {
        return Ok(());
    };
    Err(CliError::usage(
        format!("{flag}: {problem}"),
        "name a file in a folder that you may write to",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(notify: &[&str]) -> NotifyArgs {
        NotifyArgs {
            notify: notify.iter().map(|it| (*it).to_owned()).collect(),
            ..NotifyArgs::default()
        }
    }

    fn error(files: &ReportArgs, notify: &NotifyArgs) -> String {
        match Reports::of(files, notify) {
            Err(CliError::Usage { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said_before_the_run_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("targets");
        fs::write(
            &list,
            "# chat\n\nhttps://chat.example/s3cret\nhttps:// s3cret\n",
        )
        .unwrap();
        let in_file = |path: &Path| NotifyArgs {
            notify_file: Some(path.to_owned()),
            ..NotifyArgs::default()
        };
        let none = ReportArgs::default();
        for (notify, expected) in [
            (
                args(&["https:// s3cret"]),
                "--notify: the URL is not valid".to_owned(),
            ),
            (
                args(&["true", " "]),
                "--notify, the 2. one: there is no URL".to_owned(),
            ),
            (
                in_file(Path::new("/nowhere")),
                "--notify-file /nowhere: No such file".to_owned(),
            ),
            (
                in_file(&list),
                format!("{}:4: the URL is not valid", list.display()),
            ),
        ] {
            let message = error(&none, &notify);
            assert!(message.starts_with(&expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
        let notify = NotifyArgs {
            notify_token_file: Some(list.clone()),
            ..args(&["true"])
        };
        assert!(error(&none, &notify).contains("a token has no spaces"));
        let notify = NotifyArgs {
            notify_on: vec!["start".to_owned(), "faild".to_owned()],
            ..args(&["true"])
        };
        assert_eq!(
            error(&none, &notify),
            "--notify-on: `faild` is none of start, failed, end"
        );
        let files = ReportArgs {
            junit: Some(folder.path().join("gone/run.xml")),
            ..ReportArgs::default()
        };
        assert!(error(&files, &args(&[])).starts_with("--junit: no file can be written in"));
        let files = ReportArgs {
            metrics: Some(folder.path().to_owned()),
            ..ReportArgs::default()
        };
        assert!(error(&files, &args(&[])).ends_with("is a folder"));
    }

    #[test]
    fn targets_come_from_flags_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("targets");
        fs::write(&list, "# chat\n  https://chat.example/s3cret\n./tell.sh\n").unwrap();
        let mut notify = args(&["true"]);
        notify.notify_file = Some(list);
        notify.notify_on = vec!["end".to_owned()];
        let notify = Notify::of(&notify).unwrap().unwrap();
        let shown: Vec<String> = notify.targets.iter().map(Target::to_string).collect();
        assert_eq!(
            shown,
            [
                "the command true",
                "https://chat.example/…",
                "the command ./tell.sh"
            ]
        );
        assert_eq!(notify.occasions, [Occasion::End]);
        assert_eq!(notify.timeout, Duration::from_secs(10));
    }
}
