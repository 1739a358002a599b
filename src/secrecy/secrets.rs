//! The secrets of one process, and their masking.

use super::known::{Known, Matchers};
use super::likely::{is_plain, is_setting};
use super::{MASK, looks_secret, urls};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// A shorter secret would mask half of every output, in bytes.
const SHORTEST: usize = 4;

/// Of one text no more lines are learned.
const MOST_LINES: usize = 2000;

/// Words that are masked nowhere, whatever declares them a secret: programs and people need them to read anything.
const COMMON: [&str; 22] = [
    "absent",
    "admin",
    "always",
    "changed",
    "default",
    "disabled",
    "enabled",
    "failed",
    "false",
    "http",
    "https",
    "latest",
    "localhost",
    "none",
    "null",
    "omit",
    "present",
    "root",
    "started",
    "stopped",
    "true",
    "undefined",
];

/// Values that must not be shown. Shared by all who learn secrets and all who show text.
#[derive(Default)]
pub struct Secrets {
    known: RwLock<Known>,
    public: RwLock<HashSet<String>>,
}

/// Variables that Ansible's connection and become plugins declare to be passwords.
const DECLARED: [&str; 9] = [
    "ansible_become_pass",
    "ansible_become_password",
    "ansible_doas_pass",
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_ssh_private_key_passphrase",
    "ansible_su_pass",
    "ansible_sudo_pass",
];

