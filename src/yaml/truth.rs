//! Words for true and false where a boolean is wanted, beyond those that YAML itself resolves.

/// The boolean that a word means to Ansible (`module_utils/parsing/convert_bool.py`), or `None` when it means none.
pub fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "yes" | "y" | "on" | "true" | "t" | "1" | "1.0" => Some(true),
        "no" | "n" | "off" | "false" | "f" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::truth;

    #[test]
    fn ansibles_words_are_known_in_any_case() {
        for (text, expected) in [
            ("Yes", Some(true)),
            (" on ", Some(true)),
            ("1.0", Some(true)),
            ("FALSE", Some(false)),
            ("n", Some(false)),
            ("maybe", None),
            ("", None),
        ] {
            assert_eq!(truth(text), expected, "{text}");
        }
    }
}
