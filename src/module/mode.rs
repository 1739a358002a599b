//! File modes as Ansible takes them: a number, octal digits, symbolic, or `preserve`.

use super::ModuleError;
use serde_json::Value;

/// A mode that a file is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// These permission bits.
    Bits(u32),
    /// `chmod`'s symbolic form, such as `u=rw,g-w`.
    Symbolic(String),
    /// That of the file on the controller.
    Preserve,
}

impl Mode {
    /// Reads a parameter. YAML has already turned `0644` into a number; text is read as octal digits or as symbolic.
    pub(super) fn parse(value: &Value) -> Result<Self, ModuleError> {
        let bad = || ModuleError::failed(format!("`mode` is neither octal nor symbolic: {value}"));
        let bits = match value {
            Value::Number(number) => number.as_u64().and_then(|bits| u32::try_from(bits).ok()),
            Value::String(text) if text == "preserve" => return Ok(Self::Preserve),
            Value::String(text) => {
                let digits = text.strip_prefix("0o").unwrap_or(text);
                if digits.starts_with(|c: char| c.is_ascii_digit()) {
                    u32::from_str_radix(digits, 8).ok()
                } else {
                    symbolic(text, 0, false, 0).ok_or_else(bad)?;
                    return Ok(Self::Symbolic(text.clone()));
                }
            }
            _ => None,
        };
        bits.filter(|bits| *bits <= 0o7777)
            .map(Self::Bits)
            .ok_or_else(bad)
    }

    /// Reads an optional parameter.
    pub(super) fn optional(value: Option<&Value>) -> Result<Option<Self>, ModuleError> {
        value.map(Self::parse).transpose()
    }

    /// The bits that a file now at `current` is to have.
    pub(super) fn bits(&self, current: u32, folder: bool, umask: u32) -> u32 {
        match self {
            Self::Bits(bits) => *bits,
            Self::Symbolic(text) => symbolic(text, current, folder, umask).unwrap_or(current),
            Self::Preserve => current,
        }
    }
}

/// Mode bits as Ansible returns them: `0644`, `1777`.
pub(super) fn octal(bits: u32) -> String {
    format!("{bits:04o}")
}

/// `current` after the clauses of `text`; `None` when they make no sense.
fn symbolic(text: &str, current: u32, folder: bool, umask: u32) -> Option<u32> {
    text.split(',').try_fold(current, |mode, clause| {
        apply_clause(clause.trim(), mode, folder, umask)
    })
}

fn apply_clause(clause: &str, mut mode: u32, folder: bool, umask: u32) -> Option<u32> {
    let start = clause.find(['+', '-', '='])?;
    let (who, mut rest) = clause.split_at(start);
    let masked = if who.is_empty() { umask } else { 0 };
    let mut users = 0;
    for user in who.chars() {
        users |= match user {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    if who.is_empty() {
        users = 0o7777;
    }
    while let Some(operator) = rest.chars().next() {
        let end = rest[1..]
            .find(['+', '-', '='])
            .map_or(rest.len(), |at| at + 1);
        let bits = permissions(&rest[1..end], mode, folder)? & users & !masked;
        mode = match operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            // As `chmod` does, `=` leaves a folder's set-id bits alone.
            _ if folder => (mode & !(users & 0o1777)) | bits,
            _ => (mode & !users) | bits,
        };
        rest = &rest[end..];
    }
    Some(mode)
}

/// The bits that letters stand for, for user, group and others at once.
fn permissions(letters: &str, mode: u32, folder: bool) -> Option<u32> {
    letters.chars().try_fold(0, |bits, letter| {
        Some(
            bits | match letter {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if folder || mode & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                'u' => (mode >> 6 & 7) * 0o111,
                'g' => (mode >> 3 & 7) * 0o111,
                'o' => (mode & 7) * 0o111,
                _ => return None,
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_forms_give_the_bits_that_chmod_gives() {
        for (value, current, folder, expected) in [
            (json!(420), 0, false, 0o644),
            (json!("0644"), 0, false, 0o644),
            (json!("644"), 0, false, 0o644),
            (json!("0o1777"), 0, true, 0o1777),
            (json!("u=rwx,g=rx,o="), 0o666, false, 0o750),
            (json!("a+X"), 0o644, false, 0o644),
            (json!("a+X"), 0o644, true, 0o755),
            (json!("u+rwX,go-w"), 0o466, true, 0o744),
            (json!("g=u"), 0o700, false, 0o770),
            (json!("+x"), 0o644, false, 0o755),
            (json!("u+s,o+t"), 0o755, false, 0o5755),
            (json!("u=rw-w+x"), 0o755, false, 0o555),
        ] {
            let mode = Mode::parse(&value).unwrap();
            assert_eq!(mode.bits(current, folder, 0o022), expected, "{value}");
        }
        assert_eq!(Mode::parse(&json!("preserve")).unwrap(), Mode::Preserve);
        for bad in [
            json!("rw"),
            json!("99"),
            json!("u=q"),
            json!(10_000),
            json!([]),
        ] {
            assert!(Mode::parse(&bad).is_err(), "{bad}");
        }
    }
}
