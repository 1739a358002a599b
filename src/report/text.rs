//! Durations, headings and padding: text that is the same in every reporter.

use console::{AnsiCodeIterator, measure_text_width};
use std::borrow::Cow;
use std::time::Duration;

/// A duration as a person says it: `4.2 s`, `1 min 5 s`, `2 h 3 min`.
pub fn duration(took: Duration) -> String {
    let tenths = (took.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (took.as_millis() + 500) / 1000;
    if seconds < 3600 {
        return format!("{} min {} s", seconds / 60, seconds % 60);
    }
    let minutes = seconds / 60;
    format!("{} h {} min", minutes / 60, minutes % 60)
}

/// A duration that grows while it is watched: whole seconds.
pub(super) fn elapsed(took: Duration) -> String {
    match took.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

/// `text` without escape sequences and control characters; line breaks and tabs stay.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let unwanted = |c: char| {
        c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unwanted) {
        return Cow::Borrowed(text);
    }
    let plain: String = AnsiCodeIterator::new(text)
        .filter(|(_, is_code)| !is_code)
        .flat_map(|(piece, _)| piece.chars())
        .filter(|c| !unwanted(*c))
        .collect();
    Cow::Owned(plain)
}

/// `text` on one line, without control characters.
pub(super) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `title` and stars up to `width` columns, at least three.
pub(super) fn starred(title: &str, width: u16) -> String {
    let title = one_line(title);
    let stars = usize::from(width)
        .saturating_sub(measure_text_width(&title) + 1)
        .max(3);
    format!("{title} {}", "*".repeat(stars))
}

/// `text` with spaces up to `width` columns.
pub(super) fn pad(text: &str, width: usize) -> Cow<'_, str> {
    console::pad_str(text, width, console::Alignment::Left, None)
}

/// `1 host`, `3 hosts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Each line of `text` behind `indent`.
pub(super) fn indented(text: &str, indent: &str) -> String {
    text.lines()
        .map(|line| format!("{indent}{}\n", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        let cases = [
            (0, "0.0 s"),
            (4_234, "4.2 s"),
            (59_940, "59.9 s"),
            (59_960, "1 min 0 s"),
            (65_000, "1 min 5 s"),
            (3_599_600, "1 h 0 min"),
            (7_380_000, "2 h 3 min"),
        ];
        for (millis, expected) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
        assert_eq!(elapsed(Duration::from_millis(4_900)), "4 s");
        assert_eq!(elapsed(Duration::from_secs(65)), "1 min 5 s");
    }

    #[test]
    fn a_heading_fills_the_width_also_with_wide_letters() {
        for title in ["PLAY [all]", "PLAY [日本語]"] {
            assert_eq!(measure_text_width(&starred(title, 30)), 30, "{title}");
        }
        assert_eq!(starred("TASK [a long name]", 10), "TASK [a long name] ***");
    }

    #[test]
    fn one_line_has_no_breaks_and_no_codes() {
        assert_eq!(one_line("a\n  b\u{1b}[31mc\u{1b}[0m\r\n"), "a bc");
    }
}
