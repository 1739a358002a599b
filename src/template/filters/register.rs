//! The table of filters.

use super::{choose, data, encode, ip, list, math, path, pattern, text, time, url};
use crate::template::arguments::{Arguments, Raw, context, defined};
use crate::template::chains::{CHAIN, PERCENT};
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
    "safe",
    "slice",
    "sort",
    "sum",
    "title",
    "round",
    "reverse",
    "capitalize",
    "count",
    "length",
];

const FILTERS: &[(&str, Filter)] = &[
    ("b64decode", encode::b64decode),
    ("b64encode", encode::b64encode),
    ("basename", path::basename),
    ("bool", data::bool),
    ("center", text::center),
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
    ("format", choose::format),
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
    ("map", choose::map),
    ("max", list::max),
    ("md5", encode::md5),
    ("min", list::min),
    ("normpath", path::normpath),
    ("path_join", path::path_join),
    ("permutations", list::permutations),
    ("pow", math::pow),
    ("pprint", text::pprint),
    ("product", list::product),
    ("quote", text::quote),
    ("random", list::random),
    ("realpath", path::realpath),
    ("regex_escape", pattern::regex_escape),
    ("regex_findall", pattern::regex_findall),
    ("regex_replace", pattern::regex_replace),
    ("regex_search", pattern::regex_search),
    ("reject", choose::reject),
    ("rejectattr", choose::rejectattr),
    ("relpath", path::relpath),
    ("replace", text::replace),
    ("root", math::root),
    ("select", choose::select),
    ("selectattr", choose::selectattr),
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
    ("tojson", encode::tojson),
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
    (PERCENT, choose::percent),
];

/// Filters of collections, under their short and their full names.
const COLLECTIONS: &[(&str, &[&str], Filter)] = &[
    (
        "ipaddr",
        &["ansible.utils.", "ansible.netcommon."],
        ip::ipaddr,
    ),
    ("ipv4", &["ansible.utils.", "ansible.netcommon."], ip::ipv4),
    ("ipv6", &["ansible.utils.", "ansible.netcommon."], ip::ipv6),
    (
        "ipwrap",
        &["ansible.utils.", "ansible.netcommon."],
        ip::ipwrap,
    ),
    ("json_query", &["community.general."], data::json_query),
    ("dict", &["community.general."], data::dict),
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
        .chain(collected().map(|(name, _)| name))
        .collect()
});

/// The filters of collections by all their names.
fn collected() -> impl Iterator<Item = (String, Filter)> {
    COLLECTIONS.iter().flat_map(|(name, prefixes, filter)| {
        prefixes
            .iter()
            .map(move |prefix| (format!("{prefix}{name}"), *filter))
            .chain((*name != "dict").then(|| ((*name).to_owned(), *filter)))
    })
}

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
    for (name, filter) in collected() {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: &Value, raw: Raw| {
                defined(value)?;
                filter(state, value, &Arguments::new(raw)?)
            },
        );
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
