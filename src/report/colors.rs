//! What each colour means. Ansible's colours, so that eyes need not learn new ones.
//!
//! Everything that hosts or users wrote goes through here, and loses its control characters on the way: a host's output must not
//! be able to move the cursor of the terminal that shows it.

use super::text::clean;
use console::{Color, Style};

/// What a piece of text says, as far as colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    Ok,
    Changed,
    Skipped,
    Failed,
    Unreachable,
    Warning,
    Note,
    Dim,
}

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colors {
    on: bool,
}

impl Colors {
    pub(super) fn new(on: bool) -> Self {
        Self { on }
    }

    /// `text` without control characters, in the colour of `tone`.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let text = clean(text);
        if !self.on || text.is_empty() || tone == Tone::Plain {
            return text.into_owned();
        }
        style(tone).force_styling(true).apply_to(text).to_string()
    }
}

fn style(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Heading => style.bold(),
        Tone::Ok => style.green(),
        Tone::Changed => style.yellow(),
        Tone::Skipped => style.cyan(),
        Tone::Failed => style.red(),
        Tone::Unreachable => style.red().bright(),
        Tone::Warning => style.magenta().bright(),
        Tone::Note => style.blue(),
        Tone::Dim => style.fg(Color::Black).bright(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_painted_only_when_asked_and_never_carries_codes_of_its_own() {
        let cases = [
            (false, Tone::Failed, "a\u{1b}[2Jb\r\n", "ab\n"),
            (true, Tone::Failed, "a", "\u{1b}[31ma\u{1b}[0m"),
            (true, Tone::Plain, "a\u{7}", "a"),
            (true, Tone::Ok, "", ""),
        ];
        for (on, tone, given, expected) in cases {
            assert_eq!(Colors::new(on).paint(tone, given), expected, "{given:?}");
        }
    }
}
