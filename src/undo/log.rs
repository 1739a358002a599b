//! The undo log on the host, as shell text: every method is a script for the host's POSIX shell.
//!
//! The scripts that stay on the host are plain and meant to be read and run by an administrator; their fixed parts
//! are the `.sh` files beside this one.

use super::{Entry, HostLock, RevertReport, RunState};
use crate::event::Phase;
use crate::shell::quote;
use std::fmt::Write as _;
use std::time::Duration;

/// Sourced by every script under `undo/`.
const FUNCTIONS: &str = include_str!("functions.sh");
/// What `revert.sh` does once it knows its folder.
const REVERT: &str = include_str!("revert.sh");
/// The dead-man timer, once it knows its folder.
const DEADMAN: &str = include_str!("deadman.sh");
/// Used while a step is recorded; does not stay on the host.
const RECORD: &str = include_str!("record.sh");

/// How many runs that are over are kept on a host.
const KEPT_RUNS: u32 = 3;

/// The undo log of one run on a host.
#[derive(Debug, Clone)]
pub struct UndoLog {
    /// Folder of all runs, not quoted.
    runs: String,
    /// Folder of this run, not quoted.
    folder: String,
    run: String,
    /// What the dead-man timer is set to with the next step, in seconds.
    limit: Option<u64>,
    /// The lock that the run must still have whenever it records a step.
    lock: Option<HostLock>,
    /// The key of the play that the host passes with the next commit.
    passed: Option<String>,
}

impl UndoLog {
    /// The log of run `run` under `root`, such as `/var/lib/windlass`.
    pub fn new(root: &str, run: &str) -> Self {
        let runs = format!("{}/runs", root.trim_end_matches('/'));
        Self {
            folder: format!("{runs}/{run}"),
            runs,
            run: run.to_owned(),
            limit: None,
            lock: None,
            passed: None,
        }
    }

    /// The same log; a step is recorded only while the run has this lock of the host.
    #[must_use]
    pub fn under_lock(mut self, lock: Option<HostLock>) -> Self {
        self.lock = lock;
        self
    }

    /// The same log; the next commit says which play the host passed with it.
    #[must_use]
    pub fn with_passed(mut self, play: Option<&str>) -> Self {
        // A line of the manifest holds one key.
        let fits = |play: &&str| !play.contains('\n');
        self.passed = play.filter(fits).map(str::to_owned);
        self
    }

    /// The same log; each step that it records arms the dead-man timer, or moves it, to this long from then.
    #[must_use]
    pub fn with_deadman(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit.map(whole_seconds);
        self
    }

    /// The log of another run on the same host.
    #[must_use]
    pub fn of_run(&self, run: &str) -> Self {
        Self {
            folder: format!("{}/{run}", self.runs),
            runs: self.runs.clone(),
            run: run.to_owned(),
            limit: None,
            lock: None,
            passed: None,
        }
    }

    /// The run's folder on the host.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Where the host keeps the logs of all runs, such as `/var/lib/windlass`.
    pub fn root(&self) -> &str {
        self.runs.strip_suffix("/runs").unwrap_or(&self.runs)
    }

    /// The folder of all runs on the host.
    pub(super) fn runs(&self) -> &str {
        &self.runs
    }

    /// The run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// The script that takes the host back when it is run without arguments; with `--uncommitted`, only what was not committed.
    pub fn revert_script(&self) -> String {
        format!("{}/revert.sh", self.folder)
    }

