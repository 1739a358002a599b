//! Whether a client may do something. The administrator, who is the only one that gets here, may do all.

use super::answer::Answer;
use super::status::Refusal;
use serde_json::{Value, json};

/// Answers a `SelfSubjectAccessReview`.
pub(super) fn review(content_type: &str, body: &[u8]) -> Result<Answer, Refusal> {
    if content_type.contains("protobuf") {
        return Err(Refusal::unsupported_media_type("application/json"));
    }
    let review: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("the body is not a JSON object: {error}")))?;
    if review["kind"] != "SelfSubjectAccessReview" {
        let text = "the body must be a SelfSubjectAccessReview of authorization.k8s.io/v1";
        return Err(Refusal::bad_request(text));
    }
    Ok(Answer::Json(
        201,
        json!({
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": review["spec"],
            "status": { "allowed": true },
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_answered_with_its_question() {
        let review = json!({
            "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "spec": { "resourceAttributes": { "verb": "create", "resource": "pods", "subresource": "eviction" } },
        });
        let Ok(Answer::Json(201, answer)) = review_of(&review) else {
            panic!("refused")
        };
        assert_eq!(answer["status"]["allowed"], true);
        assert_eq!(answer["spec"], review["spec"]);
        assert!(review_of(&json!({ "kind": "Pod" })).is_err());
    }

    fn review_of(value: &Value) -> Result<Answer, Refusal> {
        review("application/json", value.to_string().as_bytes())
    }
}
