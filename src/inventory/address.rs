//! Host names as an inventory writes them: ranges such as `web[01:10]`, and `name:port`.
//!
//! This file knows the notation; it must not know files or groups.

use std::net::Ipv6Addr;

/// The most hosts that one entry may stand for, so that a slip of the finger does not fill the memory.
const EXPANSION_LIMIT: usize = 65_536;

/// What one entry names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The hosts, in order.
    pub(super) hosts: Vec<String>,
    /// The port after the name, if there is one.
    pub(super) port: Option<u16>,
}

/// Reads `name`, `name:port`, `[ipv6]:port` or any of them with ranges. The error is a message.
pub(super) fn parse(text: &str) -> Result<Address, String> {
    if text == "---" {
        return Err("`---` starts a YAML file, this one is read as INI".to_owned());
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok(Address {
            hosts: vec![text.to_owned()],
            port: None,
        });
    }
    if let Some(address) = bracketed(text)? {
        return Ok(address);
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((_, "")) => {
            return Err(format!("`{text}` ends in `:`, which is kept for a port"));
        }
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !outside_brackets(name) =>
        {
            (name, Some(port_number(port)?))
        }
        _ => (text, None),
    };
    Ok(Address {
        hosts: expand(name)?,
        port,
    })
}

/// `[2001:db8::1]:22`.
fn bracketed(text: &str) -> Result<Option<Address>, String> {
    let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return Ok(None);
    };
    if host.parse::<Ipv6Addr>().is_err() {
        return Ok(None);
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port_number(port)?),
        None if rest.is_empty() => None,
        None => return Err(format!("`{rest}` after an address is not a port")),
    };
    Ok(Some(Address {
        hosts: vec![host.to_owned()],
        port,
    }))
}

fn port_number(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("`{text}` is not a port (1 to 65535)"))
}

/// Whether a colon stands outside of brackets.
fn outside_brackets(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().any(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ':' && depth == 0
    })
}

/// All names that the ranges in `text` stand for; the last range turns fastest.
fn expand(text: &str) -> Result<Vec<String>, String> {
    let Some(open) = text.find('[') else {
        if text.contains(']') {
            return Err(format!("`{text}` has `]` without `[`"));
        }
        return Ok(vec![text.to_owned()]);
    };
    let Some(length) = text[open..].find(']') else {
        return Err(format!("`{text}` has `[` without `]`"));
    };
    let items = range(&text[open + 1..open + length])?;
    let tails = expand(&text[open + length + 1..])?;
    if items.len().saturating_mul(tails.len()) > EXPANSION_LIMIT {
        return Err(format!(
            "`{text}` stands for more than {EXPANSION_LIMIT} hosts"
        ));
    }
    let head = &text[..open];
    Ok(items
        .iter()
        .flat_map(|item| tails.iter().map(move |tail| format!("{head}{item}{tail}")))
        .collect())
}

/// `begin:end` or `begin:end:step`, of numbers or of single letters; both ends count.
fn range(text: &str) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (begin, end, step) = match parts[..] {
        [begin, end] => (begin, end, "1"),
        [begin, end, step] => (begin, end, step),
        _ => {
            return Err(format!(
                "host range `[{text}]` must be `[begin:end]` or `[begin:end:step]`"
            ));
        }
    };
    if end.is_empty() {
        return Err(format!("host range `[{text}]` has no end"));
    }
    let step: usize = step
        .parse()
        .ok()
        .filter(|step| *step > 0)
        .ok_or_else(|| format!("`{step}` is not a step for host range `[{text}]`"))?;
    let backwards = || format!("host range `[{text}]` must begin before it ends");
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        if first > last {
            return Err(backwards());
        }
        let letters = ALPHABET.chars().skip(first).take(last - first + 1);
        return Ok(letters.step_by(step).map(String::from).collect());
    }
    let begin = if begin.is_empty() { "0" } else { begin };
    let number = |part: &str| -> Result<usize, String> {
        part.parse().map_err(|_| {
            format!("`{part}` in host range `[{text}]` is neither a number nor a letter")
        })
    };
    let (first, last) = (number(begin)?, number(end)?);
    let width = if begin.len() > 1 && begin.starts_with('0') {
        if begin.len() != end.len() {
            return Err(format!(
                "host range `[{text}]` must have ends of equal length when the first starts with 0"
            ));
        }
        begin.len()
    } else {
        0
    };
    if first > last {
        return Err(backwards());
    }
    if (last - first) / step >= EXPANSION_LIMIT {
        return Err(format!(
            "host range `[{text}]` stands for more than {EXPANSION_LIMIT} hosts"
        ));
    }
    Ok((first..=last)
        .step_by(step)
        .map(|value| format!("{value:0width$}"))
        .collect())
}

/// The order in which letter ranges count.
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(text: &str) -> Option<usize> {
    (text.len() == 1).then(|| ALPHABET.find(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_ports_are_read() {
        let cases: [(&str, &[&str], Option<u16>); 12] = [
            ("web1", &["web1"], None),
            ("web1:2222", &["web1"], Some(2222)),
            ("web[1:3]", &["web1", "web2", "web3"], None),
            ("web[:2]", &["web0", "web1", "web2"], None),
            (
                "web[08:10].lan:22",
                &["web08.lan", "web09.lan", "web10.lan"],
                Some(22),
            ),
            ("web[01:10:4]", &["web01", "web05", "web09"], None),
            ("db-[a:c]", &["db-a", "db-b", "db-c"], None),
            ("[y:B]", &["y", "z", "A", "B"], None),
            ("r[1:2]n[a:b]", &["r1na", "r1nb", "r2na", "r2nb"], None),
            ("::1", &["::1"], None),
            ("2001:db8::22", &["2001:db8::22"], None),
            ("[2001:db8::1]:22", &["2001:db8::1"], Some(22)),
        ];
        for (text, hosts, port) in cases {
            let found = parse(text).unwrap();
            assert_eq!(found.hosts, hosts, "{text}");
            assert_eq!(found.port, port, "{text}");
        }
    }

    #[test]
    fn wrong_ranges_and_ports_say_why() {
        let cases = [
            ("web[1]", "must be `[begin:end]`"),
            ("web[1:]", "has no end"),
            ("web[3:1]", "must begin before it ends"),
            ("web[01:100]", "equal length"),
            ("web[1:x]", "neither a number nor a letter"),
            ("web[1:9:0]", "not a step"),
            ("web[1:3", "`[` without `]`"),
            ("web1]", "`]` without `[`"),
            ("web[0:99999999]", "more than 65536 hosts"),
            ("web1:", "kept for a port"),
            ("web1:70000", "not a port"),
            ("---", "starts a YAML file"),
        ];
        for (text, expected) in cases {
            let found = parse(text).unwrap_err();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
