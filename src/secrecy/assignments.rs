//! Lines of files that are shown around a mistake: `password: value` keeps its name and loses its value.

use super::{MASK, is_secret_name};

/// The text with the values of secret names masked, line by line: after `name:` as YAML writes it, after `name=` as
/// inventories and command lines do. Templates stay, since they are the user's code and hold no value.
pub fn mask_assignments(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match value_start(line) {
            Some(at) => {
                masked.push_str(&line[..at]);
                masked.push_str(MASK);
                if line.ends_with('\n') {
                    masked.push('\n');
                }
            }
            None => masked.push_str(line),
        }
    }
    masked
}

/// Where the first value of a secret name starts.
fn value_start(line: &str) -> Option<usize> {
    line.match_indices([':', '='])
        .map(|(at, _)| at)
        .find_map(|at| {
            let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
            let name_start = before
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
                .map_or(0, |at| at + 1);
            let rest = &line[at + 1..];
            // `a:b` is no assignment in YAML, and `==` is none anywhere.
            let is_assignment = if line[at..].starts_with(':') {
                rest.starts_with(' ')
            } else {
                !rest.starts_with('=')
            };
            let value = rest.trim();
            let open = value.is_empty()
                || value.contains("{{")
                || value.starts_with(['|', '>', '*', '&', '{', '['])
                || value.starts_with("!vault");
            let start = at + 1 + (rest.len() - rest.trim_start().len());
            (is_assignment && !open && is_secret_name(&before[name_start..])).then_some(start)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_masked() {
        let cases = [
            (
                "3 |   password: hunter2 : x\n",
                "3 |   password: ********\n",
            ),
            (
                "web1 ansible_password=hunter2 oops",
                "web1 ansible_password=********",
            ),
            ("{\"api_token\": \"x\"}", "{\"api_token\": ********"),
            (
                "password: '{{ vault_password | defualt(1) }}'",
                "password: '{{ vault_password | defualt(1) }}'",
            ),
            ("when: token == 'x'", "when: token == 'x'"),
            (
                "  = help: did you mean `token`?",
                "  = help: did you mean `token`?",
            ),
            ("api_token: !vault |", "api_token: !vault |"),
        ];
        for (line, expected) in cases {
            assert_eq!(mask_assignments(line), expected);
        }
    }
}
