//! `/openapi/v2`, as far as an older kubectl reads it: which kinds take a patch for show (`dryRun`), and no schemas.
//!
//! Such a kubectl asks for protobuf only, so the few messages of it are put together here by hand.

use super::resource::Resource;

/// The media type of the answer, as clients can read it (they ask with an `@`, which no media type has).
pub(super) const MEDIA: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The field numbers of `openapi.v2` that are used here.
mod field {
    pub(super) const DOCUMENT_SWAGGER: u8 = 1;
    pub(super) const DOCUMENT_PATHS: u8 = 8;
    pub(super) const PATHS_PATH: u8 = 2;
    /// `NamedPathItem` and `NamedAny` have the same two.
    pub(super) const NAME: u8 = 1;
    pub(super) const VALUE: u8 = 2;
    pub(super) const PATH_ITEM_PATCH: u8 = 8;
    pub(super) const OPERATION_PARAMETERS: u8 = 8;
    pub(super) const OPERATION_EXTENSION: u8 = 13;
    pub(super) const PARAMETERS_ITEM_PARAMETER: u8 = 1;
    pub(super) const PARAMETER_NON_BODY: u8 = 2;
    pub(super) const NON_BODY_QUERY: u8 = 3;
    pub(super) const QUERY_NAME: u8 = 4;
    pub(super) const ANY_YAML: u8 = 2;
}

/// The document.
pub(super) fn document() -> Vec<u8> {
    let paths: Vec<Vec<u8>> = Resource::ALL
        .into_iter()
        .map(|resource| part(field::PATHS_PATH, &path(resource)))
        .collect();
    let mut document = part(field::DOCUMENT_SWAGGER, b"2.0");
    document.extend(part(field::DOCUMENT_PATHS, &paths.concat()));
    document
}

/// The path of one object of a resource, with its patch.
fn path(resource: Resource) -> Vec<u8> {
    let root = if resource.group().is_empty() {
        "/api/v1".to_owned()
    } else {
        format!("/apis/{}/v1", resource.group())
    };
    let within = if resource.namespaced() {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let name = format!("{root}{within}/{}/{{name}}", resource.plural());
    let kind = format!(
        "group: \"{}\"\nversion: v1\nkind: {}\n",
        resource.group(),
        resource.kind()
    );
    let parameter = wrap(
        b"dryRun",
        &[
            field::QUERY_NAME,
            field::NON_BODY_QUERY,
            field::PARAMETER_NON_BODY,
            field::PARAMETERS_ITEM_PARAMETER,
            field::OPERATION_PARAMETERS,
        ],
    );
    let mut extension = part(field::NAME, b"x-kubernetes-group-version-kind");
    extension.extend(wrap(kind.as_bytes(), &[field::ANY_YAML, field::VALUE]));
    let mut operation = parameter;
    operation.extend(part(field::OPERATION_EXTENSION, &extension));
    let mut path = part(field::NAME, name.as_bytes());
    path.extend(wrap(&operation, &[field::PATH_ITEM_PATCH, field::VALUE]));
    path
}

/// Bytes as a field within a field within a field, the innermost first.
fn wrap(content: &[u8], fields: &[u8]) -> Vec<u8> {
    let mut all = content.to_vec();
    for field in fields {
        all = part(*field, &all);
    }
    all
}

/// One field of a message: text, or another message.
fn part(field: u8, content: &[u8]) -> Vec<u8> {
    const LENGTH_DELIMITED: u8 = 2;
    let mut bytes = vec![field << 3 | LENGTH_DELIMITED];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap_or_default());
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_with_their_lengths() {
        assert_eq!(part(1, b"2.0"), b"\x0a\x032.0");
        let long = part(2, &[7; 300]);
        assert_eq!((&long[..3], long.len()), (&[0x12, 0xac, 0x02][..], 303));
        assert_eq!(wrap(b"a", &[1, 3]), [0x1a, 3, 0x0a, 1, b'a']);
    }

    #[test]
    fn every_kind_has_its_path() {
        let document = String::from_utf8_lossy(&document()).into_owned();
        for resource in Resource::ALL {
            assert!(document.contains(&format!("kind: {}\n", resource.kind())));
        }
        assert!(
            document.contains("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/{name}")
        );
    }
}
