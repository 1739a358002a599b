//! Flags that settings stand behind: an argument whose id is a setting's name gets its default from there.
//!
//! So a flag that was given is stronger than any setting, one that was not has the setting's value, and `--help` says
//! both the default and the variable of the environment. Nothing else in `cli` needs to know of settings.

use super::{Cli, RunArgs, Verb};
use crate::cli::CliError;
use crate::settings::{Fallback, Kind, Resolved, Settings, Value};
use clap::Id;
use clap::builder::{ArgPredicate, BoolishValueParser, OsStr};
use clap::{Arg, ArgAction, ColorChoice, Command, CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;

/// Reads the words of a command line, the program's own name first, with these settings as defaults.
pub(in crate::cli) fn parse(
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    settings: &Settings,
) -> Result<Cli, clap::Error> {
    let mut command = command(settings);
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Reads the words of a `run` that is gone on with, as they were recorded.
pub(in crate::cli) fn parse_run(
    words: Vec<String>,
    settings: &Settings,
) -> Result<Box<RunArgs>, CliError> {
    let wrong = |why: String| {
        CliError::usage(
            format!("what the run was asked is not understood: {why}"),
            "run the playbook again: what is done already is passed over",
        )
    };
    match parse(words, &of_today(settings)).map(|cli| cli.verb) {
        Ok(Verb::Run(args)) => Ok(args),
        Ok(_) => Err(wrong("it is no run".to_owned())),
        // No more than the kind: the words may hold what is not to be shown.
        Err(error) => Err(wrong(error.kind().to_string())),
    }
}

/// The command line with these settings as defaults.
fn command(settings: &Settings) -> Command {
    let color = settings
        .get("output.color")
        .and_then(|it| it.value.as_ref());
    let color = match color.map(ToString::to_string).as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    dress(Cli::command().color(color), settings)
}

/// What a run that is gone on with takes from the settings of today. The rest is recorded: it goes on as it began.
fn of_today(settings: &Settings) -> Settings {
    settings.only(|setting| match setting.table() {
        "notify" | "output" | "report" => true,
        _ => ["run.state_dir", "run.window", "run.window_pace"].contains(&setting.name),
    })
}

fn dress(command: Command, settings: &Settings) -> Command {
    if command.get_name() == "resume" {
        return dress_all(command, &of_today(settings));
    }
    dress_all(command, settings)
}

fn dress_all(command: Command, settings: &Settings) -> Command {
    command
        .mut_args(|arg| match settings.get(arg.get_id().as_str()) {
            Some(resolved) => setting(arg, resolved),
            None => part(arg, settings),
        })
        .mut_subcommands(|verb| dress(verb, settings))
}

/// The argument of one setting.
fn setting(arg: Arg, resolved: &Resolved) -> Arg {
    let setting = resolved.setting;
    let mut notes = format!(" [env: {}]", setting.variable);
    if let (None, Fallback::Unset(words)) = (&resolved.value, setting.default) {
        notes = format!("{notes} [default: {words}]");
    }
    let mut arg = with_notes(arg, &notes).required(false);
    if setting.kind == Kind::Flag {
        arg = arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
            .value_parser(BoolishValueParser::new())
            .hide_possible_values(true)
            .hide_default_value(resolved.value == Some(Value::Flag(false)));
    }
    if let Kind::Choice(words) = setting.kind {
        arg = arg.value_parser(words.to_vec());
    }
    if let Kind::Number { least, most, .. } = setting.kind
        && !matches!(arg.get_action(), ArgAction::Count)
    {
        let range = i64::from(least)..=i64::from(most);
        arg = arg.value_parser(clap::value_parser!(u32).range(range));
    }
    if setting.name == "become.password_file" {
        // Whoever asks to be asked does not want the file.
        arg = arg.default_value_if("become.ask_password", "true", None);
    }
    match &resolved.value {
        Some(value) => arg.default_values(value.words().into_iter().map(OsStr::from)),
        None => arg,
    }
}

/// One of the flags that are words of one setting, such as `--json`, whose id is `output.form=json`.
fn part(arg: Arg, settings: &Settings) -> Arg {
    let id = arg.get_id().to_string();
    let Some((name, word)) = id.split_once('=') else {
        return arg;
    };
    let Some(resolved) = settings.get(name) else {
        return arg;
    };
    let Kind::Choice(words) = resolved.setting.kind else {
        return arg;
    };
    let arg = with_notes(
        arg,
        &format!(" [env: {}={word}]", resolved.setting.variable),
    );
    if resolved.value != Some(Value::Text(word.to_owned())) {
        return arg;
    }
    // Any other of them that is given takes this one's place.
    let others = words.iter().filter(|other| **other != word);
    let gives_way = others.map(|other| {
        let given = ArgPredicate::Equals("true".into());
        (Id::from(format!("{name}={other}")), given, Some("false"))
    });
    arg.default_value_ifs(gives_way).default_value("true")
}
/// The argument with more words at the end of its help.
fn with_notes(arg: Arg, notes: &str) -> Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help}{notes}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Surroundings, TABLE};
    use std::collections::BTreeMap;

    /// All arguments of all verbs.
    fn arguments(command: &Command, into: &mut Vec<Arg>) {
        into.extend(command.get_arguments().cloned());
        for verb in command.get_subcommands() {
            arguments(verb, into);
        }
    }

    #[test]
    fn each_setting_has_its_flag_and_each_id_its_setting() {
        let mut all = Vec::new();
        arguments(&command(&Settings::defaults()), &mut all);
        for setting in TABLE {
            let is_it = |arg: &&Arg| {
                let id = arg.get_id().as_str();
                id.split_once('=').map_or(id, |(name, _)| name) == setting.name
            };
            let mut flags: Vec<String> = all
                .iter()
                .filter(is_it)
                .map(|arg| format!("--{}", arg.get_long().unwrap_or_default()))
                .collect();
            flags.sort();
            flags.dedup();
            let mut expected: Vec<&str> = setting.flag.split(", ").collect();
            expected.sort_unstable();
            assert_eq!(flags, expected, "{}", setting.name);
        }
        for arg in &all {
            let id = arg.get_id().as_str();
            let name = id.split_once('=').map_or(id, |(name, _)| name);
            assert!(
                !name.contains('.') || TABLE.iter().any(|it| it.name == name),
                "{id} is no setting"
            );
        }
        command(&Settings::defaults()).debug_assert();
    }

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let around = Surroundings {
            folder: "/nowhere".into(),
            variables,
            ..Surroundings::default()
        };
        Settings::read(&around).unwrap()
    }

    /// What `run` is told, with these variables in the environment.
    fn run(variables: &[(&str, &str)], words: &[&str]) -> RunArgs {
        let settings = settings(variables);
        let words = ["windlass", "run", "site.yml"].iter().chain(words);
        match parse(words, &settings).unwrap().verb {
            crate::cli::Verb::Run(args) => *args,
            _ => panic!("not run"),
        }
    }

    #[test]
    fn a_flag_is_stronger_than_a_setting_and_a_setting_than_the_default() {
        let args = run(&[], &[]);
        assert_eq!(args.forks, 50);
        assert_eq!(args.sources.inventory, ["inventory"]);
        assert!(!args.diff && !args.connection.become_enabled);
        assert_eq!((args.connection.timeout, args.output.verbose), (10, 0));
        assert_eq!(args.connection.user, None);

        let variables = [
            ("WINDLASS_FORKS", "7"),
            ("WINDLASS_INVENTORY", "web1,"),
            ("WINDLASS_DIFF", "yes"),
            ("WINDLASS_BECOME", "on"),
            ("WINDLASS_VERBOSITY", "2"),
            ("WINDLASS_USER", "ops"),
            ("WINDLASS_MAX_FAILURES", "3"),
            ("WINDLASS_ROLES_PATH", "/a:/b"),
        ];
        let args = run(&variables, &[]);
        assert_eq!(args.forks, 7);
        assert_eq!(args.sources.inventory, ["web1,"]);
        assert!(args.diff && args.connection.become_enabled);
        assert_eq!((args.output.verbose, args.max_failures), (2, Some(3)));
        assert_eq!(args.connection.user.as_deref(), Some("ops"));
        assert_eq!(
            args.playbook.roles_path,
            ["/a", "/b"].map(std::path::PathBuf::from)
        );

        let flags = [
            "-f3",
            "-i",
            "a",
            "-i",
            "b",
            "--diff=false",
            "-v",
            "-u",
            "me",
            "--become=no",
        ];
        let args = run(&variables, &flags);
        assert_eq!(args.forks, 3);
        assert_eq!(args.sources.inventory, ["a", "b"]);
        assert!(!args.diff && !args.connection.become_enabled);
        assert_eq!(args.output.verbose, 1);
        assert_eq!(args.connection.user.as_deref(), Some("me"));
        let args = run(&[], &["-CDb", "-vvv"]);
        assert!(args.check && args.diff && args.connection.become_enabled);
        assert_eq!(args.output.verbose, 3);
    }

    #[test]
    fn a_flag_takes_the_place_of_a_setting_that_contradicts_it() {
        let json = [("WINDLASS_FORM", "json")];
        assert!(run(&json, &[]).output.json);
        let args = run(&json, &["--plain"]);
        assert!(args.output.plain && !args.output.json);
        let plain = [("WINDLASS_FORM", "plain")];
        assert!(run(&plain, &[]).output.plain);
        let args = run(&plain, &["--json"]);
        assert!(args.output.json && !args.output.plain);

        let file = [("WINDLASS_BECOME_PASSWORD_FILE", "/p")];
        let password = |args: &RunArgs| args.connection.become_password_file.clone();
        assert_eq!(password(&run(&file, &[])), Some("/p".into()));
        let args = run(&file, &["-K"]);
        assert_eq!(password(&args), None);
        assert!(args.connection.ask_become_pass);
    }

    #[test]
    fn a_run_that_is_gone_on_with_goes_on_as_it_began() {
        let variables = [
            ("WINDLASS_FORKS", "7"),
            ("WINDLASS_BECOME", "yes"),
            ("WINDLASS_VAULT_PASSWORD_FILE", "/pw"),
            ("WINDLASS_WINDOW", "02:00-04:00"),
            ("WINDLASS_STATE_DIR", "/state"),
            ("WINDLASS_FORM", "plain"),
        ];
        let settings = settings(&variables);
        let words = ["windlass", "resume", "4f1c"];
        let crate::cli::Verb::Resume(args) = parse(words, &settings).unwrap().verb else {
            panic!("not resume");
        };
        assert_eq!(args.vault, crate::cli::args::VaultArgs::default());
        assert_eq!(args.window.window.as_deref(), Some("02:00-04:00"));
        assert_eq!(args.state.state_dir.as_deref(), Some("/state".as_ref()));
        assert!(args.output.plain && !args.output.json);
        let words = ["windlass", "run", "site.yml"].map(str::to_owned).to_vec();
        let args = parse_run(words, &settings).unwrap();
        assert_eq!((args.forks, args.connection.become_enabled), (50, false));
        assert_eq!(args.window.window.as_deref(), Some("02:00-04:00"));
    }

    #[test]
    fn help_shows_defaults_and_variables() {
        let mut command = command(&Settings::defaults());
        let run = command.find_subcommand_mut("run").unwrap();
        let help = run.render_long_help().to_string();
        // However it is broken into lines.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "[env: WINDLASS_FORKS]",
            "[default: 50]",
            "[default: the user who runs windlass]",
            "[default: inventory]",
        ] {
            assert!(help.contains(part), "{part} is not in:\n{help}");
        }
        assert!(!help.contains("[default: false]"));
    }
}
