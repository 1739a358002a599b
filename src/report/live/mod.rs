//! The live view: a region at the bottom of the terminal that shows who is doing what right now, and above it the lines that last.
//!
//! `stage` is what is going on, `frame` how that looks, `screen` how it gets onto a terminal.

mod frame;
mod reporter;
mod screen;
mod stage;

pub use reporter::live;
