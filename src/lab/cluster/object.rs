//! Reading the common fields of an API object, and the values that every object needs.
//!
//! Objects are plain JSON, since a client may store fields that no type of ours knows.

use jiff::Timestamp;
use serde_json::Value;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The string at a JSON pointer, or the empty string.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// The number at a JSON pointer, or zero.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// Whether the object is on its way out.
pub(super) fn terminating(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// The uid of the controller that owns the object.
pub(super) fn controller_uid(object: &Value) -> Option<&str> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    owner["uid"].as_str()
}

/// A condition of `status.conditions`.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether the condition `Ready` is `True`.
pub(super) fn ready(object: &Value) -> bool {
    condition(object, "Ready").is_some_and(|condition| condition["status"] == "True")
}

/// A time as `metav1.Time` writes it: whole seconds, cut off.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

/// A time as `metav1.MicroTime` writes it.
pub(super) fn micros(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// A time that was written by [`seconds`] or [`micros`].
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Sixty-four random bits. The standard library seeds each hasher from the system's random source.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A new random uid (version 4).
pub(super) fn new_uid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// The random end of a generated name, from the letters that Kubernetes uses (no vowels, so no words).
pub(super) fn suffix(length: usize) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut bits = random();
    let letter = |bits: &mut u64| {
        let index = usize::try_from(*bits % 27).unwrap_or_default();
        *bits /= 27;
        char::from(LETTERS[index])
    };
    (0..length).map(|_| letter(&mut bits)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_and_not_rounded() {
        let time: Timestamp = "2026-11-21T03:57:23.999999999Z".parse().unwrap();
        assert_eq!(seconds(time), "2026-11-21T03:57:23Z");
        assert_eq!(micros(time), "2026-11-21T03:57:23.999999Z");
    }

    #[test]
    fn uids_have_the_right_shape_and_differ() {
        let uid = new_uid();
        let parts: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uid}");
        assert_ne!(uid, new_uid());
        assert_eq!(suffix(5).len(), 5);
    }
}
