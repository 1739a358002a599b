//! Interfaces and addresses, from sysfs and from `ip`. Without `ip` there are interfaces but no addresses.

use super::answer::Answer;
use super::gather::Sink;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// One address of an interface.
#[derive(Debug)]
struct Address<'a> {
    ip: &'a str,
    prefix: u8,
    broadcast: &'a str,
    scope: &'a str,
}

#[derive(Debug, Default)]
struct Interface<'a> {
    mac: &'a str,
    mtu: Option<u64>,
    active: bool,
    kind: &'static str,
    v4: Vec<Address<'a>>,
    v6: Vec<Address<'a>>,
}

/// Adds the `network` subset.
pub(super) fn add(answer: &Answer, sink: &mut Sink) {
    let interfaces = interfaces(answer);
    let all = |pick: fn(&Interface) -> Vec<Value>| -> Vec<Value> {
        interfaces.values().flat_map(pick).collect()
    };
    sink.put(
        "all_ipv4_addresses",
        all(|each| {
            let outside = each.v4.iter().filter(|a| !a.ip.starts_with("127."));
            outside.map(|a| a.ip.into()).collect()
        }),
    );
    sink.put(
        "all_ipv6_addresses",
        all(|each| {
            let outside = each.v6.iter().filter(|a| a.ip != "::1");
            outside.map(|a| a.ip.into()).collect()
        }),
    );
    let names: Vec<&str> = interfaces.keys().map(String::as_str).collect();
    sink.put("interfaces", names);
    for (name, field, version) in [("default_ipv4", "route4", 4), ("default_ipv6", "route6", 6)] {
        sink.put(name, default(answer.field(field), version, &interfaces));
    }
    for (name, interface) in &interfaces {
        sink.put(&name.replace('-', "_"), describe(name, interface));
    }
}

fn interfaces(answer: &Answer) -> BTreeMap<String, Interface<'_>> {
    let mut interfaces: BTreeMap<String, Interface> = BTreeMap::new();
    for path in answer.paths() {
        let Some((name, what)) = path
            .strip_prefix("/sys/class/net/")
            .and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let value = answer.line(path);
        let interface = interfaces.entry(name.to_owned()).or_default();
        match what {
            "address" => interface.mac = value,
            "mtu" => interface.mtu = value.parse().ok(),
            "operstate" => interface.active = value != "down",
            _ => {
                interface.kind = match value {
                    "1" => "ether",
                    "32" => "infiniband",
                    "512" => "ppp",
                    "772" => "loopback",
                    "65534" => "tunnel",
                    _ => "unknown",
                }
            }
        }
    }
    for line in answer.field("addr").lines() {
        if let Some((name, is_v6, address)) = address(line) {
            let interface = interfaces.entry(name.to_owned()).or_default();
            if is_v6 {
                interface.v6.push(address);
            } else {
                interface.v4.push(address);
            }
        }
    }
    interfaces
}

/// A line of `ip -o addr`: `2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\ ...`.
fn address(line: &str) -> Option<(&str, bool, Address<'_>)> {
    let mut words = line.split_whitespace();
    let name = words.nth(1)?.trim_end_matches(':');
    let name = name.split('@').next()?;
    let family = words.next().filter(|word| word.starts_with("inet"))?;
    let given = words.next()?;
    let (address, prefix) = given
        .split_once('/')
        .unwrap_or((given, if family == "inet" { "32" } else { "128" }));
    let rest: Vec<&str> = words.collect();
    Some((
        name,
        family == "inet6",
        Address {
            ip: address,
            prefix: prefix.parse().ok()?,
            broadcast: after(&rest, "brd").unwrap_or_default(),
            scope: after(&rest, "scope").unwrap_or_default(),
        },
    ))
}

fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    let at = words.iter().position(|each| *each == word)?;
    words.get(at + 1).copied()
}

/// An address as Ansible tells it, with its network spelled out.
fn describe_v4(address: &Address) -> Map<String, Value> {
    let mut map = Map::new();
    let bits = u32::MAX
        .checked_shl(32 - u32::from(address.prefix.min(32)))
        .unwrap_or(0);
    let network = address
        .ip
        .parse::<Ipv4Addr>()
        .map(|ip| Ipv4Addr::from(u32::from(ip) & bits).to_string())
        .unwrap_or_default();
    for (name, value) in [
        ("address", address.ip.to_owned()),
        ("broadcast", address.broadcast.to_owned()),
        ("netmask", Ipv4Addr::from(bits).to_string()),
        ("network", network),
        ("prefix", address.prefix.to_string()),
    ] {
        map.insert(name.to_owned(), value.into());
    }
    map
}

fn describe_v6(address: &Address) -> Value {
    json!({
        "address": address.ip,
        "prefix": address.prefix.to_string(),
        "scope": address.scope,
    })
}

