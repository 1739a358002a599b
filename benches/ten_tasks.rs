//! Ten ordinary tasks on fifty hosts behind a real sshd: windlass beside a script by hand and, where it is installed,
//! ansible-core.
//!
//! All names lead to one sshd on loopback, so the machine is client and fifty hosts at once, and the numbers compare
//! programs, not networks. Each is run when everything is to be changed (`fresh`) and when nothing is (`settled`).
//! `WINDLASS_BENCH_HOSTS` and `WINDLASS_BENCH_RUNS` set how many; ansible-core runs once, since it takes its time.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark is there to print its numbers"
)]

#[path = "parts/measure.rs"]
mod measure;
#[path = "parts/server.rs"]
mod server;
#[path = "parts/tasks.rs"]
mod tasks;

use anyhow::Result;
use measure::{Run, check_recap, median, setting, timed};
use server::Server;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BY_HAND: &str = include_str!("parts/ten_tasks.sh");

/// What all contenders share.
struct Bench {
    folder: PathBuf,
    server: Server,
    hosts: Vec<String>,
}

/// The runs of one contender.
struct Contender {
    name: &'static str,
    fresh: Vec<Run>,
    settled: Vec<Run>,
}

impl Contender {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            fresh: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Runs once on fresh hosts and once more.
    fn round(&mut self, bench: &Bench, run: &dyn Fn(&Bench, bool) -> Result<Run>) -> Result<()> {
        tasks::forget(&bench.folder)?;
        self.fresh.push(run(bench, true)?);
        self.settled.push(run(bench, false)?);
        Ok(())
    }
}

fn main() -> Result<()> {
    if !Server::is_there() {
        println!("skipped: no sshd");
        return Ok(());
    }
    let rounds = setting("WINDLASS_BENCH_RUNS", 5)?.max(1);
    let folder = tempfile::tempdir()?;
    let bench = Bench {
        folder: folder.path().to_owned(),
        server: Server::start(folder.path())?,
        hosts: tasks::names(setting("WINDLASS_BENCH_HOSTS", 50)?),
    };
    bench.prepare()?;
    let mut contenders = [
        Contender::new("windlass"),
        Contender::new("windlass --forks 8"),
        Contender::new("sh by hand, xargs -P 8 ssh"),
        Contender::new("ansible-core, 8 forks, once"),
    ];
    for _ in 0..rounds {
        contenders[0].round(&bench, &|bench, fresh| bench.windlass(&[], fresh))?;
        contenders[1].round(&bench, &|bench, fresh| {
            bench.windlass(&["--forks", "8"], fresh)
        })?;
        contenders[2].round(&bench, &|bench, _| bench.by_hand())?;
    }
    let has_ansible = Command::new("ansible-playbook")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_ansible {
        let round = contenders[3].round(&bench, &Bench::ansible);
        bench.hang_up()?;
        round?;
    }
    println!(
        "ten tasks on {} hosts, median of {rounds}",
        bench.hosts.len()
    );
    let reference = (median(&contenders[0].fresh), median(&contenders[0].settled));
    for contender in &contenders {
        print(contender, reference);
    }
    if !has_ansible {
        println!("skipped: ansible-core is not installed");
    }
    Ok(())
}

/// One line; the ratios are to windlass.
fn print(contender: &Contender, reference: (Run, Run)) {
    if contender.fresh.is_empty() {
        return;
    }
    let mut line = format!("{:<34}", contender.name);
    for (name, runs, reference) in [
        ("fresh", &contender.fresh, reference.0),
        ("settled", &contender.settled, reference.1),
    ] {
        let run = median(runs);
        let ratio = run.took.as_secs_f64() / reference.took.as_secs_f64();
        // Writing into text cannot fail.
        let _ = write!(
            line,
            "  {name} {:7.3} s ({ratio:5.2})",
            run.took.as_secs_f64()
        );
    }
    let peak = contender
        .fresh
        .iter()
        .chain(&contender.settled)
        .map(|run| run.peak)
        .max();
    if contender.name.starts_with("windlass") {
        let _ = write!(line, "  peak {:.1} MB", peak.unwrap_or(0) as f64 / 1024.0);
    }
    println!("{line}");
}

impl Bench {
    /// Writes what all contenders read.
    fn prepare(&self) -> Result<()> {
        tasks::write(&self.folder)?;
        let at = self.folder.display();
        let mut inventory = String::new();
        for name in &self.hosts {
            // Without a control path of its own per name, ansible-core would send all names over one connection.
            writeln!(inventory, "{name} ansible_control_path={at}/cp-{name}")?;
        }
        write!(
            inventory,
            "[all:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_user={}\nansible_ssh_private_key_file={}\n\
             ansible_ssh_common_args='{}'\nansible_python_interpreter=/usr/bin/python3\nwindlass_state_dir={at}/undo\n",
            self.server.port,
            self.server.user,
            self.server.key().display(),
            self.server.options(),
        )?;
        fs::write(self.folder.join("hosts.ini"), inventory)?;
        let stand_in = format!("PATH={at}/bin:$PATH\n");
        fs::write(self.folder.join("by_hand.sh"), stand_in + BY_HAND)?;
        fs::write(
            self.folder.join("ansible.cfg"),
            "[defaults]\nforks = 8\nnocolor = true\n[connection]\npipelining = true\n",
        )?;
        fs::write(self.folder.join("names"), self.hosts.join("\n") + "\n")?;
        Ok(())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn windlass(&self, flags: &[&str], fresh: bool) -> Result<Run> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .arg("run")
            .arg(self.at("ten.yml"))
            .arg("-i")
            .arg(self.at("hosts.ini"))
            .arg("--state-dir")
            .arg(self.at("state"))
            .args(flags);
        self.recapped(&mut command, fresh)
    }

    fn ansible(&self, fresh: bool) -> Result<Run> {
        let mut command = Command::new("ansible-playbook");
        command
            .arg(self.at("ten.yml"))
            .arg("-i")
            .arg(self.at("hosts.ini"))
            .env("ANSIBLE_HOME", self.at("ansible"))
            .env("ANSIBLE_CONFIG", self.at("ansible.cfg"));
        self.recapped(&mut command, fresh)
    }

    fn recapped(&self, command: &mut Command, fresh: bool) -> Result<Run> {
        let log = self.at("log");
        let run = timed(command, &log)?;
        check_recap(&log, self.hosts.len(), fresh)?;
        Ok(run)
    }

    /// One `ssh` per host, eight at a time. `xargs` says with its exit code whether one has failed.
    fn by_hand(&self) -> Result<Run> {
        let script = format!(
            "xargs -P 8 -I NAME sh -c 'exec ssh -p {} -i {key} {} {}@127.0.0.1 sh -s NAME {at}/hosts/NAME <{at}/by_hand.sh' <{at}/names",
            self.server.port,
            self.server.options(),
            self.server.user,
            key = self.server.key().display(),
            at = self.folder.display(),
        );
        let run = timed(Command::new("sh").args(["-c", &script]), &self.at("log"))?;
        for name in &self.hosts {
            fs::read_link(self.folder.join("hosts").join(name).join("current.conf"))?;
        }
        Ok(run)
    }

    /// Ends the connections that ansible-core keeps open for a minute.
    fn hang_up(&self) -> Result<()> {
        for name in &self.hosts {
            let socket = self.at(&format!("cp-{name}"));
            if Path::new(&socket).exists() {
                let mut command = Command::new("ssh");
                command.args(["-O", "exit", "-S"]).arg(&socket).arg("bench");
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()?;
            }
        }
        Ok(())
    }
}
