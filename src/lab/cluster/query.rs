//! The query of a request.

use super::status::Refusal;

/// The parameters that this API reads, with their percent signs undone.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`. Empty parts are skipped: clients do send `?&watch=true`.
    pub(super) fn parse(text: &str) -> Self {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        Self(
            pairs
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The value of a parameter, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be given more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, or the empty string.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A parameter that is on: `1`, `true`, or there without a value.
    pub(super) fn on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| !matches!(value, "0" | "false"))
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let refuse =
            |_| Refusal::bad_request(format!("invalid {name}: \"{text}\" is not a number"));
        text.parse().map(Some).map_err(refuse)
    }
}

/// Undoes percent encoding; `+` is a space, as in forms.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = |at: usize| {
            bytes
                .get(at)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        match (bytes[index], hex(index + 1), hex(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                index += 3;
                continue;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_clients_send_them() {
        let query = Query::parse(
            "&watch=true&fieldSelector=spec.nodeName%3Dw1&verbose&timeoutSeconds=5&x=a+b%2",
        );
        assert!(query.on("watch"));
        assert!(query.on("verbose"));
        assert!(!query.on("missing"));
        assert_eq!(query.text("fieldSelector"), "spec.nodeName=w1");
        assert_eq!(query.number("timeoutSeconds"), Ok(Some(5)));
        assert_eq!(query.text("x"), "a b%2");
        assert!(
            Query::parse("timeoutSeconds=x")
                .number("timeoutSeconds")
                .is_err()
        );
    }
}
