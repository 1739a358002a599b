//! A run as a service with a timer for systemd, and as a line for cron, each quoted as its reader wants it.
//!
//! This file must not know which run it is or where it comes from.

use super::CliError;
use crate::engine::exit_code;
use crate::plan::{Begin, CronTimes};
use crate::shell;
use std::fmt::Write as _;

/// What is started.
#[derive(Debug)]
pub(super) struct Job {
    /// What its files are called, after `windlass-`.
    pub(super) name: String,
    /// The program, with an absolute path, and its arguments.
    pub(super) words: Vec<String>,
    /// Where it is started.
    pub(super) folder: String,
    /// Who runs it.
    pub(super) user: String,
    /// What it needs in its environment.
    pub(super) environment: Vec<(String, String)>,
    /// Whether it keeps to a window by itself.
    pub(super) has_window: bool,
    /// Where cron adds what it says; mailed otherwise.
    pub(super) log: Option<String>,
}

/// The service.
pub(super) fn service(job: &Job) -> Result<String, CliError> {
    if job.folder.chars().any(char::is_control) || job.folder.ends_with(char::is_whitespace) {
        return Err(no_line(&job.folder));
    }
    let environment: String = job
        .environment
        .iter()
        .map(|(name, value)| {
            format!(
                "Environment={}\n",
                unit_word(&format!("{name}={value}"), false)
            )
        })
        .collect();
    let command: Vec<String> = job.words.iter().map(|word| unit_word(word, true)).collect();
    Ok(format!(
        "\
# Install it beside its timer in /etc/systemd/system, then: systemctl daemon-reload
[Unit]
Description=windlass run: {name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
{environment}ExecStart={command}
# The window was over before the work was: the next start goes on with the rest.
SuccessExitStatus={window}
# A stop is a Ctrl-C: hosts on their way get to a safe point first.
KillMode=mixed
TimeoutStopSec=30min
",
        name = job.name,
        user = job.user,
        folder = job.folder.replace('%', "%%"),
        command = command.join(" "),
        window = exit_code::WINDOW_CLOSED,
    ))
}

/// The timer of the service.
pub(super) fn timer(job: &Job, begin: &Begin) -> String {
    let calendar: String = begin
        .on_calendar()
        .iter()
        .map(|time| format!("OnCalendar={time}\n"))
        .collect();
    let missed = if job.has_window {
        "# A start that was missed is made up for; outside of its window the run begins nothing.\nPersistent=true"
    } else {
        "# A start that was missed waits for the next one: without --window it would run in the middle of the day.\nPersistent=false"
    };
    format!(
        "\
# systemctl enable --now windlass-{name}.timer; then: systemctl list-timers, journalctl -u windlass-{name}
[Unit]
Description=Timer of windlass run: {name}

[Timer]
{calendar}# A run has its inventory's lock, so it need not keep out of the way of others; a window is too dear to wait in.
AccuracySec=1s
{missed}

[Install]
WantedBy=timers.target
",
        name = job.name
    )
}

/// The lines for the user's crontab.
pub(super) fn crontab(job: &Job, times: &CronTimes) -> Result<String, CliError> {
    let mut command = format!("cd {}", shell::quote(&job.folder));
    if let Some(log) = &job.log {
        let folder = log.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let _ = write!(command, " && mkdir -m 700 -p {}", shell::quote(folder));
    }
    command.push_str(" && ");
    for (name, value) in &job.environment {
        let _ = write!(command, "{name}={} ", shell::quote(value));
    }
    command.push_str(&shell::join(job.words.iter().map(String::as_str)));
    if let Some(log) = &job.log {
        let _ = write!(command, " >>{} 2>&1", shell::quote(log));
    }
    if command.contains(['\n', '\r']) {
        return Err(no_line(&command));
    }
    // What follows a bare % would be the command's input. A backslash before it, which always stands between quotes, is
    // parted from it by a quote that ends and one that begins.
    let command = command.replace("\\%", "\\''%").replace('%', "\\%");
    let mut text = format!("# crontab -e, as {}", job.user);
    text.push_str(match &job.log {
        Some(_) => "; what the run says is added to the log",
        None => "; what the run says is mailed (MAILTO=)",
    });
    text.push('\n');
    if times.shifts {
        text.push_str(
            "# cron goes by this machine's time. In some months a line comes too early or too late; outside of its window the\n\
             # run begins nothing, and within it a second start finds nothing to do, or the first one's lock.\n",
        );
    }
    for time in &times.lines {
        let _ = writeln!(text, "{time} {command}");
    }
    Ok(text)
}

/// A word for `ExecStart=` or `Environment=`: in quotes where it needs them, with what systemd would replace doubled.
fn unit_word(word: &str, expands: bool) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        match letter {
            '%' => text.push_str("%%"),
            // Only commands have their variables filled in.
            '$' if expands => text.push_str("$$"),
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            _ if letter.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            _ => text.push(letter),
        }
    }
    let plain = |letter: char| {
        letter.is_alphanumeric()
            || matches!(
                letter,
                '/' | '.' | '-' | '_' | '=' | ':' | ',' | '@' | '%' | '+' | '$'
            )
    };
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("\"{text}\"")
    }
}