    /// Records step `step`, which is about to change `what`, with its inverse. Nothing may be changed if it fails.
    ///
    /// It fails on a host that went back by itself, and where the run does not have the lock any more that it was given to go by.
    /// `parse_armed` reads what it says of the dead-man timer.
    ///
    /// Steps are numbered in order from 1. Recording the same number again changes nothing.
    pub fn intent(&self, step: u32, what: &str, entries: &[Entry]) -> String {
        let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let head = format!(
            "#!/bin/sh\n# step {step}: {what}\ndir={}\n. \"$dir/functions.sh\"\n",
            quote(&self.folder)
        );
        let mut script = format!("umask 077\nset -e\ndir={}\n", quote(&self.folder));
        // Before anything is written: a host whose lock is another run's is left as it is.
        script += &self.lock.as_ref().map(HostLock::guard).unwrap_or_default();
        script += "mkdir -p \"$dir/files\" \"$dir/undo\" \"$dir/releases\"\n";
        script += "chmod 700 \"$dir\"\n";
        script += &write_once("functions.sh", FUNCTIONS);
        script += &write_once("revert.sh", &self.revert_text());
        script += &write_once("deadman.sh", &self.deadman_text());
        let _ = writeln!(
            script,
            "[ -e \"$dir/manifest\" ] || printf '%s\\n' {} >\"$dir/manifest\"",
            quote(&format!("run {}", self.run))
        );
        script += "if grep -q '^alone ' \"$dir/manifest\"; then\n\
                   echo \"the host went back by itself at $(sed -n 's/^alone //p' \"$dir/manifest\" | tail -n 1)\" >&2\n\
                   exit 76\nfi\n";
        // Before anything is recorded: from here on the host finds its way back alone.
        if let Some(limit) = self.limit {
            let _ = writeln!(script, "sh \"$dir/deadman.sh\" arm {limit} || exit $?");
        }
        let _ = writeln!(script, "if ! [ -e \"$dir/undo/{step}.sh\" ]; then");
        script += "rm -f \"$dir/settled\"\n. \"$dir/functions.sh\"\n";
        script += RECORD;
        let _ = writeln!(
            script,
            "work=$dir/undo/.{step}\nrm -rf \"$work\"\nmkdir \"$work\""
        );
        for (number, entry) in entries.iter().enumerate() {
            script += &record(step, number + 1, entry);
        }
        let _ = writeln!(script, "{{\nprintf %s {}", quote(&head));
        script += &assemble(entries.len());
        script += "printf 'phase \"$@\"\\n'\n} >\"$work/script\"\n";
        let _ = writeln!(
            script,
            "mv -f \"$work/script\" \"$dir/undo/{step}.sh\"\nrm -rf \"$work\"\nfi"
        );
        let line = format!("{step} intent {what}");
        let _ = writeln!(
            script,
            "grep -q '^{step} intent ' \"$dir/manifest\" || printf '%s\\n' {} >>\"$dir/manifest\"",
            quote(&line)
        );
        script
    }

    /// Records that step `step` was made.
    pub fn done(&self, step: u32) -> String {
        format!(
            "printf '%s\\n' '{step} done' >>{}\n",
            quote(&format!("{}/manifest", self.folder))
        )
    }

    /// Records that the host passed and its changes stay, and removes the oldest runs beyond the last three.
    ///
    /// It stops the dead-man timer. A host that went back by itself cannot be committed: then the script ends with
    /// `WENT_BACK`, and `parse_alone` reads when that was. Runs that are neither committed nor reverted are never
    /// removed: somebody may still need them.
    pub fn commit(&self) -> String {
        format!(
            "dir={folder}\n\
             manifest=$dir/manifest\n\
             if [ -e \"$manifest\" ]; then\n\
             last=$(sed -n 's/^\\([0-9][0-9]*\\) intent .*/\\1/p' \"$manifest\" | sort -n | tail -n 1)\n\
             sh \"$dir/deadman.sh\" commit \"${{last:-0}}\" {passed} || exit\n\
             fi\n\
             cd {runs} 2>/dev/null || exit 0\n\
             ls -1t */manifest 2>/dev/null | tail -n +{beyond} | while IFS= read -r old; do\n\
             tail -n 1 \"$old\" | grep -q -e '^committed ' -e '^undone$' && rm -rf \"./${{old%/manifest}}\"\n\
             done\n\
             exit 0\n",
            folder = quote(&self.folder),
            passed = quote(self.passed.as_deref().unwrap_or_default()),
            runs = quote(&self.runs),
            beyond = KEPT_RUNS + 1,
        )
    }

    /// Moves the dead-man timer to `limit` from now, if it runs. Ends with `WENT_BACK` on a host that went back by itself.
    pub fn extend(&self, limit: Duration) -> String {
        format!(
            "{}sh {} extend {}\n",
            self.lock.as_ref().map(HostLock::touch).unwrap_or_default(),
            quote(&format!("{}/deadman.sh", self.folder)),
            whole_seconds(limit)
        )
    }

    /// Takes back what was not committed yet: for a host that failed. `parse_revert` reads the answer.
    pub fn revert(&self) -> String {
        self.revert_by("--uncommitted")
    }

    /// Takes the whole run back, committed or not: for a user who asks for it. `parse_revert` reads the answer.
    pub fn revert_all(&self) -> String {
        self.revert_by("")
    }

    fn revert_by(&self, option: &str) -> String {
        let floor = if option.is_empty() {
            "floor=0"
        } else {
            "floor=$(sed -n 's/^committed //p' \"$dir/manifest\" | tail -n 1)"
        };
        format!(
            "dir={}\n\
             if ! [ -e \"$dir/revert.sh\" ]; then echo 'complete yes'; exit 0; fi\n\
             sh \"$dir/revert.sh\" {option} && complete=yes || complete=no\n\
             [ -e \"$dir/deadman.sh\" ] && sh \"$dir/deadman.sh\" disarm\n\
             sed -n '/^alone /p' \"$dir/manifest\" | tail -n 1\n\
             {floor}\n\
             for name in $(ls \"$dir/releases\" | sort -t . -k 1,1n -k 2,2n); do\n\
             [ \"${{name%%.*}}\" -gt \"${{floor:-0}}\" ] && printf 'release %s\\n' \"$(cat \"$dir/releases/$name\")\"\n\
             done\n\
             echo \"complete $complete\"\n",
            quote(&self.folder)
        )
    }

