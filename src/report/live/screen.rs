//! Puts a region of lines at the end of a terminal and replaces it, each time in one write, so that nothing flickers.
//!
//! It knows how many rows the last region takes up, also when the terminal has become narrower since and has broken its lines. It
//! must not know what the lines say.

use super::frame::Size;
use console::measure_text_width;
use std::io::Write;

const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";
const CLEAR_TO_END_OF_LINE: &str = "\u{1b}[K";
const CLEAR_TO_END_OF_SCREEN: &str = "\u{1b}[J";

/// A terminal with a region at its end.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// The widths of the lines that are on the screen.
    drawn: Vec<usize>,
    size: Option<Size>,
    cursor_hidden: bool,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            drawn: Vec::new(),
            size: None,
            cursor_hidden: false,
        }
    }

    /// Replaces the region by `lines`, and adds `lasting` above it.
    pub(super) fn draw(&mut self, lasting: &str, lines: &[String], size: Size) {
        let mut text = String::new();
        if !self.cursor_hidden {
            self.cursor_hidden = true;
            text.push_str(HIDE_CURSOR);
        }
        text.push_str(&self.back_to_top(size));
        // Line by line over the old region where that is possible: what did not change does not blink.
        if !lasting.is_empty() || self.size != Some(size) {
            text.push_str(CLEAR_TO_END_OF_SCREEN);
        }
        text.push_str(lasting);
        for line in lines {
            text.push_str(line);
            text.push_str(CLEAR_TO_END_OF_LINE);
            text.push('\n');
        }
        text.push_str(CLEAR_TO_END_OF_SCREEN);
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.size = Some(size);
        self.write(&text);
    }

    /// Takes the region away, adds `lasting`, and gives the cursor back.
    pub(super) fn close(&mut self, lasting: &str, size: Size) {
        let mut text = self.back_to_top(size);
        text.push_str(CLEAR_TO_END_OF_SCREEN);
        text.push_str(lasting);
        text.push_str(SHOW_CURSOR);
        self.drawn.clear();
        self.cursor_hidden = false;
        self.write(&text);
    }

    /// Moves to the first column of the region's first row.
    fn back_to_top(&self, size: Size) -> String {
        let columns = usize::from(size.columns.max(1));
        let rows: usize = self
            .drawn
            .iter()
            .map(|width| width.div_ceil(columns).max(1))
            .sum();
        match rows {
            0 => "\r".to_owned(),
            rows => format!("\r\u{1b}[{rows}A"),
        }
    }

    fn write(&mut self, text: &str) {
        // A terminal that is gone is no reason to stop a run.
        let _written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::Page;

    #[test]
    fn the_region_is_replaced_in_place_also_in_a_narrower_terminal() {
        let page = Page::default();
        let mut screen = Screen::new(Box::new(page.clone()));
        let wide = Size {
            rows: 24,
            columns: 40,
        };
        let narrow = Size {
            columns: 10,
            ..wide
        };
        screen.draw("", &["a".repeat(25), "b".to_owned()], wide);
        screen.draw("", &["c".to_owned()], narrow);
        screen.draw("kept\n", &["d".to_owned()], narrow);
        screen.close("", narrow);
        let long = "a".repeat(25);
        assert_eq!(
            page.text(),
            format!(
                "\u{1b}[?25l\r\u{1b}[J{long}\u{1b}[K\nb\u{1b}[K\n\u{1b}[J\
                 \r\u{1b}[4A\u{1b}[Jc\u{1b}[K\n\u{1b}[J\
                 \r\u{1b}[1A\u{1b}[Jkept\nd\u{1b}[K\n\u{1b}[J\
                 \r\u{1b}[1A\u{1b}[J\u{1b}[?25h"
            )
        );
    }
}
