//! Reading a journal, line by line: what is torn, what is damaged, what is of a newer windlass.
//!
//! A crash or a power cut can only hurt the end of a journal: a line without its newline, or the NUL bytes that ext4 and
//! XFS leave where a file was made longer and its content never came. Such an end is left out without a word, also where
//! a line without newline happens to be an event: the next byte of it may have been lost. A bad line with good ones after
//! it cannot come from that; it is damage of the disk. The events around it are true all the same, and what they say is
//! needed most when things went wrong, so they are read, and the damage is told. A line that is whole but of a kind that
//! is not known here is of a later windlass with the same format: it is passed over and counted.

use super::StoreError;
use crate::event::{Event, VERSION};
use jiff::Timestamp;
use serde::Deserialize;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// A line that is not an event, though events come after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// All that a journal holds.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The journal's file.
    pub path: PathBuf,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Lines that were not read.
    pub damage: Vec<Damage>,
    /// Events of kinds that are not known here.
    pub unknown: usize,
}

impl Record {
    /// What a user must know before relying on the events, as lowercase fragments.
    pub fn warnings(&self) -> Vec<String> {
        let path = self.path.display();
        let mut warnings: Vec<String> = self
            .damage
            .iter()
            .map(|damage| {
                format!(
                    "{path}:{}: the journal is damaged here ({}); what stands before and after was read",
                    damage.line, damage.message
                )
            })
            .collect();
        if self.unknown > 0 {
            warnings.push(format!(
                "{path}: {} of another windlass that are not known here were passed over",
                match self.unknown {
                    1 => "1 event".to_owned(),
                    n => format!("{n} events"),
                }
            ));
        }
        warnings
    }
}

/// A line as far as every version must have it.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "at")]
    _at: Timestamp,
    kind: Tag,
}

#[derive(Deserialize)]
struct Tag {
    event: String,
    version: Option<u32>,
}

