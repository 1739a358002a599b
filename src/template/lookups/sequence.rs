//! `sequence`: numbers from `start=1 end=5 stride=2 format=host%02d`, or `1-5/2:host%02d`.

use super::Request;
use crate::template::arguments::fail;
use minijinja::formatting::{FormatStyle, format};
use minijinja::{Error, Value as Argument};
use serde_json::Value;

struct Plan {
    start: i64,
    end: Option<i64>,
    count: Option<i64>,
    stride: i64,
    format: String,
}

pub(super) fn sequence(request: &Request) -> Result<Vec<Value>, Error> {
    request.only(&["start", "end", "count", "stride", "format"])?;
    let mut list = Vec::new();
    let mut terms = request.texts()?;
    if terms.is_empty() {
        terms.push(String::new());
    }
    for term in terms {
        let mut plan = Plan {
            start: 1,
            end: None,
            count: None,
            stride: 1,
            format: "%d".to_owned(),
        };
        for (name, value) in &request.options {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            plan.set(name, &text)?;
        }
        if term.contains('=') {
            for pair in term.split_whitespace() {
                let (name, value) = pair
                    .split_once('=')
                    .ok_or_else(|| fail(format!("`{pair}` is not `name=value`")))?;
                plan.set(name, value)?;
            }
        } else if !term.is_empty() {
            plan.shortcut(&term)?;
        }
        plan.run(&mut list)?;
    }
    Ok(list)
}

fn integer(text: &str) -> Result<i64, Error> {
    let (base, digits) = match text.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
        None => (10, text),
    };
    i64::from_str_radix(digits, base).map_err(|_| fail(format!("`{text}` is not a whole number")))
}

impl Plan {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "start" => self.start = integer(value)?,
            "end" => self.end = Some(integer(value)?),
            "count" => self.count = Some(integer(value)?),
            "stride" => self.stride = integer(value)?,
            "format" => value.clone_into(&mut self.format),
            _ => return Err(fail(format!("unknown sequence option `{name}`"))),
        }
        Ok(())
    }

    /// `[start-]end[/stride][:format]`.
    fn shortcut(&mut self, term: &str) -> Result<(), Error> {
        let (term, format) = term.split_once(':').unwrap_or((term, ""));
        let (range, stride) = term.split_once('/').unwrap_or((term, ""));
        if !format.is_empty() {
            format.clone_into(&mut self.format);
        }
        if !stride.is_empty() {
            self.stride = integer(stride)?;
        }
        if let Some((start, end)) = range.split_once('-') {
            self.start = integer(start)?;
            self.end = Some(integer(end)?);
        } else {
            self.end = Some(integer(range)?);
        }
        Ok(())
    }

    fn run(self, list: &mut Vec<Value>) -> Result<(), Error> {
        let end = match (self.end, self.count) {
            (Some(end), None) => end,
            (None, Some(0)) => return Ok(()),
            (None, Some(count)) => self.start + (count - 1) * self.stride,
            _ => return Err(fail("sequence needs either `count` or `end`")),
        };
        if self.stride == 0 {
            return Ok(());
        }
        if (self.stride > 0) != (end >= self.start) && end != self.start {
            return Err(fail(
                "to count backwards make stride negative, to count forward make it positive",
            ));
        }
        let mut at = self.start;
        while (self.stride > 0 && at <= end) || (self.stride < 0 && at >= end) {
            let text = format(FormatStyle::Printf, &self.format, &[Argument::from(at)])?;
            list.push(Value::from(text));
            at += self.stride;
        }
        Ok(())
    }
}
