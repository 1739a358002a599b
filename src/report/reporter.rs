//! What every reporter can do, and what a user can set about it.

use super::colors::Colors;
use crate::event::Event;

/// Something that shows a run while it happens, or again afterwards.
///
/// A reporter never fails: when its output is gone there is nobody left to tell, and the run matters more.
pub trait Reporter: Send {
    /// Takes one event, in the order in which they happened.
    fn event(&mut self, event: &Event);

    /// Called about eight times a second, for what moves between events.
    fn tick(&mut self) {}

    /// Called once after the last event, also when the run was cut short. Restores what was changed about the terminal.
    fn finish(&mut self) {}
}

/// What a user sets about the output.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of `-v`.
    pub verbosity: u8,
    /// Whether to use colours.
    pub color: bool,
    /// Whether to show differences.
    pub diff: bool,
    /// Columns that a heading fills.
    pub width: u16,
}

impl Options {
    pub(super) fn colors(self) -> Colors {
        Colors::new(self.color)
    }
}
