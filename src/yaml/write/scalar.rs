//! What a text scalar allows: how it may be written so that it reads back as the same text.

use regex::Regex;
use std::sync::LazyLock;

/// What was found out about a text.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the independent findings that PyYAML's ScalarAnalysis has"
)]
pub(super) struct Analysis {
    pub(super) empty: bool,
    pub(super) multiline: bool,
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single_quoted: bool,
}

/// PyYAML's implicit resolvers in one expression: texts that would read back as something else.
static OTHER_TYPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let patterns = [
        "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?",
        r"\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+",
        r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
        "<<|~|null|Null|NULL|=|",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?",
    ];
    Regex::new(&format!("^(?:{})$", patterns.join("|"))).ok()
});

/// Whether the plain text would be read as a number, a boolean, nothing, a date or a merge key.
pub(super) fn reads_as_other_type(text: &str) -> bool {
    OTHER_TYPE
        .as_ref()
        .is_none_or(|pattern| pattern.is_match(text))
}

/// Line breaks in YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_space_or_break(c: char) -> bool {
    is_break(c) || matches!(c, '\0' | ' ' | '\t' | '\r')
}

fn is_printable(c: char) -> bool {
    c == '\n'
        || (' '..='~').contains(&c)
        || (c != '\u{feff}'
            && (c == '\u{85}'
                || ('\u{a0}'..='\u{d7ff}').contains(&c)
                || ('\u{e000}'..='\u{fffd}').contains(&c)
                || ('\u{10000}'..'\u{10ffff}').contains(&c)))
}

/// Characters that mean something to YAML in block and in flow context.
fn indicators(text: &[char]) -> (bool, bool) {
    let starts = |mark: char| text.len() >= 3 && text[..3].iter().all(|c| *c == mark);
    let mut block = starts('-') || starts('.');
    let mut flow = block;
    for (at, c) in text.iter().copied().enumerate() {
        let after = text.get(at + 1).is_none_or(|c| is_space_or_break(*c));
        let before = at == 0 || is_space_or_break(text[at - 1]);
        if at == 0 {
            if "#,[]{}&*!|>'\"%@`".contains(c) || (c == '-' && after) {
                flow = true;
                block = true;
            }
            if c == '?' || c == ':' {
                flow = true;
                block |= after;
            }
        } else {
            flow |= ",?[]{}:".contains(c);
            block |= c == ':' && after;
            if c == '#' && before {
                flow = true;
                block = true;
            }
        }
    }
    (block, flow)
}

/// `Emitter.analyze_scalar`.
pub(super) fn analyze(text: &[char]) -> Analysis {
    let (Some(first), Some(last)) = (text.first().copied(), text.last().copied()) else {
        return Analysis {
            empty: true,
            multiline: false,
            flow_plain: false,
            block_plain: true,
            single_quoted: true,
        };
    };
    let (block_indicators, flow_indicators) = indicators(text);
    let multiline = text.iter().any(|c| is_break(*c));
    let special = !text.iter().all(|c| is_printable(*c));
    let pair = |test: fn(char, char) -> bool| text.windows(2).any(|pair| test(pair[0], pair[1]));
    let break_space = pair(|left, right| is_break(left) && right == ' ');
    let space_break = pair(|left, right| left == ' ' && is_break(right));
    let edge = |c: char| c == ' ' || is_break(c);
    let plain = !(edge(first) || edge(last) || break_space || space_break || special || multiline);
    Analysis {
        empty: false,
        multiline,
        flow_plain: plain && !flow_indicators,
        block_plain: plain && !block_indicators,
        single_quoted: !(break_space || space_break || special),
    }
}
