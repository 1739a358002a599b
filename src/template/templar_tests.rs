//! What users see: tables of templates, conditions and errors.

use super::*;
use crate::yaml::{Node, parse_text};
use serde_json::{Value, json};
use std::sync::Arc;

struct Fleet;

impl HostVariables for Fleet {
    fn names(&self) -> Vec<String> {
        vec!["h1".to_owned(), "h2".to_owned()]
    }

    fn scope(&self, host: &str) -> Option<Scope> {
        let layer = variables(&format!(
            "x: '{{{{ base }}}}-{host}'\nbase: b\nme: '{{{{ hostvars.h1.me }}}}'"
        ));
        (host == "h1" || host == "h2").then(|| Scope::default().with(layer))
    }
}

fn variables(text: &str) -> Variables {
    variables_of(parse_text("vars.yml", text).unwrap().as_mapping().unwrap())
}

fn scope() -> Scope {
    let text = r"
name: world
n: 5
yes_text: 'no'
d: {a: {b: 1}, t: '{{ name }}!', u: '{{ nowhere }}'}
l: [1, '{{ n }}', 3]
lazy: '{{ d.t | upper }}'
bad: '{{ nowhere }}'
loop_a: '{{ loop_b }}'
loop_b: '{{ loop_a }}'
broken: '{{ 1 // 0 }}'
truth: '{% if n == 5 %}True{% else %}False{% endif %}'
people: [{n: x, a: 1}, {n: y, a: 2}, {n: z}]
";
    let mut scope = Scope::default().with(variables(text));
    let facts = json!({"os": "Debian", "deep": {"list": [{"k": "v"}]}, "tmpl": "{{ name }}"});
    let mut layer = Variables::new();
    layer.insert("facts".to_owned(), facts.into());
    layer.insert(
        "result".to_owned(),
        json!({"failed": false, "changed": true, "rc": 0, "stdout": "a\nb"}).into(),
    );
    scope = scope.with(layer);
    scope.hosts = Some(Arc::new(Fleet));
    scope
}

fn text(template: &str) -> Result<Value, TemplateError> {
    Templar::new().render_text(template, &scope())
}

