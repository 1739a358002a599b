//! Which run a user means: its id, the begin or the end of it, or `last`.

use super::CliError;
use crate::journal::{RunId, Store};
use crate::source::did_you_mean;

/// So many runs are named where a name fits several.
const NAMED: usize = 5;

/// The run that `name` means; without a name, the last one.
pub(super) fn find(store: &Store, name: Option<&str>) -> Result<RunId, CliError> {
    let known = store.runs().map_err(anyhow::Error::from)?;
    let Some(last) = known.last() else {
        return Err(CliError::usage(
            "no run is recorded yet",
            format!("runs are kept in {}", store.root().display()),
        ));
    };
    match name {
        None | Some("last") => Ok(last.clone()),
        Some(name) => choose(&known, name),
    }
}

fn choose(known: &[RunId], name: &str) -> Result<RunId, CliError> {
    if let Some(run) = known.iter().find(|run| run.as_str() == name) {
        return Ok(run.clone());
    }
    let fits = |run: &&RunId| {
        !name.is_empty() && (run.as_str().starts_with(name) || run.as_str().ends_with(name))
    };
    let fitting: Vec<&RunId> = known.iter().filter(fits).collect();
    match fitting[..] {
        [only] => Ok(only.clone()),
        [] => {
            let near = did_you_mean(name, known.iter().map(RunId::as_str));
            let hint = near.map_or_else(
                || "`windlass runs` lists the runs".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(CliError::usage(format!("there is no run `{name}`"), hint))
        }
        [..] => {
            let mut names: Vec<&str> = fitting.iter().rev().map(|run| run.as_str()).collect();
            let more = names.len() > NAMED;
            names.truncate(NAMED);
            let more = if more { ", ..." } else { "" };
            Err(CliError::usage(
                format!("`{name}` fits {} runs", fitting.len()),
                format!("say more of the id: {}{more}", names.join(", ")),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_what_is_typed_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let error = |name| match find(&store, name) {
            Err(CliError::Usage { message, hint }) => format!("{message}; {}", hint.unwrap()),
            other => panic!("{other:?}"),
        };
        assert!(error(None).starts_with("no run is recorded yet; runs are kept in /"));
        let ids = [
            "20261120-070312-4f1c",
            "20261121-070312-77aa",
            "20261121-080000-01aa",
        ];
        for id in ids {
            store.create(&RunId::parse(id).unwrap()).unwrap().close();
        }
        for (name, expected) in [
            (None, ids[2]),
            (Some("last"), ids[2]),
            (Some(ids[1]), ids[1]),
            (Some("20261120"), ids[0]),
            (Some("77aa"), ids[1]),
            (Some("20261121-08"), ids[2]),
        ] {
            assert_eq!(find(&store, name).unwrap().as_str(), expected);
        }
        for (name, expected) in [
            (
                "aa",
                "`aa` fits 2 runs; say more of the id: 20261121-080000-01aa, 20261121-070312-77aa",
            ),
            (
                "20261120-070312-4f1d",
                "there is no run `20261120-070312-4f1d`; did you mean `20261120-070312-4f1c`?",
            ),
            ("", "there is no run ``; `windlass runs` lists the runs"),
        ] {
            assert_eq!(error(Some(name)), expected);
        }
    }
}
