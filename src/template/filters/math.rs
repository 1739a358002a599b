//! Numbers.

use crate::template::arguments::{Arguments, fail};
use crate::template::python;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

type Result<T = Value> = std::result::Result<T, Error>;

/// `int(value, default=0, base=10)`: what is no number becomes the default, a fraction is cut off.
pub(super) fn int(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let default = args.get(0, "default").cloned().unwrap_or(Value::from(0));
    let base = u32::try_from(args.int(1, "base", 10)?).unwrap_or(10);
    Ok(match value.kind() {
        ValueKind::Number if value.is_integer() => value.clone(),
        ValueKind::Number => truncated(f64::try_from(value.clone())?).unwrap_or(default),
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim().replace('_', "");
            parse(&text, base)
                .map(Value::from)
                .or_else(|| text.parse().ok().and_then(truncated))
                .unwrap_or(default)
        }
        _ => default,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting the fraction off is the purpose; i128 holds what fits"
)]
fn truncated(value: f64) -> Option<Value> {
    value.is_finite().then(|| Value::from(value as i128))
}

fn parse(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let prefixed = |prefix: &str| lower.strip_prefix(prefix).map(str::to_owned);
    let (base, digits) = match base {
        0 => [("0x", 16), ("0o", 8), ("0b", 2)]
            .into_iter()
            .find_map(|(prefix, base)| Some((base, prefixed(prefix)?)))
            .unwrap_or((10, lower.clone())),
        2 => (2, prefixed("0b").unwrap_or(lower)),
        8 => (8, prefixed("0o").unwrap_or(lower)),
        16 => (16, prefixed("0x").unwrap_or(lower)),
        3..=36 => (base, lower),
        _ => return None,
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i64::from_str_radix(&digits, base).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// `float(value, default=0.0)`.
pub(super) fn float(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let default = args.get(0, "default").cloned().unwrap_or(Value::from(0.0));
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => Value::from(f64::try_from(value.clone())?),
        ValueKind::String => value
            .as_str()
            .and_then(|text| text.trim().parse::<f64>().ok())
            .map_or(default, Value::from),
        _ => default,
    })
}

fn number(value: &Value, what: &str) -> Result<f64> {
    if value.kind() != ValueKind::Number {
        return Err(fail(format!(
            "{what} needs a number, not {}",
            python::type_name(value)
        )));
    }
    f64::try_from(value.clone())
}

pub(super) fn log(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let value = number(value, "log")?;
    Ok(Value::from(match args.get(0, "base") {
        None => value.ln(),
        Some(base) => match number(base, "log")? {
            10.0 => value.log10(),
            base => value.ln() / base.ln(),
        },
    }))
}

pub(super) fn pow(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let power = number(args.require(0, "y")?, "pow")?;
    Ok(Value::from(number(value, "pow")?.powf(power)))
}

pub(super) fn root(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let value = number(value, "root")?;
    let base = args
        .get(0, "base")
        .map_or(Ok(2.0), |base| number(base, "root"))?;
    Ok(Value::from(match base {
        2.0 => value.sqrt(),
        base => value.powf(1.0 / base),
    }))
}

const UNITS: [(char, f64); 8] = [
    ('Y', 1_208_925_819_614_629_174_706_176.0),
    ('Z', 1_180_591_620_717_411_303_424.0),
    ('E', 1_152_921_504_606_846_976.0),
    ('P', 1_125_899_906_842_624.0),
    ('T', 1_099_511_627_776.0),
    ('G', 1_073_741_824.0),
    ('M', 1_048_576.0),
    ('K', 1024.0),
];

/// `1048576 | human_readable(isbits=False, unit=None)` is `1.00 MB`.
pub(super) fn human_readable(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let size = match value.as_str() {
        Some(text) => text
            .trim()
            .parse()
            .map_err(|_| fail(format!("human_readable needs a number, not `{text}`")))?,
        None => number(value, "human_readable")?,
    };
    let base = if args.flag(0, "isbits", false)? {
        "bits"
    } else {
        "Bytes"
    };
    let unit = args.get(1, "unit").filter(|unit| !unit.is_none());
    let unit = unit
        .map(python::text)
        .transpose()?
        .map(|unit| unit.to_uppercase());
    let chosen = UNITS.iter().find(|(letter, limit)| match &unit {
        None => size >= *limit,
        Some(unit) => unit.starts_with(*letter),
    });
    let (limit, suffix) = match chosen {
        Some((letter, limit)) => (*limit, format!("{letter}{}", &base[..1])),
        None => (1.0, base.to_owned()),
    };
    Ok(Value::from(format!("{:.2} {suffix}", size / limit)))
}

/// `'10M' | human_to_bytes(default_unit=None, isbits=False)` is 10485760.
pub(super) fn human_to_bytes(_: &mut State<'_, '_>, value: &Value, args: &Arguments) -> Result {
    let text = python::text(value)?;
    let bad = || fail(format!("human_to_bytes cannot read `{text}`"));
    let trimmed = text.trim();
    let split = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let number: f64 = trimmed[..split].parse().map_err(|_| bad())?;
    let mut unit = trimmed[split..].trim().to_owned();
    if unit.is_empty() {
        unit = args.text(0, "default_unit", "")?;
    }
    let factor = match unit.chars().next() {
        None | Some('B' | 'b') => 1.0,
        Some(letter) => UNITS
            .iter()
            .find(|(each, _)| *each == letter.to_ascii_uppercase())
            .map(|(_, factor)| *factor)
            .ok_or_else(bad)?,
    };
    truncated((number * factor).round()).ok_or_else(bad)
}