/// Reads events one after the other; an error ends it.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    path: PathBuf,
    buffer: Vec<u8>,
    line: usize,
    /// Bad lines that may still turn out to be the torn end.
    suspect: Vec<Damage>,
    damage: Vec<Damage>,
    unknown: usize,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads `source`, which is called `path` in messages.
    pub(super) fn new(source: R, path: &Path) -> Self {
        Self {
            source,
            path: path.to_owned(),
            buffer: Vec::new(),
            line: 0,
            suspect: Vec::new(),
            damage: Vec::new(),
            unknown: 0,
            over: false,
        }
    }

    /// The bad lines so far that have good ones after them.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Reads all that is left.
    pub fn record(mut self) -> Result<Record, StoreError> {
        let events = self.by_ref().collect::<Result<_, _>>()?;
        Ok(Record {
            path: self.path,
            events,
            damage: self.damage,
            unknown: self.unknown,
        })
    }

    /// The next whole line, without its newline; `None` at the end, torn or not.
    fn next_line(&mut self) -> Result<Option<&[u8]>, StoreError> {
        self.buffer.clear();
        let read = self.source.read_until(b'\n', &mut self.buffer);
        read.map_err(|source| StoreError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.line += 1;
        Ok(self.buffer.strip_suffix(b"\n"))
    }

    /// The next event.
    fn advance(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            let Some(line) = self.next_line()? else {
                return Ok(None);
            };
            let error = match serde_json::from_slice::<Event>(line) {
                Ok(event) => {
                    if let crate::event::Kind::RunStarted { version, .. } = event.kind {
                        self.refuse_newer(version)?;
                    }
                    self.good();
                    return Ok(Some(event));
                }
                Err(error) => error,
            };
            match serde_json::from_slice::<Head>(line) {
                Ok(Head { kind, .. }) => {
                    if kind.event == "run_started" {
                        self.refuse_newer(kind.version.unwrap_or_default())?;
                    }
                    self.good();
                    self.unknown += 1;
                }
                Err(_) => self.suspect.push(Damage {
                    line: self.line,
                    message: error.to_string(),
                }),
            }
        }
    }

    /// What was bad before a good line is no torn end.
    fn good(&mut self) {
        self.damage.append(&mut self.suspect);
    }

    fn refuse_newer(&self, version: u32) -> Result<(), StoreError> {
        if version > VERSION {
            return Err(StoreError::Newer {
                path: self.path.clone(),
                version,
            });
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.advance().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    fn started(version: u32) -> String {
        let event = Event::now(Kind::RunStarted {
            run: "r1".to_owned(),
            version,
            playbook: "site.yml".to_owned(),
            inventory: Vec::new(),
            check: false,
            user: String::new(),
            controller: String::new(),
            resumes: None,
        });
        serde_json::to_string(&event).unwrap() + "\n"
    }

    fn committed(host: &str) -> String {
        let event = Event::now(Kind::HostCommitted {
            host: host.to_owned(),
        });
        serde_json::to_string(&event).unwrap() + "\n"
    }

    fn read(bytes: &[u8]) -> Result<Record, StoreError> {
        Reader::new(bytes, Path::new("events.jsonl")).record()
    }

    #[test]
    fn a_journal_that_is_cut_at_any_byte_has_all_events_before_the_cut() {
        let lines = [
            started(VERSION),
            committed("a"),
            committed("é\u{1f6a2}"),
            committed("c"),
        ];
        let whole = lines.concat();
        for cut in 0..=whole.len() {
            let mut end = 0;
            let expected = lines
                .iter()
                .take_while(|line| {
                    end += line.len();
                    end <= cut
                })
                .count();
            // As it is, and with what some file systems leave in place of what was lost.
            for tail in [&b""[..], &b"\0\0\0"[..], &[0; 4096][..], &b"\0\n\0\n"[..]] {
                let torn = [&whole.as_bytes()[..cut], tail].concat();
                let record = read(&torn).unwrap();
                assert_eq!(record.events.len(), expected, "cut at {cut}");
                assert_eq!((record.damage, record.unknown), (Vec::new(), 0));
            }
        }
    }

    #[test]
    fn damage_in_the_middle_is_told_and_what_is_around_it_is_read() {
        let bad = ["{\"at\":\"2026-11", "", "\0\0\0\0", "not json", "\u{fffd}"];
        for bad in bad {
            let text = format!("{}{bad}\n{}{bad}\n", started(VERSION), committed("a"));
            let record = read(text.as_bytes()).unwrap();
            assert_eq!(record.events.len(), 2, "{bad:?}");
            let lines: Vec<usize> = record.damage.iter().map(|damage| damage.line).collect();
            assert_eq!(lines, [2], "{bad:?}: the last one is the torn end");
            let warnings = record.warnings();
            assert!(warnings[0].starts_with("events.jsonl:2: "), "{warnings:?}");
        }
        let latin = [
            started(VERSION).as_bytes(),
            b"\xff\n",
            committed("a").as_bytes(),
        ]
        .concat();
        assert_eq!(read(&latin).unwrap().damage.len(), 1);
    }

    #[test]
    fn events_of_a_later_windlass_are_passed_over_and_counted() {
        let at = "\"at\":\"2026-11-21T07:00:00Z\"";
        let text = [
            started(VERSION),
            format!("{{{at},\"kind\":{{\"event\":\"weather\",\"wind\":7}}}}\n"),
            committed("a"),
            format!("{{{at},\"kind\":{{\"event\":\"host_committed\",\"host\":[]}}}}\n"),
        ];
        let record = read(text.concat().as_bytes()).unwrap();
        assert_eq!((record.events.len(), record.unknown), (2, 2));
        assert!(record.damage.is_empty());
        assert_eq!(
            record.warnings(),
            ["events.jsonl: 2 events of another windlass that are not known here were passed over"]
        );
    }

    #[test]
    fn a_journal_of_a_newer_format_is_refused() {
        let at = "\"at\":\"2026-11-21T07:00:00Z\"";
        let other = format!("{{{at},\"kind\":{{\"event\":\"run_started\",\"version\":99}}}}\n");
        for first in [started(99), other] {
            let text = first + &committed("a");
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "events.jsonl was written by a newer windlass: its format is 99, and this one reads up to {VERSION}"
                )
            );
        }
    }

    #[test]
    fn a_long_journal_is_read_line_by_line() {
        let text = started(VERSION) + &committed("host-0001").repeat(20_000);
        let mut reader = Reader::new(text.as_bytes(), Path::new("events.jsonl"));
        assert_eq!(reader.by_ref().flatten().count(), 20_001);
        assert!(reader.buffer.capacity() < 64 * 1024);
    }
}
