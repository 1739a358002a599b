//! What a change must leave behind so that it can be taken back.

use crate::event::Phase;
use serde_json::Value;

/// How one change is taken back.
#[derive(Debug, Clone, Default)]
pub enum Undo {
    /// There is nothing to take back.
    #[default]
    Nothing,
    /// By these inverses, recorded on the host before the change.
    Entries(Vec<Entry>),
    /// Not at all; why, in words.
    Impossible(String),
}

/// One inverse. The host works out by itself what to keep, at the moment of recording.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Whatever stands at this path comes back: content, mode, owner, link target, or that nothing was there.
    ///
    /// A file is kept by a hard link where the file system allows, so the change must replace it by rename, not write into it.
    Path(String),
    /// The same, and of a folder also everything in it, by hard links or copies: for a folder that is to be removed.
    Tree(String),
    /// Mode, owner and group of this path come back; its content is not kept.
    Attributes(String),
    /// The unit returns to its former state: enabled or not, masked or not; restarted if it was running, stopped if it was not.
    Service(String),
    /// A command of the user's own.
    Command {
        /// When it runs.
        phase: Phase,
        /// The script.
        script: String,
    },
    /// What the controller does once the host is back, such as to uncordon its node; kept on the host for later runs.
    Release(Value),
}
