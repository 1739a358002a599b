//! Addresses and networks: `ipaddr`, `ipv4`, `ipv6` and `ipwrap`, as the collection `ansible.utils` has them.
//!
//! A value that is no address gives false; a query that does not fit the address gives none.

use crate::template::arguments::{Arguments, fail, items};
use crate::template::python;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Result<T = Value> = std::result::Result<T, Error>;

/// An address with the size of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Net {
    bits: u128,
    six: bool,
    prefix: u32,
    /// Whether it was written with a prefix.
    written: bool,
}

impl Net {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (bits, six) = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(four)) => (u128::from(u32::from(four)), false),
            Ok(IpAddr::V6(six)) => (u128::from(six), true),
            Err(_) => return None,
        };
        let width = if six { 128 } else { 32 };
        let prefix = match prefix {
            None => width,
            Some(text) => match text.parse::<u32>() {
                Ok(number) => number,
                // A netmask such as 255.255.255.0: ones, then zeros.
                Err(_) => {
                    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
                    (mask.leading_ones() + mask.trailing_zeros() == 32 || mask == u32::MAX)
                        .then(|| mask.leading_ones())?
                }
            },
        };
        (prefix <= width).then_some(Self {
            bits,
            six,
            prefix,
            written: text.contains('/'),
        })
    }

    fn number(value: u128) -> Self {
        let six = value > u128::from(u32::MAX);
        Self {
            bits: value,
            six,
            prefix: if six { 128 } else { 32 },
            written: false,
        }
    }

    fn width(self) -> u32 {
        if self.six { 128 } else { 32 }
    }

    /// The bits of the host part.
    fn host_mask(self) -> u128 {
        let bits = self.width() - self.prefix;
        1_u128.checked_shl(bits).map_or(u128::MAX, |bit| bit - 1)
    }

    fn network(self) -> u128 {
        self.bits & !self.host_mask()
    }

    fn single(self) -> bool {
        self.prefix == self.width()
    }

    /// Whether it names a network and not an address in one.
    fn is_network(self) -> bool {
        !self.single() && self.bits == self.network()
    }

    fn show(self, bits: u128) -> String {
        if self.six {
            Ipv6Addr::from(bits).to_string()
        } else {
            Ipv4Addr::from(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0)).to_string()
        }
    }

    fn with_prefix(self, bits: u128) -> String {
        format!("{}/{}", self.show(bits), self.prefix)
    }

    /// As it was written, in its shortest form.
    fn own(self) -> String {
        if self.written {
            self.with_prefix(self.bits)
        } else {
            self.show(self.bits)
        }
    }

    fn contains(self, other: Self) -> bool {
        self.six == other.six
            && other.prefix >= self.prefix
            && other.bits & !self.host_mask() == self.network()
    }

    fn address(self) -> IpAddr {
        if self.six {
            IpAddr::V6(Ipv6Addr::from(self.bits))
        } else {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(self.bits).unwrap_or(0)))
        }
    }

    fn mask(self) -> String {
        let all = if self.six {
            u128::MAX
        } else {
            u128::from(u32::MAX)
        };
        self.show(all & !self.host_mask())
    }

    /// The first and the last address for hosts.
    fn usable(self) -> Result<(u128, u128)> {
        if self.single() {
            return Err(fail("Not a network address"));
        }
        let (first, last) = (self.network(), self.network() | self.host_mask());
        Ok(if self.prefix + 1 == self.width() {
            (first, last)
        } else {
            (first + 1, last - 1)
        })
    }

    fn is_private(self) -> bool {
        match self.address() {
            IpAddr::V4(four) => {
                four.is_private()
                    || four.is_loopback()
                    || four.is_link_local()
                    || four.is_documentation()
                    || four.is_unspecified()
                    || four.octets()[0] == 0
            }
            IpAddr::V6(six) => {
                six.is_loopback()
                    || six.is_unspecified()
                    || six.is_unique_local()
                    || six.is_unicast_link_local()
                    || six.segments()[..2] == [0x2001, 0xdb8]
            }
        }
    }

    fn reverse(self) -> String {
        if self.six {
            let digits = format!("{:032x}", self.bits);
            let labels: String = digits.chars().rev().flat_map(|c| [c, '.']).collect();
            format!("{labels}ip6.arpa.")
        } else {
            let octets = u32::try_from(self.bits).unwrap_or(0).to_le_bytes();
            let labels: String = octets.iter().map(|octet| format!("{octet}.")).collect();
            format!("{labels}in-addr.arpa.")
        }
    }

    /// The other end of a link of two addresses.
    fn peer(self) -> Result<String> {
        match self.width() - self.prefix {
            0 => Err(fail("Not a network address")),
            1 => Ok(self.show(self.bits ^ 1)),
            2 if matches!(self.bits & 3, 1 | 2) => Ok(self.show(self.bits ^ 3)),
            _ => Err(fail("Not a point-to-point network")),
        }
    }
}

