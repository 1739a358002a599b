//! The text of a window as words, each with its place.

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Begins with a letter: a day.
    Name,
    /// Begins with a digit: a time.
    Time,
    /// `-`, or one of the longer dashes that text programs make of it.
    Dash,
    /// `,` or `;`.
    Comma,
    /// Anything else.
    Other,
}

/// A word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) sort: Sort,
    pub(super) text: &'t str,
    /// Its first byte.
    pub(super) at: usize,
}

impl Word<'_> {
    /// One past its last byte.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Takes a text apart.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, first)) = rest.next() {
        let sort = match first {
            _ if first.is_whitespace() => continue,
            '-' | '–' | '—' => Sort::Dash,
            ',' | ';' => Sort::Comma,
            _ if first.is_ascii_digit() => Sort::Time,
            _ if first.is_alphabetic() => Sort::Name,
            _ => Sort::Other,
        };
        let mut end = at + first.len_utf8();
        if matches!(sort, Sort::Time | Sort::Name) {
            while let Some((at, next)) =
                rest.next_if(|(_, next)| next.is_alphanumeric() || matches!(next, ':' | '.'))
            {
                end = at + next.len_utf8();
            }
        }
        words.push(Word {
            sort,
            text: &text[at..end],
            at,
        });
    }
    words
}

/// Splits a time zone off the end: the text before it, and the zone with its first byte.
pub(super) fn split_zone(text: &str) -> (&str, Option<(usize, &str)>) {
    let whole = text.trim_end();
    let at = whole
        .rfind(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';'))
        .map_or(0, |at| at + 1);
    let last = &whole[at..];
    let is_zone = last.starts_with(|first: char| first.is_alphabetic())
        && last
            .split(['-', '–', '—'])
            .any(|part| super::days::named(part).is_none() && part != "daily")
        // `Sat02:00-06:00` is no zone.
        && !last.contains(':');
    if is_zone {
        (&whole[..at], Some((at, last)))
    } else {
        (whole, None)
    }
}
