//! The outer form of a vault: a header line, then hexadecimal lines of three hexadecimal parts.

use super::VaultError;

/// How every vault begins.
const MAGIC: &str = "$ANSIBLE_VAULT";

/// Whether a text or file is vaulted as a whole.
pub fn is_vaulted(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC.as_bytes()) && bytes.get(MAGIC.len()) == Some(&b';')
}

/// A vault, taken apart but closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The vault id of format 1.2.
    pub(super) label: Option<String>,
    pub(super) salt: Vec<u8>,
    /// HMAC-SHA256 of the ciphertext.
    pub(super) mac: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

impl Envelope {
    /// Takes a vault apart.
    pub(super) fn parse(text: &str) -> Result<Self, VaultError> {
        let mut lines = text.trim().lines().map(str::trim);
        let header = lines.next().unwrap_or_default();
        let mut fields = header.split(';').map(str::trim);
        if fields.next() != Some(MAGIC) {
            return Err(VaultError::Malformed("its first line is no vault header"));
        }
        let format = fields.next().unwrap_or_default();
        let cipher = fields.next().unwrap_or_default();
        if !matches!(format, "1.1" | "1.2") {
            return Err(unsupported("format", format));
        }
        if cipher != "AES256" {
            return Err(unsupported("cipher", cipher));
        }
        let label = fields
            .next()
            .filter(|label| format == "1.2" && !label.is_empty())
            .map(str::to_owned);
        let body = unhex(&lines.collect::<String>())?;
        let mut parts = body.splitn(3, |byte| *byte == b'\n').map(|part| {
            std::str::from_utf8(part)
                .map_err(|_| VaultError::Malformed("its inner part is not hexadecimal"))
                .and_then(unhex)
        });
        let mut part = || {
            parts
                .next()
                .unwrap_or(Err(VaultError::Malformed("it ends too early")))
        };
        Ok(Self {
            label,
            salt: part()?,
            mac: part()?,
            ciphertext: part()?,
        })
    }
}

fn unsupported(what: &'static str, found: &str) -> VaultError {
    // Whatever stands there, the message stays one short line.
    let found = found.chars().take(20).collect();
    VaultError::Unsupported { what, found }
}

fn unhex(text: &str) -> Result<Vec<u8>, VaultError> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(VaultError::Malformed(
            "it has an odd number of hexadecimal digits",
        ));
    }
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| !pair.starts_with('+'))
                .ok_or(VaultError::Malformed(
                    "it holds something that is no hexadecimal digit",
                ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `31` is `1`, `0a` a new line: salt 1, MAC 2, ciphertext 3.
    const BODY: &str = "30310a30320a3033";

    #[test]
    fn both_formats_are_taken_apart() {
        for (header, label) in [
            ("$ANSIBLE_VAULT;1.1;AES256", None),
            ("$ANSIBLE_VAULT;1.2;AES256;dev", Some("dev".to_owned())),
        ] {
            let text = format!("{header}\n  {}\n  {}\n", &BODY[..6], &BODY[6..]);
            let expected = Envelope {
                label,
                salt: vec![1],
                mac: vec![2],
                ciphertext: vec![3],
            };
            assert_eq!(Envelope::parse(&text), Ok(expected));
        }
    }

    #[test]
    fn anything_else_is_refused_without_showing_it() {
        let cases = [
            (
                "$ANSIBLE_VAULT;1.0;AES\n00",
                "the vault's format `1.0` is not supported",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES\n00",
                "the vault's cipher `AES` is not supported",
            ),
            (
                "hello",
                "this is not a vault that can be read: its first line is no vault header",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\n0",
                "this is not a vault that can be read: it has an odd number of hexadecimal digits",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\nsecret",
                "this is not a vault that can be read: it holds something that is no hexadecimal digit",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\né",
                "this is not a vault that can be read: it holds something that is no hexadecimal digit",
            ),
            (
                "$ANSIBLE_VAULT;1.1;AES256\n30310a3032",
                "this is not a vault that can be read: it ends too early",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(Envelope::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_vault_is_told_by_its_first_bytes() {
        assert!(is_vaulted(b"$ANSIBLE_VAULT;1.1;AES256\n"));
        assert!(
            !is_vaulted(b"# $ANSIBLE_VAULT;1.1")
                && !is_vaulted(b"$ANSIBLE_VAULTS")
                && !is_vaulted(b"")
        );
    }
}
