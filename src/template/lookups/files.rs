//! Lookups in the controller's files and commands.

use super::Request;
use crate::template::arguments::fail;
use crate::template::{FileOptions, file as template_file, find_file};
use crate::vault::is_vaulted;
use minijinja::Error;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T = Vec<Value>> = std::result::Result<T, Error>;

fn found(request: &Request, kind: &str, name: &str) -> Result<PathBuf> {
    find_file(&request.context.scope.search, kind, name)
        .ok_or_else(|| fail(format!("could not locate file in lookup: {name}")))
}

/// A file's text, opened where it is vaulted; then it is a secret.
fn read(request: &Request, path: &Path) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| fail(format!("{}: {error}", path.display()));
    let content = std::fs::read(path).map_err(|error| failed(&error))?;
    let vaulted = is_vaulted(&content);
    let vault = &request.context.vault;
    let content = vault.file(content).map_err(|error| failed(&error))?;
    let text = String::from_utf8(content).map_err(|_| failed(&"it is not UTF-8 text"))?;
    if vaulted {
        vault.secrets().learn(&text);
        vault.secrets().learn_likely(&text);
    }
    Ok(text)
}

/// Contents, without white space at the end unless `rstrip` is false.
pub(super) fn file(request: &Request) -> Result {
    request.only(&["rstrip", "lstrip"])?;
    let mut list = Vec::new();
    for name in request.texts()? {
        let text = read(request, &found(request, "files", &name)?)?;
        let mut text = text.as_str();
        if request.flag("lstrip", false) {
            text = text.trim_start();
        }
        if request.flag("rstrip", true) {
            text = text.trim_end();
        }
        list.push(Value::from(text));
    }
    Ok(list)
}

/// A rendered template.
pub(super) fn template(request: &Request) -> Result {
    request.only(&[
        "convert_data",
        "template_vars",
        "trim_blocks",
        "lstrip_blocks",
    ])?;
    let options = FileOptions {
        trim_blocks: request.flag("trim_blocks", true),
        lstrip_blocks: request.flag("lstrip_blocks", false),
    };
    let mut context = request.context.clone();
    if let Some(Value::Object(extra)) = request.options.get("template_vars") {
        let layer = extra
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()));
        context = context.with(layer.collect());
    }
    let mut list = Vec::new();
    for name in request.texts()? {
        let path = found(request, "templates", &name)?;
        let mut search = vec![path.parent().map(Path::to_owned).unwrap_or_default()];
        search.extend(request.context.scope.search.iter().cloned());
        let text = read(request, &path)?;
        let shown = path.to_string_lossy();
        let text = template_file::render(&shown, &text, &options, &context.searching(search))
            .map_err(crate::template::TemplateError::carried)?;
        list.push(Value::from(text));
    }
    Ok(list)
}

/// Files whose last part matches `*`, `?` and `[..]`.
pub(super) fn fileglob(request: &Request) -> Result {
    request.only(&[])?;
    let mut list = Vec::new();
    for term in request.texts()? {
        let (folder, pattern) = term.rsplit_once('/').unwrap_or(("", &term));
        let folders: Vec<PathBuf> = if term.starts_with('/') {
            vec![PathBuf::from(if folder.is_empty() { "/" } else { folder })]
        } else {
            let search = request.context.scope.search.iter();
            search
                .flat_map(|each| [each.join("files").join(folder), each.join(folder)])
                .collect()
        };
        let pattern = regex::Regex::new(&glob(pattern))
            .map_err(|_| fail(format!("`{term}` is not a file pattern")))?;
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            let entries = std::fs::read_dir(folder)
                .map_err(|error| fail(format!("{}: {error}", folder.display())))?;
            let mut matches: Vec<String> = entries
                .filter_map(std::result::Result::ok)
                .filter(|entry| pattern.is_match(&entry.file_name().to_string_lossy()))
                .map(|entry| entry.path())
                .filter(|path| path.is_file())
                .map(|path| path.to_string_lossy().into_owned())
                .collect();
            if !matches.is_empty() {
                matches.sort();
                list.extend(matches.into_iter().map(Value::from));
                break;
            }
        }
    }
    Ok(list)
}