#[test]
fn templates_have_the_values_that_ansible_gives_them() {
    let cases = [
        ("plain", json!("plain")),
        ("{{ n }}", json!(5)),
        ("{{ n }} x", json!("5 x")),
        ("{{ l }}", json!([1, 5, 3])),
        ("a {{ l }}", json!("a [1, 5, 3]")),
        ("{{ lazy }}", json!("WORLD!")),
        (
            "{{ d.a }} {{ none }} {{ true }} {{ 1.0 }}",
            json!("{'b': 1}  True 1.0"),
        ),
        ("{{ x.y.z | default('q') }}", json!("q")),
        ("{{ d.q.r['s'].t | default('q') }}", json!("q")),
        ("{{ bad | default('q') }}", json!("q")),
        ("{{ '' | default('q', true) }}", json!("q")),
        ("{{ bad is defined }}", json!(false)),
        ("{{ facts.tmpl }}", json!("{{ name }}")),
        ("{{ facts.deep.list[0].k }}", json!("v")),
        ("{{ facts['deep']['list'] | length }}", json!(1)),
        ("{{ hostvars['h2'].x }}", json!("b-h2")),
        ("{{ hostvars[ 'h1' ]['x'] }}", json!("b-h1")),
        ("{{ hostvars | list }}", json!(["h1", "h2"])),
        (
            "{% for h in hostvars %}{{ hostvars[h].x }};{% endfor %}",
            json!("b-h1;b-h2;"),
        ),
        ("{{ truth }}", json!(true)),
        ("{{ vars['name'] }}", json!("world")),
        ("{{ {'a': omit, 'b': [omit, 1]} }}", json!({"b": [1]})),
        ("{{ n }}\n", json!(5)),
        ("{{ name }}\n", json!("world\n")),
        ("{{ result.stdout.splitlines() }}", json!(["a", "b"])),
        ("{{ 'a,b'.split(',')[1] }}", json!("b")),
        (
            "{{ people | map(attribute='n') | join('-') }}",
            json!("x-y-z"),
        ),
        (
            "{{ people | selectattr('a', 'defined') | map(attribute='a') | list }}",
            json!([1, 2]),
        ),
        (
            "{{ people | map(attribute='a', default=0) | sum }}",
            json!(3),
        ),
        ("{{ 10 / 4 }} {{ 7 // 2 }} {{ 2 ** 3 }}", json!("2.5 3 8")),
        ("{{ lookup('vars', 'n') }}", json!(5)),
        ("{{ query('items', [1, 2], 3) }}", json!([1, 2, 3])),
        (
            "{{ lookup('sequence', 'end=3 format=h%02d') }}",
            json!("h01,h02,h03"),
        ),
        ("{{ lookup('pipe', 'echo hi') }}", json!("hi")),
        (
            "{{ q('file', '/nonexistent', errors='ignore') }}",
            json!([]),
        ),
        ("{% raw %}{{ x.y }}{% endraw %}", json!("{{ x.y }}")),
        ("{% set a = d.a.b %}{{ a }}", json!("1")),
        (
            "{% set ns = namespace(x=1) %}{% set ns.x = 2 %}{{ ns.x }}",
            json!("2"),
        ),
        (
            "{% macro m(v) %}<{{ v.b }}>{% endmacro %}{{ m(d.a) }}",
            json!("<1>"),
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(
            text(template).map_err(|e| e.to_string()),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn filters_give_what_ansible_gives() {
    let cases = [
        ("'no' | bool", json!(false)),
        ("'Yes' | bool", json!(true)),
        ("'zwei' | bool", json!(false)),
        ("1 | bool", json!(true)),
        ("'aGk=' | b64decode", json!("hi")),
        ("'hi' | b64encode", json!("aGk=")),
        ("'/a/b/c.tar.gz' | basename", json!("c.tar.gz")),
        ("'/a/b/c' | dirname", json!("/a/b")),
        ("'/a/b.c' | splitext", json!(["/a/b", ".c"])),
        ("['/a', 'b', 'c'] | path_join", json!("/a/b/c")),
        (
            "{'a': {'b': 1}} | combine({'a': {'c': 2}})",
            json!({"a": {"c": 2}}),
        ),
        (
            "{'a': {'b': 1}} | combine({'a': {'c': 2}}, recursive=true)",
            json!({"a": {"b": 1, "c": 2}}),
        ),
        (
            "{'a': [1]} | combine({'a': [2]}, list_merge='append')",
            json!({"a": [1, 2]}),
        ),
        ("{'a': 1} | dict2items", json!([{"key": "a", "value": 1}])),
        ("[{'key': 'a', 'value': 1}] | items2dict", json!({"a": 1})),
        ("[1, [2, [3, none]]] | flatten", json!([1, 2, 3])),
        ("[1, [2, [3]]] | flatten(levels=1)", json!([1, 2, [3]])),
        ("[1, 2, 2, 3] | difference([3])", json!([1, 2])),
        ("[1, 2] | union([2, 3])", json!([1, 2, 3])),
        ("[1, 2] | symmetric_difference([2, 3])", json!([1, 3])),
        ("['a', 'A'] | unique", json!(["a"])),
        ("[3, 1] | max", json!(3)),
        ("'abc' | int", json!(0)),
        ("'3.7' | int", json!(3)),
        ("'ff' | int(base=16)", json!(255)),
        ("'x' | float", json!(0.0)),
        ("true | lower", json!("true")),
        ("'a\nb' | indent(2)", json!("a\n  b")),
        ("'it is' | quote", json!("'it is'")),
    ];
    evaluate_all(&cases);
}

fn evaluate_all(cases: &[(&str, Value)]) {
    for (expression, expected) in cases {
        let found = Templar::new().evaluate(expression, &scope());
        assert_eq!(
            found.map_err(|e| e.to_string()),
            Ok(expected.clone()),
            "{expression}"
        );
    }
}

#[test]
fn patterns_formats_and_pairs_give_what_ansible_gives() {
    let cases = [
        (
            "'foo-1.2' | regex_replace('^(\\\\w+)-(.*)$', '\\\\2-\\\\1')",
            json!("1.2-foo"),
        ),
        (
            "'abc' | regex_replace('(?P<x>b)', '[\\\\g<x>]')",
            json!("a[b]c"),
        ),
        ("'v1.2' | regex_search('[0-9.]+')", json!("1.2")),
        (
            "'v1.2' | regex_search('v(\\\\d)\\\\.(\\\\d)', '\\\\1', '\\\\2')",
            json!(["1", "2"]),
        ),
        ("'x' | regex_search('y')", json!(null)),
        ("'a1b2' | regex_findall('[a-z]([0-9])')", json!(["1", "2"])),
        ("'a.b' | regex_escape", json!("a\\.b")),
        ("true | ternary('y', 'n')", json!("y")),
        (
            "{'b': 1, 'a': [1, 'é']} | to_json",
            json!("{\"b\": 1, \"a\": [1, \"\\u00e9\"]}"),
        ),
        (
            "{'b': 1, 'a': []} | to_nice_json",
            json!("{\n    \"a\": [],\n    \"b\": 1\n}"),
        ),
        ("{'b': 1, 'a': [1]} | to_yaml", json!("a: [1]\nb: 1\n")),
        (
            "{'b': 1, 'a': [1]} | to_nice_yaml",
            json!("a:\n- 1\nb: 1\n"),
        ),
        (
            "{'b': 1, 'a': 2} | to_nice_yaml(indent=2, sort_keys=false)",
            json!("b: 1\na: 2\n"),
        ),
        ("'a: 0644' | from_yaml", json!({"a": 420})),
        ("'[1]' | from_json", json!([1])),
        ("'x' | hash('sha256') | length", json!(64)),
        (
            "'test' | checksum",
            json!("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"),
        ),
        ("'%s-%02d' | format('a', 5)", json!("a-05")),
        (
            "[1, 2] | zip(['a', 'b']) | list",
            json!([[1, "a"], [2, "b"]]),
        ),
        (
            "[1] | zip_longest([1, 2], fillvalue=0) | list",
            json!([[1, 1], [0, 2]]),
        ),
        (
            "[1, 2] | product(['a']) | list",
            json!([[1, "a"], [2, "a"]]),
        ),
        ("'a' | extract({'a': {'b': 3}}, 'b')", json!(3)),
        ("['h1'] | map('extract', {'h1': 9}) | list", json!([9])),
        (
            "'http://u:p@h:80/x?q=1#f' | urlsplit('hostname')",
            json!("h"),
        ),
        ("'http://h:80/x' | urlsplit('port')", json!(80)),
        ("'a b  c' | split", json!(["a", "b", "c"])),
        ("'a,b' | split(',')", json!(["a", "b"])),
        ("[1, 2] | join(',')", json!("1,2")),
        ("{} | type_debug", json!("dict")),
        ("'a' | type_debug", json!("str")),
        (
            "10 | random(seed='x') == 10 | random(seed='x')",
            json!(true),
        ),
        ("1048576 | human_readable", json!("1.00 MB")),
        ("'10M' | human_to_bytes", json!(10_485_760)),
        ("'x' | ansible.builtin.upper", json!("X")),
        ("'%Y' | strftime(0, utc=true)", json!("1970")),
        ("'x' | comment", json!("#\n# x\n#")),
        (
            "[{'u': 'a', 'k': [1, 2]}] | subelements('k') | length",
            json!(2),
        ),
        ("2.5 | round", json!(2.0)),
        ("['b', 'A'] | sort", json!(["A", "b"])),
        ("5 | log(5)", json!(1.0)),
    ];
    evaluate_all(&cases);
}

fn condition(text: &str) -> Result<bool, String> {
    let yaml = text.starts_with('[') || ["true", "no"].contains(&text);
    let node = if yaml {
        parse_text("when.yml", text).unwrap()
    } else {
        Node::text("when.yml", text)
    };
    Templar::new()
        .test(&node, &scope())
        .map_err(|e| e.to_string())
}

#[test]
fn conditions_hold_as_in_ansible() {
    let cases = [
        ("true", true),
        ("no", false),
        ("n == 5", true),
        ("[n == 5, n > 9]", false),
        ("{{ n }} == 5", true),
        ("'{{ name }}' == 'world'", true),
        ("{{ truth }}", true),
        ("truth", true),
        ("yes_text", true),
        ("yes_text | bool", false),
        ("x is not defined and d.a.b == 1", true),
        ("d.a.zzz.y is undefined", true),
        ("result is succeeded", true),
        ("result is changed and result is not skipped", true),
        ("'1.10' is version('1.9', '>')", true),
        ("'v1.30.1' is version('v1.30.0', '>=')", true),
        (
            "'1.0.0-rc.1' is version('1.0.0', 'lt', version_type='semver')",
            true,
        ),
        ("'1.2b1' is version('1.2', '<', strict=true)", true),
        ("'foobar' is match('foo')", true),
        ("'foobar' is match('bar')", false),
        ("'foobar' is search('bar')", true),
        ("'FOO' is regex('^foo', ignorecase=true)", true),
        ("(1,) is subset([1, 2])", true),
        ("(1, 2) is contains(2)", true),
        ("'/tmp' is directory", true),
        ("'/tmp' is abs and '/nonexistent' is not exists", true),
        ("(true, 0) is any", true),
        ("name in ['world']", true),
        ("'Debian' == facts.os", true),
        (
            "n is number and name is string and d is mapping and l is iterable",
            true,
        ),
        ("", true),
        ("{{ '' }}", false),
    ];
    for (text, expected) in cases {
        assert_eq!(condition(text), Ok(expected), "{text}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let cases = [
        ("{{ nowhere }}", "'nowhere' is undefined", true, "nowhere"),
        (
            "a {{ nowhere }} b",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        (
            "{{ d.zzz }}",
            "'dict object' has no attribute 'zzz'",
            true,
            "d.zzz",
        ),
        (
            "{{ d['zzz'] }}",
            "'dict object' has no attribute 'zzz'",
            true,
            "d['zzz']",
        ),
        (
            "{{ nowhere.x.y }}",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        (
            "{{ d.zzz.y }}",
            "'dict object' has no attribute 'zzz'",
            true,
            "d.zzz",
        ),
        (
            "{{ nowhere.x == 1 }}",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        ("{{ bad }}", "'nowhere' is undefined", true, "nowhere"),
        ("{{ d }}", "'nowhere' is undefined", true, "nowhere"),
        (
            "{{ nowhere | to_json }}",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        (
            "{% if nowhere %}x{% endif %}",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        (
            "{% for x in nowhere %}x{% endfor %}",
            "'nowhere' is undefined",
            true,
            "nowhere",
        ),
        (
            "{{ loop_a }}",
            "recursive loop detected in variables: loop_a -> loop_b -> loop_a",
            false,
            "",
        ),
        (
            "{{ [].append(1) }}",
            "`append` would change a value in place, which templates here cannot do; build a new value with `+` or `combine`",
            false,
            "",
        ),
        (
            "{{ lookup('fle', 'x') }}",
            "unknown lookup `fle`; did you mean `file`?",
            false,
            "",
        ),
    ];
    for (template, message, undefined, place) in cases {
        let error = text(template).unwrap_err();
        assert_eq!(error.message, message, "{template}");
        assert_eq!(error.undefined, undefined, "{template}");
        if !place.is_empty() {
            assert_eq!(error.span.unwrap().text(), place, "{template}");
        }
    }
}

#[test]
fn conditions_on_undefined_names_are_errors() {
    for text in [
        "nowhere",
        "not nowhere",
        "nowhere == 1",
        "nowhere and true",
        "x in nowhere",
        "nowhere.a.b == 1",
    ] {
        let error = condition(text).unwrap_err();
        assert!(error.contains("is undefined"), "{text}: {error}");
    }
    let pipe = condition("lookup('pipe', '{{ name }}') == 1").unwrap_err();
    assert!(pipe.contains("lookups do not run"), "{pipe}");
}

#[test]
fn omit_leaves_out_and_unsafe_stays() {
    let node = parse_text(
        "t.yml",
        "a: '{{ omit }}'\nb: ['{{ omit }}', 1]\nc: !unsafe '{{ x }}'\n",
    )
    .unwrap();
    let templar = Templar::new();
    assert_eq!(
        templar.render(&node, &scope()).unwrap(),
        json!({"b": [1], "c": "{{ x }}"})
    );
    let omit = Node::text("t", "{{ omit }}");
    assert_eq!(templar.render_or_omit(&omit, &scope()).unwrap(), None);
}

#[test]
fn files_keep_their_newlines_and_read_their_header() {
    let render = |text: &str| {
        Templar::new()
            .render_file("x.j2", text, &FileOptions::default(), &scope())
            .map_err(|e| e.to_string())
    };
    assert_eq!(
        render("a\n{% if n %}\nb\n{% endif %}\n"),
        Ok("a\nb\n".to_owned())
    );
    assert_eq!(
        render("#jinja2: trim_blocks:False, lstrip_blocks:True\n  {% if n %}\nb\n{% endif %}\n"),
        Ok("\nb\n".to_owned())
    );
    assert_eq!(
        render("{% include 'no.j2' %}"),
        Err("the template `no.j2` was not found".to_owned())
    );
}

#[test]
fn files_are_found_and_included() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir_all(path.join("templates")).unwrap();
    std::fs::write(path.join("templates/part.j2"), "[{{ d.a.b }}]").unwrap();
    std::fs::write(path.join("data"), "text\n").unwrap();
    let mut scope = scope();
    scope.search = Arc::new(vec![path.to_owned()]);
    let templar = Templar::new();
    let text = |template: &str| templar.render_text(template, &scope).unwrap();
    assert_eq!(text("{% include 'part.j2' %}"), json!("[1]"));
    assert_eq!(text("{{ lookup('file', 'data') }}"), json!("text"));
    assert_eq!(text("{{ lookup('template', 'part.j2') }}"), json!("[1]"));
    let globbed = text("{{ q('fileglob', '*at*') | map('basename') | list }}");
    assert_eq!(globbed, json!(["data"]));
    let found = templar
        .lookup("first_found", vec![json!({"files": ["x", "data"]})], &scope)
        .unwrap();
    assert_eq!(found, [json!(path.join("data"))]);
}

#[test]
fn checks_find_syntax_errors_and_unknown_names() {
    let node = parse_text(
        "t.yml",
        "a: 'x {{ y | uper }}'\nb: '{{ y is definde }}'\nc: '{{ y + }}'\nd: '{{ y | to_json }}'\n",
    )
    .unwrap();
    let found: Vec<String> = Templar::new()
        .check(&node)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "t.yml:1:14: unknown filter `uper`");
    assert_eq!(found[1], "t.yml:2:13: unknown test `definde`");
    assert!(found[2].starts_with("t.yml:3:"), "{}", found[2]);
    let when = parse_text("t.yml", "- a is definde\n- a == 'x'\n").unwrap();
    let found = Templar::new().check_condition(&when);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].hints, ["did you mean `defined`?"]);
}
