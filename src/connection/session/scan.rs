//! Finding markers in the two output streams of a process.
//!
//! A marker is a line of its own, a word and a number, that the host prints on both streams: `\nWORD NUMBER\n`. The word
//! is made up for every use, so no output can look like it. What lies between the last two markers is the output;
//! bytes of any kind pass through unchanged.

use super::process::Event;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// A word that nobody can guess, of letters and digits.
pub(super) fn unguessable_word() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // The standard library seeds its hash keys from the system; a keyed hash of a counter is as good as random here.
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(count);
        hasher.finish()
    };
    format!("w{:016x}{:016x}", half(), half())
}

/// Looks for the same markers, in order, in both streams.
#[derive(Debug)]
pub(super) struct Scan {
    stdout: Stream,
    stderr: Stream,
}

impl Scan {
    /// Looks for each of the words in turn.
    pub(super) fn new(words: &[&str]) -> Self {
        Self {
            stdout: Stream::new(words),
            stderr: Stream::new(words),
        }
    }

    /// Takes an event in; the exit status if it was that.
    pub(super) fn take(&mut self, event: &Event) -> Option<i32> {
        match event {
            Event::Stdout(data) => self.stdout.push(data),
            Event::Stderr(data) => self.stderr.push(data),
            Event::Exit(status) => return Some(*status),
        }
        None
    }

    /// Whether all markers were seen on both streams.
    pub(super) fn is_done(&self) -> bool {
        self.stdout.is_done() && self.stderr.is_done()
    }

    /// The number beside the last marker of standard output.
    pub(super) fn number(&self) -> i64 {
        self.stdout.number
    }

    /// Standard output and error since the last marker but one.
    pub(super) fn into_outputs(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.buffer, self.stderr.buffer)
    }

    /// Standard error so far, for prompts and for words about a failed start.
    pub(super) fn stderr_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stderr.buffer).into_owned()
    }

    /// Standard output so far.
    pub(super) fn stdout_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stdout.buffer).into_owned()
    }
}

/// One stream.
#[derive(Debug)]
struct Stream {
    /// Marker starts, `\nWORD `, that are still to come, the next one last.
    to_come: Vec<Vec<u8>>,
    /// What came since the last marker.
    buffer: Vec<u8>,
    /// No marker starts before this place of the buffer.
    searched: usize,
    number: i64,
}

impl Stream {
    fn new(words: &[&str]) -> Self {
        let marker = |word: &&str| format!("\n{word} ").into_bytes();
        Self {
            to_come: words.iter().rev().map(marker).collect(),
            buffer: Vec::new(),
            searched: 0,
            number: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.to_come.is_empty()
    }

    fn push(&mut self, data: &[u8]) {
        if self.is_done() {
            return;
        }
        self.buffer.extend_from_slice(data);
        while let Some(marker) = self.to_come.last() {
            let Some(start) = find(&self.buffer, marker, self.searched) else {
                self.searched = self.buffer.len().saturating_sub(marker.len() - 1);
                return;
            };
            let after = start + marker.len();
            let Some(length) = self.buffer[after..].iter().position(|&b| b == b'\n') else {
                self.searched = start;
                return;
            };
            let digits = String::from_utf8_lossy(&self.buffer[after..after + length]);
            self.number = digits.trim().parse().unwrap_or_default();
            self.to_come.pop();
            if self.to_come.is_empty() {
                self.buffer.truncate(start);
                return;
            }
            self.buffer.drain(..=after + length);
            self.searched = 0;
        }
    }
}

/// Where `needle`, which starts with a newline, is in `hay` at or after `from`.
fn find(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += hay.get(at..)?.iter().position(|&b| b == b'\n')?;
        if hay[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn scanned(pieces: &[&[u8]]) -> (Option<Vec<u8>>, i64) {
        let mut stream = Stream::new(&["B", "E"]);
        for piece in pieces {
            stream.push(piece);
        }
        (stream.is_done().then_some(stream.buffer), stream.number)
    }

    #[test]
    fn output_lies_between_the_markers() {
        type Case<'a> = (&'a [&'a [u8]], Option<&'a [u8]>, i64);
        let cases: &[Case] = &[
            (&[b"\nB 0\nhello\n\nE 0\n"], Some(b"hello\n"), 0),
            (&[b"noise\nB 0\n\nE 3\n"], Some(b""), 3),
            (
                &[b"\nB 0\nno newline\nE 127\nlater"],
                Some(b"no newline"),
                127,
            ),
            (&[b"\nB", b" 0\nx\n", b"\nE", b" 1", b"\n"], Some(b"x\n"), 1),
            (
                &[b"\nB 0\n\xff\0\nEE 1\n\nE 0\n"],
                Some(b"\xff\0\nEE 1\n"),
                0,
            ),
            (&[b"\nB 0\nE 0"], None, 0),
            (&[b"B 0\nE 0\n"], None, 0),
        ];
        for (pieces, expected, number) in cases {
            let (found, status) = scanned(pieces);
            assert_eq!(found.as_deref(), *expected, "{pieces:?}");
            assert_eq!(status, *number, "{pieces:?}");
        }
    }

    #[test]
    fn every_split_gives_the_same() {
        let whole = b"motd\n\nB 0\none\ntwo\0\n\nE 42\n".as_slice();
        for at in 0..whole.len() {
            let (found, status) = scanned(&[&whole[..at], &whole[at..]]);
            assert_eq!(found.as_deref(), Some(b"one\ntwo\0\n".as_slice()), "{at}");
            assert_eq!(status, 42);
        }
    }

    #[test]
    fn both_streams_must_end() {
        let mut scan = Scan::new(&["E"]);
        assert_eq!(scan.take(&Event::Stdout(Bytes::from("a\nE 7\n"))), None);
        assert!(!scan.is_done());
        assert_eq!(scan.take(&Event::Stderr(Bytes::from("b\nE 0\n"))), None);
        assert!(scan.is_done());
        assert_eq!(scan.take(&Event::Exit(9)), Some(9));
        assert_eq!(scan.number(), 7);
        assert_eq!(scan.into_outputs(), (b"a".to_vec(), b"b".to_vec()));
    }

    #[test]
    fn words_differ() {
        assert_ne!(unguessable_word(), unguessable_word());
    }
}
