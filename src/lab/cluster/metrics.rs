//! `/metrics`, as far as an upgrade reads it: which deprecated APIs were asked for since the server was started.

use std::fmt::Write as _;

/// An API that was asked for although it will be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeprecatedApi {
    /// Its group; empty for the core group.
    pub group: String,
    /// Its version, such as `v1beta1`.
    pub version: String,
    /// Its plural, such as `flowschemas`.
    pub resource: String,
    /// The first release without it, such as `1.32`; empty where that is not known yet.
    pub removed_release: String,
}

/// The metrics of a server that runs this version.
pub(super) fn render<'a>(
    version: &str,
    deprecated: impl IntoIterator<Item = &'a DeprecatedApi>,
) -> String {
    let mut text = String::from(
        "# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested, broken out \
         by API group, version, resource, subresource, and removed_release.\n\
         # TYPE apiserver_requested_deprecated_apis gauge\n",
    );
    for DeprecatedApi {
        group,
        version,
        resource,
        removed_release,
    } in deprecated
    {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "apiserver_requested_deprecated_apis{{group=\"{group}\",removed_release=\"{removed_release}\",\
             resource=\"{resource}\",subresource=\"\",version=\"{version}\"}} 1"
        );
    }
    let _ = writeln!(
        text,
        "# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by version.\n\
         # TYPE kubernetes_build_info gauge\n\
         kubernetes_build_info{{git_version=\"{version}\",platform=\"linux/amd64\"}} 1"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_api_is_one_line() {
        let api = DeprecatedApi {
            group: "flowcontrol.apiserver.k8s.io".to_owned(),
            version: "v1beta3".to_owned(),
            resource: "flowschemas".to_owned(),
            removed_release: "1.32".to_owned(),
        };
        let text = render("v1.35.6", [&api]);
        let line = "apiserver_requested_deprecated_apis{group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.32\",\
                    resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"} 1";
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(text.contains("git_version=\"v1.35.6\""));
    }
}