    /// What `revert` printed.
    pub fn parse_revert(output: &str) -> RevertReport {
        RevertReport::parse(output)
    }

    /// Asks how the run stands on the host.
    pub fn state(&self) -> String {
        format!(
            "cat {} 2>/dev/null || :\n",
            quote(&format!("{}/manifest", self.folder))
        )
    }

    /// What `state` printed; `None` when the run left nothing on the host.
    pub fn parse_state(output: &str) -> Option<RunState> {
        RunState::parse(output)
    }

    fn revert_text(&self) -> String {
        format!(
            "#!/bin/sh\n\
             # Takes this host back to where it stood before run {}. It may be run again at any time;\n\
             # it exits 0 only when the old state is back. The steps are in undo/, what they replaced is in files/.\n\
             # With --uncommitted, only what was not committed is taken back.\n\
             dir={}\n\
             quoted={}\n\
             . \"$dir/functions.sh\"\n{REVERT}",
            self.run,
            quote(&self.folder),
            quote(&quote(&self.folder)),
        )
    }

    fn deadman_text(&self) -> String {
        format!(
            "#!/bin/sh\n\
             # The dead-man timer of run {run}: takes this host back when the run neither commits nor extends it in time.\n\
             # `disarm` stops it for good; `systemctl list-timers 'windlass-revert-*'` shows it.\n\
             dir={}\n\
             run={run}\n\
             unit=windlass-revert-{run}\n\
             . \"$dir/functions.sh\"\n{DEADMAN}",
            quote(&self.folder),
            run = self.run,
        )
    }
}

/// At least one second: systemd and the scripts count whole ones.
fn whole_seconds(limit: Duration) -> u64 {
    limit.as_secs().max(1)
}

/// Writes a file that stays the same for the whole run.
fn write_once(name: &str, text: &str) -> String {
    format!(
        "if ! [ -e \"$dir/{name}\" ]; then printf %s {} >\"$dir/{name}.new\"; mv -f \"$dir/{name}.new\" \"$dir/{name}\"; fi\n",
        quote(text)
    )
}

/// Records one entry: its lines for the step's script go to `$work/<phase>.<number>`.
fn record(step: u32, number: usize, entry: &Entry) -> String {
    let twice = |text: &str| format!("{} {}", quote(text), quote(&quote(text)));
    let to = |phase: &str| format!("\"$work/{phase}.{number}\"");
    match entry {
        Entry::Path(path) => format!("keep {step}.{number} {} >{}\n", twice(path), to("restore")),
        Entry::Tree(path) => {
            format!(
                "keep_tree {step}.{number} {} >{}\n",
                twice(path),
                to("restore")
            )
        }
        Entry::Attributes(path) => {
            format!("keep_attributes {} >{}\n", twice(path), to("restore"))
        }
        Entry::Service(unit) => {
            format!(
                "keep_unit {} {} {}\n",
                twice(unit),
                to("restore"),
                to("settle")
            )
        }
        Entry::Command { phase, script } => {
            let name = match phase {
                Phase::Restore => "restore",
                Phase::Settle => "settle",
                Phase::Release => "release",
            };
            let line = format!("  sh -c {}\n", quote(script));
            let mut text = format!("printf %s {} >{}\n", quote(&line), to(name));
            if *phase == Phase::Release {
                let _ = writeln!(
                    text,
                    "printf %s {} >\"$dir/releases/{step}.{number}\"",
                    quote(&serde_json::json!({ "command": script }).to_string())
                );
            }
            text
        }
        Entry::Release(value) => format!(
            "printf %s {} >\"$dir/releases/{step}.{number}\"\n",
            quote(&value.to_string())
        ),
    }
}

/// The phases of a step's script: within a step, too, what was recorded last is restored first.
fn assemble(entries: usize) -> String {
    let files = |phase: &str, order: &mut dyn Iterator<Item = usize>| {
        order
            .map(|number| format!(" \"$work/{phase}.{number}\""))
            .collect::<String>()
    };
    format!(
        "part restore{}\npart settle{}\npart release{}\n",
        files("restore", &mut (1..=entries).rev()),
        files("settle", &mut (1..=entries)),
        files("release", &mut (1..=entries)),
    )
}
