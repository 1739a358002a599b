//! A text that was read, and a range of bytes in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text with the name the user knows it by.
pub struct SourceFile {
    path: PathBuf,
    text: String,
    hidden: bool,
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// Keeps `text` under the name `path`, which may also be a label such as `<command line>`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Self::make(path.into(), text.into(), false)
    }

    /// The same for a text that nobody may see, such as that of an encrypted file: places in it are named, never shown.
    pub fn hidden(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Self::make(path.into(), text.into(), true)
    }

    /// The same file with another text.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Arc<Self> {
        Self::make(self.path.clone(), text.into(), self.hidden)
    }

    fn make(path: PathBuf, text: String, hidden: bool) -> Arc<Self> {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(Self {
            path,
            text,
            hidden,
            line_starts,
        })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its text may not be shown.
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset) - 1;
        let before = self.text.get(self.line_starts[line]..offset);
        Position {
            line: line + 1,
            column: before.map_or(0, |text| text.chars().count()) + 1,
        }
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceFile({})", self.path.display())
    }
}

/// Where a byte stands: line and column, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A range of bytes in one source file.
#[derive(Clone)]
pub struct Span {
    source: Arc<SourceFile>,
    start: usize,
    end: usize,
}

impl Span {
    /// The range `start..end` of `source`, in bytes.
    pub fn new(source: Arc<SourceFile>, start: usize, end: usize) -> Self {
        let start = start.min(source.text.len());
        let end = end.clamp(start, source.text.len());
        Self { source, start, end }
    }

    /// A span for a value that no file holds, such as `-e name=value`.
    pub fn synthetic(label: &str, text: &str) -> Self {
        let source = SourceFile::new(label, text);
        let end = text.len();
        Self::new(source, 0, end)
    }

    /// The file the span is in.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// First byte.
    pub fn start(&self) -> usize {
        self.start
    }

    /// One past the last byte.
    pub fn end(&self) -> usize {
        self.end
    }

    /// The text under the span.
    pub fn text(&self) -> &str {
        self.source.text.get(self.start..self.end).unwrap_or("")
    }

    /// Line and column of the first byte.
    pub fn position(&self) -> Position {
        self.source.position(self.start)
    }

    /// The part `start..end` of this span, in bytes from the span's start.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Self {
        Self::new(
            self.source.clone(),
            (self.start + start).min(self.end),
            (self.start + end).min(self.end),
        )
    }

    /// From the start of this span to the end of `other`.
    #[must_use]
    pub fn to(&self, other: &Self) -> Self {
        Self::new(self.source.clone(), self.start, other.end)
    }
}

impl fmt::Display for Span {
    /// Writes `file:line:column`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position();
        write!(f, "{}:{line}:{column}", self.source.path.display())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_characters_from_one() {
        let source = SourceFile::new("a.yml", "é: x\nsecond\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 1, column: 4 });
        assert_eq!(source.position(6), Position { line: 2, column: 1 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn span_displays_as_file_line_column() {
        let source = SourceFile::new("dir/a.yml", "a: 1\nb: 2\n");
        assert_eq!(Span::new(source, 8, 9).to_string(), "dir/a.yml:2:4");
    }
}