/// The address of a value, if it is one.
fn parse(value: &Value) -> Option<Net> {
    if let Some(number) = value.as_i64().filter(|_| value.is_integer()) {
        return u128::try_from(number).ok().map(Net::number);
    }
    let text = value.as_str()?;
    match text.parse::<u128>() {
        Ok(number) => Some(Net::number(number)),
        Err(_) => Net::parse(text),
    }
}

fn text(text: String) -> Value {
    Value::from(text)
}

/// The text, or none when it does not apply.
fn when(applies: bool, value: impl FnOnce() -> String) -> Value {
    if applies {
        text(value())
    } else {
        Value::from(())
    }
}

/// The n-th address of a network, from its end when negative.
fn nth(net: Net, index: i64) -> Value {
    if net.single() {
        return text(net.own());
    }
    let distance = u128::from(index.unsigned_abs());
    let last = net.host_mask();
    if index < 0 && distance - 1 <= last {
        text(net.with_prefix((net.network() | last) - (distance - 1)))
    } else if index >= 0 && distance <= last {
        text(net.with_prefix(net.network() + distance))
    } else {
        Value::from(())
    }
}

/// What a query says about one address.
fn answer(net: Net, query: &str) -> Result {
    let network = net.network();
    let in_network = !net.single() && !net.is_network();
    Ok(match query {
        "" => text(net.own()),
        "bool" => Value::from(true),
        "address" | "ip" => when(!net.is_network(), || net.show(net.bits)),
        "network" | "network_id" => text(net.show(network)),
        "netmask" => text(net.mask()),
        "hostmask" | "wildcard" => text(net.show(net.host_mask())),
        "prefix" => Value::from(net.prefix),
        "size" => Value::from(net.host_mask().saturating_add(1)),
        "subnet" | "network/prefix" => text(net.with_prefix(network)),
        "net" => when(net.is_network(), || net.with_prefix(network)),
        "host" => when(!net.is_network(), || net.with_prefix(net.bits)),
        "host/prefix" | "address/prefix" | "cidr" | "gateway" | "gw" | "router" | "hostnet"
            if query == "cidr" || !net.is_network() =>
        {
            text(net.with_prefix(net.bits))
        }
        "host/prefix" | "address/prefix" | "gateway" | "gw" | "router" | "hostnet" => {
            Value::from(false)
        }
        "ip/prefix" => when(in_network, || net.with_prefix(net.bits)),
        "ip_netmask" => when(in_network, || {
            format!("{} {}", net.show(net.bits), net.mask())
        }),
        "network_netmask" => text(format!("{} {}", net.show(network), net.mask())),
        "broadcast" => when(net.width() - net.prefix > 1, || {
            net.show(network | net.host_mask())
        }),
        "first_usable" => text(net.show(net.usable()?.0)),
        "last_usable" => text(net.show(net.usable()?.1)),
        "range_usable" => {
            let (first, last) = net.usable()?;
            text(format!("{}-{}", net.show(first), net.show(last)))
        }
        "peer" => text(net.peer()?),
        "version" => Value::from(if net.six { 6 } else { 4 }),
        "type" => Value::from(if net.is_network() {
            "network"
        } else {
            "address"
        }),
        "revdns" => text(net.reverse()),
        "int" if net.written => text(format!("{}/{}", net.bits, net.prefix)),
        "int" => Value::from(net.bits),
        "wrap" => text(wrapped(net)),
        _ => return kind(net, query),
    })
}