/// A shorter value under a name such as `db_password` is left alone, in bytes.
const SHORTEST_NAMED: usize = 6;

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// From now on `value`, which is declared to be a secret, is masked in all its forms. Values below four bytes and words
    /// such as `true` are not.
    pub fn learn(&self, value: &str) {
        let value = value.trim_end_matches(['\n', '\r']);
        if value.trim().len() < SHORTEST || COMMON.contains(&value.to_ascii_lowercase().as_str()) {
            return;
        }
        if self.is_public(value) || self.is_known(value) {
            return;
        }
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .add(value);
    }

    /// Learns what stands under a name that says secret: all of it where Ansible itself calls the variable a password, else
    /// a text of some length that is no template, path or plain word.
    pub fn learn_named(&self, name: &str, value: &str) {
        let value = value.trim();
        if value.contains("{{") {
            return;
        }
        let long = value.len() >= SHORTEST_NAMED && !is_plain(value);
        if long || DECLARED.contains(&name) {
            self.learn(value);
        }
    }

    /// Learns a text of a file that is encrypted as a whole, unless it is plainly a setting: a version, a path, a short word.
    pub fn learn_setting(&self, value: &str) {
        if !is_setting(value.trim()) {
            self.learn(value);
        }
    }

    /// The same for a value that is only hidden by where it stands: each line of it, and what stands behind `name:` or
    /// `name=` in it, if it looks like a secret.
    pub fn learn_likely(&self, value: &str) {
        for line in value.lines().take(MOST_LINES).map(str::trim) {
            if let Some((_, part)) = line.split_once(['=', ':']) {
                self.learn_one_likely(part.trim().trim_matches(['"', '\'']));
            }
            self.learn_one_likely(line);
        }
    }

    fn learn_one_likely(&self, value: &str) {
        if looks_secret(value) {
            self.learn(value);
        }
    }

    /// Learns every text in `value` that looks like a secret, except under keys that `skip` names.
    pub fn learn_likely_in(&self, value: &Value, skip: &[&str]) {
        match value {
            Value::String(text) => self.learn_likely(text),
            Value::Array(items) => items
                .iter()
                .for_each(|item| self.learn_likely_in(item, skip)),
            Value::Object(entries) => {
                self.learn_decoded(entries);
                entries
                    .iter()
                    .filter(|(key, _)| !skip.contains(&key.as_str()))
                    .for_each(|(_, value)| self.learn_likely_in(value, skip));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A file's content as `slurp` returns it: what it says is the secret, in whatever form it is shown later.
    fn learn_decoded(&self, result: &Map<String, Value>) {
        let content = result.get("content").and_then(Value::as_str);
        if let (Some(content), Some("base64")) =
            (content, result.get("encoding").and_then(Value::as_str))
            && let Ok(bytes) = STANDARD.decode(content)
            && let Ok(text) = String::from_utf8(bytes)
        {
            self.learn_likely(&text);
        }
    }

    /// Learns every text and number in `value`: all of it is declared to be secret.
    pub fn learn_in(&self, value: &Value) {
        match value {
            Value::String(text) => self.learn(text),
            Value::Number(number) => self.learn(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.learn_in(item)),
            Value::Object(entries) => entries.values().for_each(|value| self.learn_in(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Names that everybody may know, such as those of hosts: none of them is masked, whatever says that it is a secret.
    pub fn never<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut public = self.public.write().unwrap_or_else(PoisonError::into_inner);
        public.extend(names.into_iter().map(str::to_owned));
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(&public);
    }

    fn is_known(&self, value: &str) -> bool {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(value)
    }

    fn is_public(&self, value: &str) -> bool {
        self.public
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(value)
    }

    /// None when no secret is known.
    fn matchers(&self) -> Option<Matchers> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.is_empty() {
                return None;
            }
            if let Some(matchers) = known.ready() {
                return Some(matchers);
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Some(known.refresh())
    }

    /// Whether there is anything to mask in `text`. Also true of JSON text with a secret in one of its strings.
    pub fn is_in(&self, text: &str) -> bool {
        self.matchers().is_some_and(|matchers| matchers.find(text))
            || (text.contains("://") && !urls::passwords(text).is_empty())
    }

    /// The text with every secret masked, and the passwords of URLs.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        masked(text, self.matchers().as_ref())
    }

    /// Masks every secret in a tree: in texts, in keys, and in numbers that are one.
    pub fn value(&self, tree: &mut Value) {
        self.mask_value(tree, self.matchers().as_ref());
    }

    fn mask_value(&self, tree: &mut Value, matchers: Option<&Matchers>) {
        match tree {
            Value::String(text) => {
                if let Cow::Owned(shown) = masked(text, matchers) {
                    *text = shown;
                }
            }
            Value::Number(number) => {
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                if matchers.is_some() && known.contains(&number.to_string()) {
                    *tree = Value::from(MASK);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.mask_value(item, matchers);
                }
            }
            Value::Object(entries) => {
                for value in entries.values_mut() {
                    self.mask_value(value, matchers);
                }
                if entries
                    .keys()
                    .any(|key| matches!(masked(key, matchers), Cow::Owned(_)))
                {
                    for (key, value) in std::mem::take(entries) {
                        let mut shown = masked(&key, matchers).into_owned();
                        // Two secrets as keys stay two entries.
                        while entries.contains_key(&shown) {
                            shown.push('*');
                        }
                        entries.insert(shown, value);
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn masked<'t>(text: &'t str, matchers: Option<&Matchers>) -> Cow<'t, str> {
    let mut ranges = matchers.map_or_else(Vec::new, |matchers| matchers.ranges(text));
    if text.contains("://") {
        ranges.extend(
            urls::passwords(text)
                .into_iter()
                .filter(|range| &text[range.clone()] != MASK),
        );
    }
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in united(ranges) {
        shown.push_str(&text[at..range.start]);
        shown.push_str(MASK);
        at = range.end;
    }
    shown.push_str(&text[at..]);
    Cow::Owned(shown)
}

/// In order, with ranges that overlap made one.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut united: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn knowing(values: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        for value in values {
            secrets.learn(value);
        }
        secrets
    }

    #[test]
    fn overlapping_secrets_leave_no_rest() {
        let secrets = knowing(&["abcdef", "defghi", "abcdefghijk"]);
        assert_eq!(secrets.text("-abcdefghi-"), "-********-");
        assert_eq!(secrets.text("-abcdefghijk-"), "-********-");
        assert!(matches!(secrets.text("nothing"), Cow::Borrowed(_)));
    }

    #[test]
    fn trees_are_masked_with_their_keys_and_numbers() {
        let secrets = knowing(&["hunter22", "hunter23", "81726354"]);
        let mut tree = json!({"a": ["x hunter22"], "hunter22": 1, "hunter23": 81_726_354, "n": 5});
        secrets.value(&mut tree);
        assert_eq!(
            tree,
            json!({"a": ["x ********"], "********": 1, "*********": "********", "n": 5})
        );
    }

    #[test]
    fn common_and_short_words_are_no_secrets() {
        let secrets = knowing(&["true", "Root", "abc", "   \n", "0"]);
        let text = "true Root abc 0";
        assert_eq!(secrets.text(text), text);
        assert!(!secrets.is_in(text));
    }

    #[test]
    fn likely_secrets_are_found_inside_of_lines() {
        let secrets = Secrets::default();
        secrets.never(["worker-17"]);
        secrets.learn_likely("user: deploy\ntoken: Kx81mmQ0zz\nstate=running\nworker-17\n");
        assert_eq!(
            secrets.text("got Kx81mmQ0zz for deploy"),
            "got ******** for deploy"
        );
        assert_eq!(secrets.text("worker-17 is running"), "worker-17 is running");
    }

    #[test]
    fn what_slurp_returned_is_known_decoded() {
        let secrets = Secrets::default();
        let content = STANDARD.encode("token: Kx81mmQ0zz\n");
        secrets.learn_likely_in(&json!({"content": content, "encoding": "base64"}), &[]);
        assert_eq!(secrets.text("got Kx81mmQ0zz"), "got ********");
    }

    #[test]
    fn many_secrets_learned_one_by_one_are_all_masked() {
        let secrets = Secrets::default();
        for at in 0..600 {
            secrets.learn(&format!("secret-{at:04}-x"));
            assert!(secrets.is_in(&format!("<secret-{at:04}-x>")));
        }
        assert_eq!(
            secrets.text("secret-0000-x secret-0599-x"),
            "******** ********"
        );
    }

    #[test]
    fn passwords_of_urls_are_masked_without_being_known() {
        let secrets = Secrets::default();
        let shown = secrets.text("from https://u:hunter2@h/x").into_owned();
        assert_eq!(shown, "from https://u:********@h/x");
        assert!(matches!(secrets.text(&shown), Cow::Borrowed(_)));
        assert!(secrets.is_in(r#"{"url":"https://u:hunter2@h/x"}"#));
    }
}
