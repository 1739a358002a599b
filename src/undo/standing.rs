//! How earlier runs stand on a host, by its own logs: which plays it passed, what is gone.

use super::UndoLog;
use crate::shell::quote;

/// How one run stands on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The run.
    pub run: String,
    /// There is no log of it: it never wrote one, or somebody removed it.
    pub gone: bool,
    /// What was committed was taken back later.
    pub taken_back: bool,
    /// The keys of the plays that the host passed in it.
    pub passed: Vec<String>,
}

impl UndoLog {
    /// Asks how these runs stand on the host; changes nothing. `parse_standings` reads the answer.
    pub fn look_at<'a>(&self, runs: impl Iterator<Item = &'a str>) -> String {
        let names: String = runs.map(|run| format!(" {}", quote(run))).collect();
        format!(
            "for run in{names}; do\n\
             manifest={runs}/$run/manifest\n\
             if [ -e \"$manifest\" ]; then echo \"run-here $run\"; cat \"$manifest\"; else echo \"run-gone $run\"; fi\n\
             done\n",
            runs = quote(self.runs()),
        )
    }

    /// What `look_at` printed, in the order that was asked.
    pub fn parse_standings(output: &str) -> Vec<Standing> {
        let mut all: Vec<Standing> = Vec::new();
        let mut reading = Reading::default();
        for line in output.lines() {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            if matches!(first, "run-here" | "run-gone") {
                reading = Reading::default();
                all.push(Standing {
                    run: rest.to_owned(),
                    gone: first == "run-gone",
                    ..Standing::default()
                });
            } else if let Some(standing) = all.last_mut() {
                reading.line(standing, first, rest);
            }
        }
        all
    }
}

/// What of a manifest was read so far.
#[derive(Default)]
struct Reading {
    /// The last step that was committed.
    committed: u32,
    /// Keys that count once the line that commits is there.
    passing: Vec<String>,
}

impl Reading {
    fn line(&mut self, standing: &mut Standing, first: &str, rest: &str) {
        match first {
            "passed" => self.passing.push(rest.to_owned()),
            "committed" => {
                self.committed = rest.trim().parse().unwrap_or(self.committed);
                standing.passed.append(&mut self.passing);
            }
            step if rest == "restored" => {
                standing.taken_back |= step.parse().is_ok_and(|step: u32| step <= self.committed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_say_what_was_passed_and_taken_back() {
        let text = "run-here a\nrun a\n1 intent replace x\n1 done\npassed site.yml:3/v1.35 x\ncommitted 1\n\
                    2 intent replace y\n2 restored\nundone\n\
                    run-gone b\n\
                    run-here c\nrun c\n1 intent replace z\n1 done\npassed site.yml:9\n\
                    run-here d\nrun d\n1 intent replace z\npassed site.yml:9\ncommitted 1\n1 restored\nundone\n";
        let all = UndoLog::parse_standings(text);
        let told: Vec<_> = all
            .iter()
            .map(|it| (it.run.as_str(), it.gone, it.taken_back, it.passed.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("a", false, false, "site.yml:3/v1.35 x".to_owned()),
                ("b", true, false, String::new()),
                ("c", false, false, String::new()),
                ("d", false, true, "site.yml:9".to_owned()),
            ]
        );
    }
}