/// Queries about the kind of an address, conversions, index numbers and networks that may hold it.
fn kind(net: Net, query: &str) -> Result {
    let address = net.address();
    let link_local = match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    let loopback = address.is_loopback();
    let global = !net.is_private() && !address.is_multicast() && !loopback && !link_local;
    Ok(match query {
        "public" => when(global, || net.own()),
        "private" => when(net.is_private(), || net.own()),
        "unicast" => when(!address.is_multicast(), || net.own()),
        "multicast" => when(address.is_multicast(), || net.own()),
        "loopback" | "lo" => when(loopback, || net.own()),
        "link-local" => when(link_local, || net.own()),
        "ipv4" if !net.six => text(net.own()),
        "ipv6" if net.six => text(net.own()),
        "ipv6" => text(format!(
            "{}/{}",
            Ipv6Addr::from(net.bits | 0xffff_0000_0000),
            net.prefix + 96
        )),
        "ipv4" => {
            let high = net.bits >> 32;
            if high != 0 && high != 0xffff || net.prefix < 96 {
                return Ok(Value::from(false));
            }
            let four = Net {
                six: false,
                prefix: net.prefix - 96,
                ..net
            };
            text(four.with_prefix(net.bits))
        }
        _ => match (query.parse::<i64>(), Net::parse(query)) {
            (Ok(index), _) => nth(net, index),
            (_, Some(wanted)) => when(wanted.contains(net), || net.own()),
            _ => return Err(fail(format!("the query `{query}` of ipaddr is not known"))),
        },
    })
}

fn wrapped(net: Net) -> String {
    match (net.six, net.written) {
        (true, true) => format!("[{}]/{}", net.show(net.bits), net.prefix),
        (true, false) => format!("[{}]", net.show(net.bits)),
        _ => net.own(),
    }
}

fn query_each(value: &Value, args: &Arguments, version: Option<bool>, filter: &str) -> Result {
    if value.kind() == ValueKind::Seq {
        let mut found = Vec::new();
        for item in items(value)? {
            let item = Value::from(python::text(&item)?);
            let result = query_each(&item, args, version, filter)?;
            if result.is_true() {
                found.push(result);
            }
        }
        return Ok(Value::from(found));
    }
    if !matches!(
        value.kind(),
        ValueKind::String | ValueKind::Number | ValueKind::Bool
    ) {
        return Err(fail(format!(
            "{filter} needs a text, a number or a list, not {}",
            python::type_name(value)
        )));
    }
    let query = args.text(0, "query", "")?;
    let Some(mut net) = parse(value) else {
        return Ok(Value::from(false));
    };
    if let Some(six) = version {
        let number = value
            .as_str()
            .is_none_or(|text| text.parse::<u128>().is_ok());
        if number && six && !net.six {
            // A bare number is an address of the version that is asked for.
            net = Net {
                six: true,
                prefix: 128,
                ..net
            };
        }
        if net.six != six {
            return Ok(Value::from(false));
        }
    }
    answer(net, &query)
}

pub(super) fn ipaddr(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    args.check_names(&["query", "version", "alias"])?;
    let version = match args.get(1, "version").and_then(Value::as_i64) {
        Some(4) => Some(false),
        Some(6) => Some(true),
        _ => None,
    };
    query_each(value, args, version, "ipaddr")
}

pub(super) fn ipv4(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    args.check_names(&["query"])?;
    query_each(value, args, Some(false), "ipv4")
}

pub(super) fn ipv6(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    args.check_names(&["query"])?;
    query_each(value, args, Some(true), "ipv6")
}

/// Puts brackets around IPv6 addresses; all else stays as it is.
pub(super) fn ipwrap(state: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    match value.kind() {
        ValueKind::Seq => {
            let mut list = Vec::new();
            for item in items(value)? {
                list.push(ipwrap(state, &item, args)?);
            }
            Ok(Value::from(list))
        }
        ValueKind::String | ValueKind::Bool => {
            Ok(parse(value).map_or_else(|| value.clone(), |net| text(wrapped(net))))
        }
        _ => Err(fail(format!(
            "ipwrap needs a text or a list, not {}",
            python::type_name(value)
        ))),
    }
}
