//! Splits a host line of an INI inventory into words, as Python's `shlex` does, and keeps where each byte stood.
//!
//! This file knows quotes and comments; it must not know hosts or variables.

use crate::source::{SourceFile, Span};
use std::ops::Range;
use std::sync::Arc;

/// A text taken from a file, perhaps with quotes and backslashes removed.
#[derive(Debug, Clone)]
pub(super) struct Word {
    source: Arc<SourceFile>,
    /// The text without quotes.
    pub(super) text: String,
    /// The place in the file of each byte of `text`, and of the end.
    offsets: Vec<usize>,
}

impl Word {
    /// The bytes `range` of the file as they stand.
    pub(super) fn verbatim(source: &Arc<SourceFile>, range: Range<usize>) -> Self {
        Self {
            source: source.clone(),
            text: source.text()[range.clone()].to_owned(),
            offsets: (range.start..=range.end).collect(),
        }
    }

    /// The part from the byte `start` of the text on.
    pub(super) fn from(&self, start: usize) -> Self {
        Self {
            source: self.source.clone(),
            text: self.text[start..].to_owned(),
            offsets: self.offsets[start..].to_vec(),
        }
    }

    /// The place of the bytes `range` of the text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = self.offsets[range.start];
        let end = if range.is_empty() {
            start
        } else {
            self.offsets[range.end - 1] + 1
        };
        Span::new(self.source.clone(), start, end)
    }

    /// The place of the whole text.
    pub(super) fn whole(&self) -> Span {
        self.span(0..self.text.len())
    }

    /// Whether the text stands in the file exactly so, without quotes or backslashes in between.
    pub(super) fn is_verbatim(&self) -> bool {
        let text = &self.offsets[..self.text.len()];
        text.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }
}

/// The words of a line, and where an unquoted `#` right after a word's last letter cut it short.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    pub(super) cut_at: Option<usize>,
}

/// Why a line does not split; the number is a place in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SplitError {
    /// A quote that opens here never closes.
    OpenQuote(usize),
    /// A backslash ends the line.
    TrailingBackslash(usize),
}

/// Splits the bytes `range` of the file. A `#` outside quotes starts a comment, inside a word too.
pub(super) fn split(source: &Arc<SourceFile>, range: Range<usize>) -> Result<Line, SplitError> {
    let mut line = Line {
        words: Vec::new(),
        cut_at: None,
    };
    let mut splitter = Splitter {
        chars: source.text()[range.clone()].char_indices().collect(),
        base: range.start,
        next: 0,
    };
    while let Some((at, c)) = splitter.peek() {
        if c.is_whitespace() {
            splitter.next += 1;
        } else if c == '#' {
            if at > range.start && !source.text()[..at].ends_with(char::is_whitespace) {
                line.cut_at = Some(at);
            }
            break;
        } else {
            let (text, mut offsets) = splitter.word()?;
            offsets.push(splitter.peek().map_or(range.end, |(end, _)| end));
            line.words.push(Word {
                source: source.clone(),
                text,
                offsets,
            });
        }
    }
    Ok(line)
}

struct Splitter {
    chars: Vec<(usize, char)>,
    base: usize,
    next: usize,
}

impl Splitter {
    fn peek(&self) -> Option<(usize, char)> {
        let (at, c) = self.chars.get(self.next)?;
        Some((self.base + at, *c))
    }

    fn word(&mut self) -> Result<(String, Vec<usize>), SplitError> {
        let mut text = String::new();
        let mut offsets = Vec::new();
        let mut quote: Option<(usize, char)> = None;
        while let Some((at, c)) = self.peek() {
            match quote {
                None if c.is_whitespace() || c == '#' => break,
                None if c == '\'' || c == '"' => quote = Some((at, c)),
                Some((_, open)) if c == open => quote = None,
                None | Some((_, '"')) if c == '\\' => {
                    self.next += 1;
                    let Some((escaped_at, escaped)) = self.peek() else {
                        return Err(SplitError::TrailingBackslash(at));
                    };
                    // Inside double quotes a backslash escapes only a quote or itself.
                    if quote.is_some() && escaped != '"' && escaped != '\\' {
                        push(&mut text, &mut offsets, at, '\\');
                    }
                    push(&mut text, &mut offsets, escaped_at, escaped);
                }
                _ => push(&mut text, &mut offsets, at, c),
            }
            self.next += 1;
        }
        match quote {
            Some((at, _)) => Err(SplitError::OpenQuote(at)),
            None => Ok((text, offsets)),
        }
    }
}

fn push(text: &mut String, offsets: &mut Vec<usize>, at: usize, c: char) {
    text.push(c);
    offsets.extend(at..at + c.len_utf8());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, SplitError> {
        let source = SourceFile::new("hosts", text);
        let line = split(&source, 0..text.len())?;
        Ok(line.words.into_iter().map(|word| word.text).collect())
    }

    #[test]
    fn lines_split_as_shlex_splits_them() {
        let cases: [(&str, &[&str]); 7] = [
            ("web1 a=1  b=2", &["web1", "a=1", "b=2"]),
            ("web1 a='x y' # note", &["web1", "a=x y"]),
            (r#"web1 a="x \" \n y""#, &["web1", r#"a=x " \n y"#]),
            (r"web1 a=x\ y", &["web1", "a=x y"]),
            ("web1 a=b#c d=e", &["web1", "a=b"]),
            ("web1 a='b#c'", &["web1", "a=b#c"]),
            ("é a='' ", &["é", "a="]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert_eq!(words("w a='x").unwrap_err(), SplitError::OpenQuote(4));
        assert_eq!(
            words("w a\\").unwrap_err(),
            SplitError::TrailingBackslash(3)
        );
    }

    #[test]
    fn words_know_their_places() {
        let source = SourceFile::new("hosts", "é a=\"b c\" d=x\\ y e=f#g");
        let line = split(&source, 0..source.text().len()).unwrap();
        let value = line.words[1].from(2);
        assert_eq!(value.whole().to_string(), "hosts:1:6");
        assert!(value.is_verbatim());
        assert!(!line.words[2].is_verbatim());
        assert_eq!(line.cut_at, source.text().find('#'));
    }
}