fn no_line(text: &str) -> CliError {
    CliError::usage(
        format!("{text:?} cannot stand in one line"),
        "put a variable of several lines into a file, and give it as -e @FILE",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(words: &[&str]) -> Job {
        Job {
            name: "upgrade".to_owned(),
            words: std::iter::once("/usr/local/bin/windlass")
                .chain(words.iter().copied())
                .map(str::to_owned)
                .collect(),
            folder: "/srv/my fleet".to_owned(),
            user: "ops".to_owned(),
            environment: vec![("WINDLASS_STATE_DIR".to_owned(), "/var/lib/100%".to_owned())],
            has_window: true,
            log: Some("/home/ops/log/upgrade.log".to_owned()),
        }
    }

    fn times(lines: &[&str]) -> CronTimes {
        CronTimes {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            shifts: lines.len() > 1,
        }
    }

    #[test]
    fn words_reach_the_program_as_they_are() {
        let cases = [
            ("playbooks/upgrade.yml", "playbooks/upgrade.yml"),
            ("Sat 02:00-06:00", "\"Sat 02:00-06:00\""),
            ("", "\"\""),
            ("a=\"$HOME\"", "\"a=\\\"$$HOME\\\"\""),
            ("100%", "100%%"),
            ("C:\\n", "\"C:\\\\n\""),
            ("two\nlines", "\"two\\nlines\""),
            ("'single'", "\"'single'\""),
            (";", "\";\""),
            (
                "{\"serial\": [1, \"10%\"]}",
                "\"{\\\"serial\\\": [1, \\\"10%%\\\"]}\"",
            ),
        ];
        for (word, expected) in cases {
            assert_eq!(unit_word(word, true), expected, "{word:?}");
        }
        assert_eq!(unit_word("a=$b", false), "a=$b");
    }

    #[test]
    fn a_service_names_everything_by_its_full_path() {
        let text = service(&job(&["run", "a.yml", "--window", "Sat 02:00-06:00"])).unwrap();
        for line in [
            "User=ops",
            "WorkingDirectory=/srv/my fleet",
            "Environment=WINDLASS_STATE_DIR=/var/lib/100%%",
            "ExecStart=/usr/local/bin/windlass run a.yml --window \"Sat 02:00-06:00\"",
            "SuccessExitStatus=6",
        ] {
            assert!(text.lines().any(|each| each == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_cron_line_is_one_line_for_the_shell() {
        let text = crontab(
            &job(&["run", "a.yml", "-e", "note=it's 5%", "-e", "a=\\%"]),
            &times(&["0 2 * * 6"]),
        )
        .unwrap();
        let line = text.lines().last().unwrap();
        assert_eq!(
            line,
            "0 2 * * 6 cd '/srv/my fleet' && mkdir -m 700 -p /home/ops/log && \
             WINDLASS_STATE_DIR=/var/lib/100\\% /usr/local/bin/windlass run a.yml -e 'note=it'\\''s 5\\%' -e 'a=\\''\\%' \
             >>/home/ops/log/upgrade.log 2>&1"
        );
        let mailed = Job {
            log: None,
            ..job(&["run", "a.yml"])
        };
        let text = crontab(&mailed, &times(&["0 0 * * 6", "0 1 * * 6"])).unwrap();
        assert!(!text.contains(">>"), "{text}");
        assert!(text.contains("too early or too late"), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains(" && ")).count(), 2);
        assert!(crontab(&job(&["run", "a\nb"]), &times(&["0 2 * * 6"])).is_err());
    }
}
