//! `/healthz`, `/livez` and `/readyz`, as a real server prints them, whole or one check at a time.

use super::answer::Answer;
use super::query::Query;
use super::status::Refusal;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// `GET /readyz?verbose` of a real server.
const VERBOSE: &str = include_str!("recorded/readyz-verbose.txt");

/// The answer of a running API server whose named checks fail. One that does not run answers nothing at all.
pub(super) fn answer(
    check: &str,
    one: Option<&str>,
    query: &Query,
    failing: &BTreeSet<String>,
) -> Result<Answer, Refusal> {
    let names = names(check, failing);
    if let Some(one) = one {
        return match (names.contains(&one), failing.contains(one)) {
            (false, _) => Err(Refusal::no_such_path()),
            (true, false) => Ok(Answer::Text(200, "ok".to_owned())),
            (true, true) => Ok(Answer::Text(
                500,
                format!("internal server error: {one} failed: reason withheld\n"),
            )),
        };
    }
    let excluded: Vec<&str> = query.all("exclude").collect();
    let mut text = String::new();
    let mut failed = false;
    for name in names {
        // Writing to a string cannot fail.
        let _ = if excluded.contains(&name) {
            writeln!(text, "[+]{name} excluded: ok")
        } else if failing.contains(name) {
            failed = true;
            writeln!(text, "[-]{name} failed: reason withheld")
        } else {
            writeln!(text, "[+]{name} ok")
        };
    }
    if failed {
        text.extend([check, " check failed\n"]);
        return Ok(Answer::Text(500, text));
    }
    if !query.on("verbose") {
        return Ok(Answer::Text(200, "ok".to_owned()));
    }
    text.extend([check, " check passed\n"]);
    Ok(Answer::Text(200, text))
}

/// The checks in their order. One that fails and that the recording does not have (it had no etcd) comes after `log`.
fn names<'a>(check: &str, failing: &'a BTreeSet<String>) -> Vec<&'a str> {
    // A server that only lives is not asked whether its informers are in step or whether it shuts down.
    let only_ready = |name: &str| matches!(name, "informer-sync" | "shutdown");
    let mut names: Vec<&str> = VERBOSE
        .lines()
        .filter_map(|line| line.strip_prefix("[+]")?.strip_suffix(" ok"))
        .filter(|name| check == "readyz" || !only_ready(name))
        .collect();
    let others: Vec<&str> = failing
        .iter()
        .map(String::as_str)
        .filter(|name| !names.contains(name) && !only_ready(name))
        .collect();
    names.splice(2..2, others);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(check: &str, one: Option<&str>, query: &str, failing: &[&str]) -> (u16, String) {
        let failing = failing.iter().map(|name| (*name).to_owned()).collect();
        match answer(check, one, &Query::parse(query), &failing) {
            Ok(Answer::Text(code, text)) => (code, text),
            Ok(_) => panic!("not a text"),
            Err(refusal) => (refusal.code, String::new()),
        }
    }

    #[test]
    fn a_verbose_answer_is_the_recorded_one() {
        let (code, text) = ask("readyz", None, "verbose", &[]);
        assert_eq!((code, text.trim_end()), (200, VERBOSE.trim_end()));
        let (code, text) = ask("livez", None, "verbose=1", &[]);
        assert_eq!(code, 200);
        assert!(
            text.ends_with("livez check passed\n") && !text.contains("shutdown"),
            "{text}"
        );
        assert_eq!(ask("readyz", None, "", &[]), (200, "ok".to_owned()));
    }

    #[test]
    fn a_failing_check_fails_the_whole_and_may_be_left_out() {
        let (code, text) = ask("readyz", None, "", &["etcd"]);
        assert_eq!(code, 500);
        assert!(
            text.starts_with("[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n"),
            "{text}"
        );
        assert!(
            text.ends_with("[+]shutdown ok\nreadyz check failed\n"),
            "{text}"
        );
        assert_eq!(ask("readyz", None, "exclude=etcd", &["etcd"]).0, 200);
        assert_eq!(ask("readyz", Some("etcd"), "", &["etcd"]).0, 500);
        assert_eq!(
            ask("readyz", Some("ping"), "", &["etcd"]),
            (200, "ok".to_owned())
        );
        assert_eq!(ask("readyz", Some("nope"), "", &[]).0, 404);
        assert_eq!(
            ask("livez", None, "", &["shutdown"]),
            (200, "ok".to_owned())
        );
    }
}
