//! `/healthz`, `/livez` and `/readyz`, as a real server prints them.

use super::answer::Answer;
use super::query::Query;

/// `GET /readyz?verbose` of a real server.
const VERBOSE: &str = include_str!("recorded/readyz-verbose.txt");

/// The answer of a running API server. One that does not run answers nothing at all.
pub(super) fn answer(check: &str, query: &Query) -> Answer {
    if !query.on("verbose") {
        return Answer::Text(200, "ok".to_owned());
    }
    // A server that only lives is not asked whether its informers are in step or whether it shuts down.
    let only_ready =
        |line: &str| line.starts_with("[+]informer-sync") || line.starts_with("[+]shutdown");
    let lines = VERBOSE.lines().filter(|line| line.starts_with("[+]"));
    let mut text: String = lines
        .filter(|line| check == "readyz" || !only_ready(line))
        .map(|line| format!("{line}\n"))
        .collect();
    text.extend([check, " check passed\n"]);
    Answer::Text(200, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verbose_answer_is_the_recorded_one() {
        let Answer::Text(200, text) = answer("readyz", &Query::parse("verbose")) else {
            panic!("not a text")
        };
        assert_eq!(text.trim_end(), VERBOSE.trim_end());
        let Answer::Text(200, text) = answer("livez", &Query::parse("verbose=1")) else {
            panic!("not a text")
        };
        assert!(
            text.ends_with("livez check passed\n") && !text.contains("shutdown"),
            "{text}"
        );
        let Answer::Text(200, text) = answer("readyz", &Query::default()) else {
            panic!("not a text")
        };
        assert_eq!(text, "ok");
    }
}
