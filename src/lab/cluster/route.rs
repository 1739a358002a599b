//! What the path of a request means.

use super::query;
use super::resource::Resource;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Version,
    /// `healthz`, `livez` or `readyz`, or one check of it.
    Health(&'static str, Option<String>),
    Metrics,
    /// `selfsubjectaccessreviews`
    AccessReview,
    /// `/openapi/v2`: which kinds take a `dryRun`.
    Patches,
    /// `/openapi/v3`: that there are no schemas.
    OpenApi,
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1` (an empty group) or `/apis/GROUP/v1`
    Resources(String),
    Objects(Target),
}

/// Objects or one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Route {
    /// Reads a path; `None` is a 404.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let steps: Vec<String> = path
            .split('/')
            .filter(|step| !step.is_empty())
            .map(query::decode)
            .collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        match steps.as_slice() {
            ["version"] => Some(Self::Version),
            ["metrics"] => Some(Self::Metrics),
            ["openapi", "v2"] => Some(Self::Patches),
            ["openapi", "v3"] => Some(Self::OpenApi),
            [
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectaccessreviews",
            ] => Some(Self::AccessReview),
            [check @ ("healthz" | "livez" | "readyz"), one @ ..] => {
                let check = ["healthz", "livez", "readyz"]
                    .into_iter()
                    .find(|known| known == check)?;
                let one = (!one.is_empty()).then(|| one.join("/"));
                Some(Self::Health(check, one))
            }
            ["api"] => Some(Self::Core),
            ["apis"] => Some(Self::Groups),
            ["apis", group] => Some(Self::Group((*group).to_owned())),
            ["api", "v1"] => Some(Self::Resources(String::new())),
            ["apis", group, "v1"] => Some(Self::Resources((*group).to_owned())),
            ["api", "v1", rest @ ..] => Target::parse("", rest).map(Self::Objects),
            ["apis", group, "v1", rest @ ..] => Target::parse(group, rest).map(Self::Objects),
            _ => None,
        }
    }
}

impl Target {
    fn parse(group: &str, steps: &[&str]) -> Option<Self> {
        if let ["namespaces", namespace, plural, rest @ ..] = steps {
            let resource = Resource::find(group, plural)?;
            return resource
                .namespaced()
                .then(|| Self::of(resource, Some(namespace), rest))?;
        }
        let [plural, rest @ ..] = steps else {
            return None;
        };
        let resource = Resource::find(group, plural)?;
        // A namespaced object is only found under its namespace; a list may span all of them.
        (rest.is_empty() || !resource.namespaced()).then(|| Self::of(resource, None, rest))?
    }

    fn of(resource: Resource, namespace: Option<&str>, rest: &[&str]) -> Option<Self> {
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => (Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(resource: Resource, namespace: &str, name: &str, subresource: &str) -> Route {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Route::Objects(Target {
            resource,
            namespace: some(namespace),
            name: some(name),
            subresource: some(subresource),
        })
    }

    #[test]
    fn paths_are_read_as_a_real_server_reads_them() {
        let cases = [
            ("/version", Some(Route::Version)),
            ("/readyz", Some(Route::Health("readyz", None))),
            (
                "/livez/poststarthook/x",
                Some(Route::Health("livez", Some("poststarthook/x".to_owned()))),
            ),
            ("/metrics", Some(Route::Metrics)),
            ("/api", Some(Route::Core)),
            ("/api/v1", Some(Route::Resources(String::new()))),
            ("/apis/apps/v1", Some(Route::Resources("apps".to_owned()))),
            ("/apis/apps", Some(Route::Group("apps".to_owned()))),
            ("/api/v1/nodes", Some(objects(Resource::Nodes, "", "", ""))),
            (
                "/api/v1/nodes/w1/status",
                Some(objects(Resource::Nodes, "", "w1", "status")),
            ),
            (
                "/api/v1/namespaces",
                Some(objects(Resource::Namespaces, "", "", "")),
            ),
            (
                "/api/v1/namespaces/shop",
                Some(objects(Resource::Namespaces, "", "shop", "")),
            ),
            ("/api/v1/pods", Some(objects(Resource::Pods, "", "", ""))),
            (
                "/api/v1/namespaces/shop/pods/web-1/eviction",
                Some(objects(Resource::Pods, "shop", "web-1", "eviction")),
            ),
            (
                "/apis/policy/v1/namespaces/shop/poddisruptionbudgets",
                Some(objects(Resource::Budgets, "shop", "", "")),
            ),
            ("/api/v1/pods/web-1", None),
            ("/api/v1/namespaces/shop/nodes", None),
            ("/api/v1/poddisruptionbudgets", None),
            ("/api/v2/nodes", None),
            ("/nope", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(Route::parse(path), wanted, "{path}");
        }
    }
}