/// A file pattern as a regular expression; hidden files only match patterns that begin with a point.
fn glob(pattern: &str) -> String {
    let mut out = "^".to_owned();
    if pattern.starts_with(['*', '?', '[']) {
        out.push_str("[^.]");
        if pattern.starts_with('*') {
            out.push_str(".*");
        }
    }
    let rest = pattern.strip_prefix(['*', '?']).unwrap_or(pattern);
    let mut class = false;
    for c in rest.chars() {
        match c {
            '*' if !class => out.push_str(".*"),
            '?' if !class => out.push('.'),
            '[' if !class => {
                class = true;
                out.push('[');
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '!' if class && out.ends_with('[') => out.push('^'),
            '-' if class => out.push('-'),
            _ => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out + "$"
}

/// The first file that exists; terms are names, lists of names, or `{files: [..], paths: [..], skip: bool}`.
pub(super) fn first_found(request: &Request) -> Result {
    request.only(&["files", "paths", "skip"])?;
    let (mut names, mut skip) = (Vec::new(), request.flag("skip", false));
    candidates(&Value::Array(request.terms.clone()), &mut names, &mut skip)?;
    candidates(
        &Value::Object(request.options.clone()),
        &mut names,
        &mut skip,
    )?;
    for name in &names {
        for kind in ["files", "templates", "vars"] {
            if let Some(path) = find_file(&request.context.scope.search, kind, name) {
                return Ok(vec![Value::from(path.to_string_lossy().into_owned())]);
            }
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    Err(fail(format!(
        "no file was found when using first_found; tried {}",
        names.join(", ")
    )))
}

fn candidates(term: &Value, names: &mut Vec<String>, skip: &mut bool) -> Result<()> {
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::String(text)) => text.split([',', ';']).map(str::to_owned).collect(),
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        }
    };
    match term {
        Value::String(name) => names.push(name.clone()),
        Value::Array(items) => {
            for item in items {
                candidates(item, names, skip)?;
            }
        }
        Value::Object(entries) => {
            let (files, paths) = (texts(entries.get("files")), texts(entries.get("paths")));
            *skip |= entries.get("skip").is_some_and(|given| given == true);
            if paths.is_empty() {
                names.extend(files);
            } else {
                for path in &paths {
                    let path = path.trim_end_matches('/');
                    names.extend(files.iter().map(|file| format!("{path}/{file}")));
                }
            }
        }
        _ => return Err(fail("first_found expects names of files")),
    }
    Ok(())
}

fn output(request: &Request, command: &str) -> Result<String> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]);
    if let Some(folder) = request
        .context
        .scope
        .search
        .last()
        .filter(|folder| folder.is_dir())
    {
        shell.current_dir(folder);
    }
    let result = shell
        .output()
        .map_err(|error| fail(format!("the command `{command}` did not start: {error}")))?;
    if !result.status.success() {
        let code = result.status.code().unwrap_or(-1);
        return Err(fail(format!("lookup command `{command}` returned {code}")));
    }
    Ok(String::from_utf8_lossy(&result.stdout).into_owned())
}

/// What commands of the controller print, without white space at the end.
pub(super) fn pipe(request: &Request) -> Result {
    request.only(&[])?;
    let run = |command: String| Ok(Value::from(output(request, &command)?.trim_end()));
    request.texts()?.into_iter().map(run).collect()
}

/// The same, line by line.
pub(super) fn lines(request: &Request) -> Result {
    request.only(&[])?;
    let mut list = Vec::new();
    for command in request.texts()? {
        list.extend(output(request, &command)?.lines().map(Value::from));
    }
    Ok(list)
}
