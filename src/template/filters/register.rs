//! The table of filters.

use super::{data, encode, list, math, path, pattern, text, time, url};
use crate::template::arguments::{Arguments, Raw, context, defined};
use crate::template::chains::CHAIN;
use crate::template::lazy::Missing;
use minijinja::value::Value;
use minijinja::{Environment, Error, State};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The filter that closes an expression: an undefined result is an error that names it.
pub(in crate::template) const RESULT: &str = "_result";

/// A filter: the value it is applied to, and its arguments.
type Filter = fn(&mut State<'_, '_>, &Value, &Arguments) -> Result<Value, Error>;

/// minijinja's own filters that behave as Ansible's do.
const BUILT_IN: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "groupby",
    "items",
    "list",
    "map",
    "reject",
    "rejectattr",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "sum",
    "title",
    "round",
    "reverse",
    "capitalize",
    "format",
    "pprint",
    "tojson",
    "count",
    "length",
];

const FILTERS: &[(&str, Filter)] = &[
    ("b64decode", encode::b64decode),
    ("b64encode", encode::b64encode),
    ("basename", path::basename),
    ("bool", data::bool),
    ("checksum", encode::sha1),
    ("combinations", list::combinations),
    ("combine", data::combine),
    ("comment", text::comment),
    ("dict2items", data::dict2items),
    ("difference", list::difference),
    ("dirname", path::dirname),
    ("expanduser", path::expanduser),
    ("expandvars", path::expandvars),
    ("extract", data::extract),
    ("first", list::first),
    ("flatten", list::flatten),
    ("float", math::float),
    ("from_json", encode::from_json),
    ("from_yaml", encode::from_yaml),
    ("from_yaml_all", encode::from_yaml_all),
    ("hash", encode::hash),
    ("human_readable", math::human_readable),
    ("human_to_bytes", math::human_to_bytes),
    ("indent", text::indent),
    ("int", math::int),
    ("intersect", list::intersect),
    ("items2dict", data::items2dict),
    ("join", text::join),
    ("last", list::last),
    ("log", math::log),
    ("lower", text::lower),
    ("max", list::max),
    ("min", list::min),
    ("normpath", path::normpath),
    ("path_join", path::path_join),
    ("pow", math::pow),
    ("product", list::product),
    ("quote", text::quote),
    ("random", list::random),
    ("realpath", path::realpath),
    ("regex_escape", pattern::regex_escape),
    ("regex_findall", pattern::regex_findall),
    ("regex_replace", pattern::regex_replace),
    ("regex_search", pattern::regex_search),
    ("relpath", path::relpath),
    ("replace", text::replace),
    ("root", math::root),
    ("sha1", encode::sha1),
    ("shuffle", list::shuffle),
    ("split", text::split),
    ("splitext", path::splitext),
    ("strftime", time::filter),
    ("string", text::string),
    ("subelements", data::subelements),
    ("symmetric_difference", list::symmetric_difference),
    ("to_json", encode::to_json),
    ("to_nice_json", encode::to_nice_json),
    ("to_nice_yaml", encode::to_nice_yaml),
    ("to_yaml", encode::to_yaml),
    ("trim", text::trim),
    ("truncate", text::truncate),
    ("type_debug", data::type_debug),
    ("union", list::union),
    ("unique", list::unique),
    ("upper", text::upper),
    ("urldecode", url::urldecode),
    ("urlencode", url::urlencode),
    ("urlsplit", url::urlsplit),
    ("wordcount", text::wordcount),
    ("zip", list::zip),
    ("zip_longest", list::zip_longest),
    (RESULT, data::result),
];

/// Filters that see undefined values.
const LENIENT: &[(&str, Filter)] = &[
    ("mandatory", data::mandatory),
    ("ternary", data::ternary),
    (CHAIN, chain),
];

static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    FILTERS
        .iter()
        .chain(LENIENT)
        .map(|(name, _)| *name)
        .chain(BUILT_IN.iter().copied())
        .filter(|name| !name.starts_with('_'))
        .flat_map(|name| [name.to_owned(), format!("ansible.builtin.{name}")])
        .collect()
});

/// The names of all filters.
pub(in crate::template) fn names() -> &'static BTreeSet<String> {
    &NAMES
}

/// Adds all filters, and takes away those of minijinja that Ansible does not have.
pub(in crate::template) fn register(environment: &mut Environment<'static>) {
    for name in ["lines", "chain", "zip", "urlencode"] {
        environment.remove_filter(name);
    }
    for (name, filter) in FILTERS.iter().chain(LENIENT) {
        let (filter, lenient) = (*filter, LENIENT.iter().any(|(each, _)| each == name));
        let run = move |state: &mut State<'_, '_>, value: &Value, raw: Raw| {
            if !lenient {
                defined(value)?;
            }
            filter(state, value, &Arguments::new(raw)?)
        };
        environment.add_filter(*name, run);
        environment.add_filter(format!("ansible.builtin.{name}"), run);
    }
    for name in BUILT_IN {
        let run = move |state: &mut State<'_, '_>, value: &Value, raw: Raw| {
            let mut arguments = vec![value.clone()];
            arguments.extend(raw.into_values());
            state.apply_filter(name, &arguments)
        };
        environment.add_filter(format!("ansible.builtin.{name}"), run);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all filters share one signature")]
/// Lets a lookup on an undefined value be undefined itself, and remembers where it began.
fn chain(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result<Value, Error> {
    if !value.is_undefined() {
        return Ok(value.clone());
    }
    if let (Ok(context), [start, end]) = (context(state), args.positional.as_slice())
        && let (Some(start), Some(end)) = (start.as_usize(), end.as_usize())
    {
        context.miss((start, end));
    }
    Ok(Value::from_object(Missing))
}
