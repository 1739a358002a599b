//! What the journals of a lab's runs and its hosts' own journals say together.

use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The events of all runs, the oldest run first.
pub(crate) struct Record {
    runs: Vec<(String, Vec<Value>)>,
}

impl Record {
    /// Reads all journals. Only the last line of one may be torn.
    pub(crate) fn of(lab: &Lab) -> Self {
        let folder = lab.state_folder().join("runs");
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|run| run.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let runs = names.into_iter().map(|run| {
            let text =
                fs::read_to_string(folder.join(&run).join("events.jsonl")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let mut events = Vec::new();
            for (at, line) in lines.iter().enumerate() {
                match serde_json::from_str::<Value>(line) {
                    Ok(event) => events.push(event["kind"].clone()),
                    Err(error) => assert_eq!(at + 1, lines.len(), "{run}: {error}: {line}"),
                }
            }
            (run, events)
        });
        Self {
            runs: runs.collect(),
        }
    }

    /// Why hosts failed, for a message.
    pub(crate) fn failures(&self) -> String {
        let (run, events) = self.runs.last().unwrap();
        let told = events.iter().filter(|event| {
            let status = event["result"]["status"].as_str().unwrap_or_default();
            matches!(status, "failed" | "unreachable" | "unknown")
                || matches!(
                    event["event"].as_str(),
                    Some("stopped" | "run_finished" | "warning" | "taken_back")
                )
        });
        let lines: String = told.map(|event| format!("\n{event}")).collect();
        format!("\n{run}:{lines}")
    }

    /// Asserts that each binary of each host was swapped, and that of all swaps of it one was not taken back.
    pub(crate) fn assert_each_change_once(&self, hosts: &[String]) {
        for host in hosts {
            let mut stays: BTreeMap<String, usize> = BTreeMap::new();
            for (run, _) in &self.runs {
                for what in self.committed(host, run) {
                    *stays.entry(what).or_default() += 1;
                }
            }
            let swapped = stays.keys().filter(|what| what.contains("kubelet"));
            assert!(swapped.count() > 0, "{host} has no change: {stays:?}");
            for (what, times) in stays {
                assert_eq!(times, 1, "{host}: {what}");
            }
        }
    }

    /// The swaps of binaries that a run made on a host and that were not taken back.
    fn committed(&self, host: &str, run: &str) -> Vec<String> {
        let mut open = Vec::new();
        let mut committed = Vec::new();
        let from = self.runs.iter().position(|(name, _)| name == run).unwrap();
        for (at, (_, events)) in self.runs.iter().enumerate().skip(from) {
            for event in events.iter().filter(|event| event["host"] == host) {
                let of_run = at == from;
                match event["event"].as_str().unwrap() {
                    "undo_recorded" if of_run => {
                        let what = event["what"].as_str().unwrap();
                        if what.contains(" in place") {
                            open.push(what.to_owned());
                        }
                    }
                    "host_committed" if of_run => committed.append(&mut open),
                    "rollback_finished" if of_run => open.clear(),
                    "taken_back" | "went_back" if event["run"] == run => open.clear(),
                    // A host that committed while its controller was killed says so to the next run.
                    "host_passed" => committed.append(&mut open),
                    _ => {}
                }
            }
        }
        committed
    }

    /// Asserts that no service was started again on hosts that were through with their kubelet; notes who is through now.
    pub(crate) fn assert_undisturbed(&self, lab: &Lab, through: &mut BTreeMap<String, usize>) {
        for (host, before) in through.iter() {
            assert_eq!(starts(lab, host), *before, "{host} was restarted again");
        }
        for (_, events) in &self.runs {
            let mut kubelets = String::new();
            for event in events {
                if event["event"] == "play_started"
                    && event["name"].as_str().unwrap().contains("kubelets")
                {
                    event["key"].as_str().unwrap().clone_into(&mut kubelets);
                }
                if event["event"] == "host_passed" && event["play"] == kubelets.as_str() {
                    let host = event["host"].as_str().unwrap();
                    through
                        .entry(host.to_owned())
                        .or_insert_with(|| starts(lab, host));
                }
            }
        }
    }
}

/// How often the kubelet of a host was started, by the host's journal.
fn starts(lab: &Lab, host: &str) -> usize {
    let journal = lab.host_folder(host).join("run/journal/kubelet");
    let text = fs::read_to_string(journal).unwrap_or_default();
    text.lines()
        .filter(|line| line.contains("Started kubelet"))
        .count()
}
