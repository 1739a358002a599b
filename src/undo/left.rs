//! What other runs left on a host: changes that are neither committed nor taken back, and hosts that went back by themselves.
//!
//! It reads logs of all versions; those of the first one have no dead-man timer.

use super::UndoLog;
use crate::shell::quote;

/// What another run left on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The run.
    pub run: String,
    /// Changes of it are neither committed nor taken back.
    pub open: bool,
    /// When the host went back by itself (UTC).
    pub alone: Option<String>,
    /// Its dead-man timer runs out in so many seconds; below zero, it has.
    pub armed: Option<i64>,
    /// It is taken back at this moment.
    pub busy: bool,
}

/// Only what the shell itself can do: with nothing left by others it costs next to nothing.
const LOOK: &str = r#"boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
read -r now _ </proc/uptime
for manifest in */manifest; do
  run=${manifest%/manifest}
  [ -f "$manifest" ] && [ "$run" != "$own" ] || continue
  open=no alone=-
  while read -r one two _; do
    case $one in
      committed|undone) open=no ;;
      alone) alone=$two ;;
      *) [ "$two" != intent ] || open=yes ;;
    esac
  done <"$manifest"
  if [ "$open" = no ]; then
    [ "$alone" != - ] && ! [ -e "$run/seen" ] || continue
  fi
  armed=-
  due= armed_in=
  { read -r due _ armed_in <"$run/deadline"; } 2>/dev/null || :
  [ -z "$due" ] || [ "$armed_in" != "$boot" ] || armed=$((due - ${now%%.*}))
  busy=no
  pid= locked_in=
  { read -r pid locked_in <"$run/lock/holder"; } 2>/dev/null || :
  [ -z "$pid" ] || [ "$locked_in" != "$boot" ] || ! kill -0 "$pid" 2>/dev/null || busy=yes
  echo "left $run $open $alone $armed $busy"
done
"#;

impl UndoLog {
    /// Looks for what other runs left on the host; changes nothing. `parse_left` reads the answer.
    pub fn look_for_others(&self) -> String {
        format!(
            "cd {} 2>/dev/null || exit 0\nown={}\n{LOOK}",
            quote(self.runs()),
            quote(self.run())
        )
    }

    /// What `look_for_others` printed, the oldest run first.
    pub fn parse_left(output: &str) -> Vec<Left> {
        let mut left: Vec<Left> = output.lines().filter_map(Left::parse).collect();
        left.sort_by(|one, other| one.run.cmp(&other.run));
        left
    }

    /// Notes that a user was told how this run ended on the host.
    pub fn mark_seen(&self) -> String {
        format!(": >{}\n", quote(&format!("{}/seen", self.folder())))
    }
}

impl Left {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_prefix("left ")?.split(' ').collect();
        let [run, open, alone, armed, busy] = words.as_slice() else {
            return None;
        };
        Some(Self {
            run: (*run).to_owned(),
            open: *open == "yes",
            alone: (*alone != "-").then(|| (*alone).to_owned()),
            armed: armed.parse().ok(),
            busy: *busy == "yes",
        })
    }
}
