//! Quoting for POSIX shells.

/// `text` as one word of a POSIX shell, in single quotes unless it is plainly harmless.
pub fn quote(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The words as one command line, each quoted.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let words = ["a b", "", "it's", "$HOME", "a\nb", "-n", "é", "*"];
        let script = format!("for w in {}; do printf '%s\\0' \"$w\"; done", join(words));
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        let expected: String = words.iter().map(|w| format!("{w}\0")).collect();
        assert_eq!(found, expected);
    }
}
