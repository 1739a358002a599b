//! Files with checksums, as `sha256sum` and its BSD sister write them.

/// The digest of `name` in `text`.
///
/// A file of one digest and nothing else, as `kubelet.sha256` is published, is for the file it belongs to.
pub(super) fn find(text: &str, name: &str) -> Option<String> {
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    let mut only = lines();
    if let (Some(digest), None) = (only.next(), only.next())
        && !digest.contains(char::is_whitespace)
    {
        return Some(digest.to_owned());
    }
    lines().find_map(|line| {
        let (digest, file) = tagged(line).or_else(|| plain(line))?;
        let file = file.strip_prefix("./").unwrap_or(file);
        (file == name || file.rsplit('/').next() == Some(name)).then(|| digest.to_owned())
    })
}

/// The names of all files in `text`, in order; a file of one digest names none.
pub(super) fn names(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| tagged(line).or_else(|| plain(line)))
        .map(|(_, file)| file.strip_prefix("./").unwrap_or(file).to_owned())
        .collect()
}

/// `DIGEST  name`, or `DIGEST *name` for a binary file.
fn plain(line: &str) -> Option<(&str, &str)> {
    let (digest, file) = line.split_once(char::is_whitespace)?;
    let file = file.trim_start();
    Some((digest, file.strip_prefix('*').unwrap_or(file)))
}

/// `SHA256 (name) = DIGEST`.
fn tagged(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("SHA256 (")?;
    let (file, digest) = rest.rsplit_once(") = ")?;
    Some((digest, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_common_forms_are_read() {
        for (text, expected) in [
            ("aa  kubelet\nbb  kubectl\n", Some("aa")),
            ("# sums\nbb *other\naa *./kubelet\n", Some("aa")),
            ("aa  bin/amd64/kubelet\nbb  x", Some("aa")),
            ("SHA256 (kubelet) = aa\nSHA256 (x) = bb", Some("aa")),
            ("aa\n", Some("aa")),
            ("aa  kubelet-old\nbb  my-kubelet\n", None),
            ("", None),
        ] {
            assert_eq!(find(text, "kubelet").as_deref(), expected, "{text:?}");
        }
    }
}