fn describe(name: &str, interface: &Interface) -> Value {
    let mut map = Map::new();
    map.insert("device".to_owned(), name.into());
    map.insert("active".to_owned(), interface.active.into());
    map.insert("type".to_owned(), interface.kind.into());
    if !interface.mac.is_empty() && interface.kind != "loopback" {
        map.insert("macaddress".to_owned(), interface.mac.into());
    }
    if let Some(mtu) = interface.mtu {
        map.insert("mtu".to_owned(), mtu.into());
    }
    let mut addresses = interface.v4.iter().map(describe_v4);
    if let Some(first) = addresses.next() {
        map.insert("ipv4".to_owned(), first.into());
    }
    let more: Vec<Value> = addresses.map(Value::from).collect();
    if !more.is_empty() {
        map.insert("ipv4_secondaries".to_owned(), more.into());
    }
    if !interface.v6.is_empty() {
        let addresses: Vec<Value> = interface.v6.iter().map(describe_v6).collect();
        map.insert("ipv6".to_owned(), addresses.into());
    }
    Value::Object(map)
}

/// The way to the outside, from `8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0`; empty where there is none.
fn default(route: &str, version: u8, interfaces: &BTreeMap<String, Interface>) -> Value {
    let words: Vec<&str> = route
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let (Some(device), Some(source)) = (after(&words, "dev"), after(&words, "src")) else {
        return json!({});
    };
    let mut map = Map::new();
    if let Some(gateway) = after(&words, "via") {
        map.insert("gateway".to_owned(), gateway.into());
    }
    map.insert("interface".to_owned(), device.into());
    map.insert("address".to_owned(), source.into());
    let Some(interface) = interfaces.get(device) else {
        return Value::Object(map);
    };
    if version == 4 {
        if let Some(address) = interface.v4.iter().find(|a| a.ip == source) {
            map.extend(describe_v4(address));
            map.insert("alias".to_owned(), device.into());
        }
    } else if let Some(address) = interface.v6.iter().find(|a| a.ip == source)
        && let Value::Object(described) = describe_v6(address)
    {
        map.extend(described);
    }
    map.insert("type".to_owned(), interface.kind.into());
    if !interface.mac.is_empty() {
        map.insert("macaddress".to_owned(), interface.mac.into());
    }
    if let Some(mtu) = interface.mtu {
        map.insert("mtu".to_owned(), mtu.into());
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "files\0/sys/class/net/eth0/address:02:00:00:00:00:01\n\
        /sys/class/net/eth0/mtu:1500\n/sys/class/net/eth0/operstate:up\n/sys/class/net/eth0/type:1\n\
        /sys/class/net/lo/address:00:00:00:00:00:00\n/sys/class/net/lo/type:772\n\
        /sys/class/net/br-x/operstate:down\n\0\
        addr\0\
        1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n\
        1: lo    inet6 ::1/128 scope host \\       valid_lft forever\n\
        2: eth0    inet 10.1.2.3/20 brd 10.1.15.255 scope global eth0\\       valid_lft forever\n\
        2: eth0    inet 10.9.9.9/32 scope global eth0\\       valid_lft forever\n\
        2: eth0    inet6 2001:db8::5/64 scope global \\       valid_lft forever\n\0\
        route4\x008.8.8.8 via 10.1.0.1 dev eth0 src 10.1.2.3 uid 0 \n    cache\0\
        route6\0RTNETLINK answers: Network is unreachable\0";

    #[test]
    fn addresses_are_told_as_ansible_tells_them() {
        let mut sink = Sink::default();
        add(&Answer::read(ANSWER.as_bytes()).unwrap(), &mut sink);
        let facts = sink.0;
        assert_eq!(facts["ansible_interfaces"], json!(["br-x", "eth0", "lo"]));
        assert_eq!(
            facts["ansible_all_ipv4_addresses"],
            json!(["10.1.2.3", "10.9.9.9"])
        );
        assert_eq!(facts["ansible_all_ipv6_addresses"], json!(["2001:db8::5"]));
        assert_eq!(
            facts["ansible_default_ipv4"],
            json!({
                "gateway": "10.1.0.1", "interface": "eth0", "address": "10.1.2.3", "broadcast": "10.1.15.255",
                "netmask": "255.255.240.0", "network": "10.1.0.0", "prefix": "20", "alias": "eth0",
                "type": "ether", "macaddress": "02:00:00:00:00:01", "mtu": 1500,
            })
        );
        assert_eq!(facts["ansible_default_ipv6"], json!({}));
        assert_eq!(facts["ansible_br_x"]["active"], false);
        assert_eq!(
            facts["ansible_eth0"]["ipv4_secondaries"][0]["netmask"],
            "255.255.255.255"
        );
        assert_eq!(facts["ansible_eth0"]["ipv6"][0]["prefix"], "64");
        assert_eq!(facts["ansible_lo"]["ipv4"]["network"], "127.0.0.0");
    }
}
