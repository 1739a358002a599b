//! What anybody who may list processes sees while a run is under way: arguments and environment of the program and of all
//! that it starts, the commands on the lab's hosts among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Looks at the processes again and again until it is told to stop.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<BTreeSet<Vec<u8>>>,
}

impl Watch {
    /// Over the process `root` and its descendants.
    pub(crate) fn over(root: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let looking = spawn(move || {
            let mut seen = BTreeSet::new();
            while !told.load(Ordering::Relaxed) {
                look(root, &mut seen);
                sleep(Duration::from_millis(3));
            }
            seen
        });
        Self { stop, looking }
    }

    /// All arguments and environments that were seen.
    pub(crate) fn end(self) -> BTreeSet<Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.looking.join().unwrap()
    }
}

fn look(root: u32, seen: &mut BTreeSet<Vec<u8>>) {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        // It may have ended meanwhile.
        for file in ["cmdline", "environ"] {
            seen.extend(fs::read(format!("/proc/{pid}/{file}")));
        }
        open.extend(children.get(&pid).into_iter().flatten());
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let rest = stat.rsplit_once(')')?.1;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_process_and_its_children_are_seen() {
    let mut child = std::process::Command::new("sh")
        .args(["-c", "sleep 30 & echo ready; wait"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.as_mut().unwrap()),
        &mut line,
    )
    .unwrap();
    let watch = Watch::over(child.id());
    // One look is enough, and the watch looks at once.
    let mut seen = BTreeSet::new();
    while !seen.contains(b"sleep\x0030\x00".as_slice()) {
        look(child.id(), &mut seen);
    }
    watch.end();
    let sleeping: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(child.id()))
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    for pid in sleeping {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
}
