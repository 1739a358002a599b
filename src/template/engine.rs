//! The minijinja environments and everything that is compiled in them, once per process.

use super::chains::Guarded;
use super::{FileOptions, python};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, Expression, Template, UndefinedBehavior};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Instructions one evaluation may use: enough for large files, and an end to endless loops.
const FUEL: u64 = 50_000_000;
/// Bounds nested macros and includes; each level takes stack of the thread.
const RECURSION: usize = 200;

/// A compiled expression and its original's chains.
pub(super) struct Compiled {
    /// The rewritten text.
    pub(super) guarded: Guarded,
    /// What to evaluate.
    pub(super) expression: Expression<'static, 'static>,
}

type Cache<T> = LazyLock<RwLock<HashMap<Box<str>, Arc<T>>>>;

/// One environment for each pair of trim options, as those are fixed when a template is compiled.
static ENVIRONMENTS: LazyLock<[Environment<'static>; 4]> = LazyLock::new(|| {
    [(false, false), (false, true), (true, false), (true, true)]
        .map(|(trim, lstrip)| environment(trim, lstrip))
});
// Each twice: with backslashes of string literals read as Python does, and kept.
static EXPRESSIONS: [Cache<Compiled>; 2] = [const { LazyLock::new(RwLock::default) }; 2];
static TEMPLATES: [Cache<Guarded>; 2] = [const { LazyLock::new(RwLock::default) }; 2];
static INCLUDED: Cache<(PathBuf, String)> = LazyLock::new(RwLock::default);

thread_local! {
    /// Where the templates that this thread renders look for what they include; minijinja's
    /// callback for names gets no other context.
    static SEARCH: RefCell<Vec<Arc<Vec<PathBuf>>>> = const { RefCell::new(Vec::new()) };
}

/// The environment for strings in playbooks.
pub(super) fn plain() -> &'static Environment<'static> {
    with_options(&FileOptions::default())
}

fn with_options(options: &FileOptions) -> &'static Environment<'static> {
    let environments: &'static [Environment<'static>; 4] = &ENVIRONMENTS;
    &environments[usize::from(options.trim_blocks) * 2 + usize::from(options.lstrip_blocks)]
}

/// The compiled form of a bare expression; see [`Guarded::expression`] for `literal`.
pub(super) fn expression(text: &str, literal: bool) -> Result<Arc<Compiled>, (Error, Guarded)> {
    let cache = &EXPRESSIONS[usize::from(literal)];
    if let Some(found) = cache
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(text)
    {
        return Ok(found.clone());
    }
    let guarded = Guarded::expression(text, literal);
    match plain().compile_expression_owned(guarded.text.clone()) {
        Ok(expression) => {
            let compiled = Arc::new(Compiled {
                guarded,
                expression,
            });
            cache
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(text.into(), compiled.clone());
            Ok(compiled)
        }
        Err(error) => Err((error, guarded)),
    }
}

/// The rewritten form of a template; see [`Guarded::template`] for `literal`.
pub(super) fn guarded(text: &str, literal: bool) -> Arc<Guarded> {
    let cache = &TEMPLATES[usize::from(literal)];
    if let Some(found) = cache
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(text)
    {
        return found.clone();
    }
    let guarded = Arc::new(Guarded::template(text, literal));
    cache
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(text.into(), guarded.clone());
    guarded
}

/// The compiled template of a rewritten text.
pub(super) fn template(
    guarded: &Guarded,
    options: &FileOptions,
) -> Result<Template<'static, 'static>, Error> {
    with_options(options).get_template(&guarded.text)
}

/// Runs `work` with a search path for `include` and `import`.
pub(super) fn searching<T>(search: &Arc<Vec<PathBuf>>, work: impl FnOnce() -> T) -> T {
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            SEARCH.with_borrow_mut(Vec::pop);
        }
    }
    SEARCH.with_borrow_mut(|stack| stack.push(search.clone()));
    let _pop = Pop;
    work()
}

fn environment(trim: bool, lstrip: bool) -> Environment<'static> {
    let mut environment = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(trim)
        .lstrip_blocks(lstrip)
        .build()
    {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_unknown_method_callback(python::method);
    // A template's name is its rewritten text, so that each text is compiled once, whatever it is called.
    environment.set_loader(|name| Ok((!name.starts_with('\0')).then(|| name.to_owned())));
    environment.set_path_join_callback(|name, _| included(name).into());
    environment.set_formatter(|out, _, value| {
        match value.kind() {
            // As Ansible's `finalize` has it; an undefined value gets here only from `a if b` without `else`.
            ValueKind::None | ValueKind::Undefined => Ok(()),
            ValueKind::String => out.write_str(value.as_str().unwrap_or_default()),
            _ => out.write_str(&python::text(value)?),
        }
        .map_err(Error::from)
    });
    super::filters::register(&mut environment);
    super::tests::register(&mut environment);
    super::globals::register(&mut environment);
    environment
}

/// The rewritten text of an included file, or a name that the loader does not know.
fn included(name: &str) -> String {
    let search = SEARCH.with_borrow(|stack| stack.last().cloned());
    let file = search
        .and_then(|search| super::find_file(&search, "templates", name))
        .and_then(|path| Some((std::fs::read_to_string(&path).ok()?, path)));
    let Some((text, path)) = file else {
        return format!("\0{name}");
    };
    let text = super::file::newlines(&text).into_owned();
    let key = guarded(&text, false).text.clone();
    INCLUDED
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key.as_str().into(), Arc::new((path, text)));
    key
}

/// The path and the original text of an included file, by its rewritten text.
pub(super) fn included_file(key: &str) -> Option<Arc<(PathBuf, String)>> {
    INCLUDED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(key)
        .cloned()
}
