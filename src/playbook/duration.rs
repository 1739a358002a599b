//! Lengths of time as playbooks write them: seconds, or a number with a unit.

use std::time::Duration;

/// Reads `90`, `1.5`, `90s`, `5m`, `2h` or `1d`; nothing else, and nothing below zero.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, seconds) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3600.0),
        (at, 'd') => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    let plain = |letter: char| letter.is_ascii_digit() || letter == '.';
    if !number.chars().all(plain) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read() {
        let cases = [
            ("90", Some(90_000)),
            (" 1.5 ", Some(1_500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            ("-5", None),
            ("5 m", None),
            ("1h30m", None),
            ("soon", None),
            ("inf", None),
        ];
        for (text, milliseconds) in cases {
            let found = parse_duration(text).map(|it| it.as_millis());
            assert_eq!(found, milliseconds, "{text}");
        }
    }
}
