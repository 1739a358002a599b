//! Which tags select a task, by ansible-core's `playbook/taggable.py`.

use crate::yaml::Node;

/// Whether something with these `tags` runs under `--tags only` and `--skip-tags skip`.
///
/// An empty `only` is `all`. `always`, `never`, `tagged`, `untagged` and `all` have Ansible's meaning.
pub fn selected(tags: &[String], only: &[String], skip: &[String]) -> bool {
    let has = |name: &str| tags.iter().any(|tag| tag == name);
    let tagged = !tags.is_empty();
    let meets = |wanted: &[String]| {
        tags.iter().any(|tag| wanted.contains(tag))
            || (!tagged && wanted.iter().any(|tag| tag == "untagged"))
    };
    let names = |list: &[String], name: &str| list.iter().any(|tag| tag == name);
    let chosen = has("always")
        || ((only.is_empty() || names(only, "all")) && !has("never"))
        || meets(only)
        || (names(only, "tagged") && tagged && !has("never"));
    if !chosen {
        return false;
    }
    if names(skip, "all") {
        return has("always") && !names(skip, "always");
    }
    !(meets(skip) || (names(skip, "tagged") && tagged))
}

/// The tags of one level as text, templates as they stand; a text with commas is several.
pub fn names(tags: &[Node]) -> Vec<String> {
    tags.iter()
        .flat_map(|tag| {
            let text = tag.key_text();
            if text.contains("{{") {
                vec![text]
            } else {
                text.split(',').map(|part| part.trim().to_owned()).collect()
            }
        })
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::selected;

    /// Tags, `--tags`, `--skip-tags`, and whether the task runs.
    type Case<'c> = (&'c [&'c str], &'c [&'c str], &'c [&'c str], bool);

    #[test]
    fn selection_follows_ansible() {
        let cases: &[Case<'_>] = &[
            (&[], &[], &[], true),
            (&["a"], &["a"], &[], true),
            (&["a"], &["b"], &[], false),
            (&[], &["a"], &[], false),
            (&["always"], &["a"], &[], true),
            (&["never"], &[], &[], false),
            (&["never"], &["all"], &[], false),
            (&["never"], &["never"], &[], true),
            (&["never", "debug"], &["debug"], &[], true),
            (&["never", "debug"], &["tagged"], &[], false),
            (&["a"], &["tagged"], &[], true),
            (&[], &["tagged"], &[], false),
            (&[], &["untagged"], &[], true),
            (&["a"], &["untagged"], &[], false),
            (&["a"], &[], &["a"], false),
            (&["a"], &["a"], &["a"], false),
            (&["a"], &[], &["tagged"], false),
            (&[], &[], &["tagged"], true),
            (&[], &[], &["untagged"], false),
            (&["always"], &[], &["all"], true),
            (&["always"], &[], &["all", "always"], false),
            (&["a"], &[], &["all"], false),
            (&["always"], &[], &["always"], false),
            (&["always", "a"], &[], &["a"], false),
        ];
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (tags, only, skip, expected) in cases {
            assert_eq!(
                selected(&owned(tags), &owned(only), &owned(skip)),
                *expected,
                "tags {tags:?}, only {only:?}, skip {skip:?}"
            );
        }
    }
}
