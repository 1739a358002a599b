//! Certificates that end soon. Reads just enough of X.509 (RFC 5280) to know until when, and whether it signs itself.

use super::{Finding, Group};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// When certificates are worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateLimits {
    /// Days that a certificate must still be good.
    pub days: i64,
    /// Days that a certificate authority must still be good.
    pub authority_days: i64,
}

impl Default for CertificateLimits {
    /// Those of the reference: a month, and a year for an authority.
    fn default() -> Self {
        Self {
            days: 30,
            authority_days: 365,
        }
    }
}

/// What matters of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    ends: Timestamp,
    /// It is signed by itself, as a certificate authority's root is.
    own_issuer: bool,
}

/// Judges what the host's script printed of its files: `file PATH`, then PEM or `data BASE64-OF-PEM`.
pub(super) fn certificates(text: &str, now: Timestamp, limits: CertificateLimits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = format!("\n{text}");
    for part in text.split("\nfile ").skip(1) {
        let (path, rest) = part.split_once('\n').unwrap_or((part, ""));
        let validities = of_file(rest);
        // In a chain the first to end ends it; a root at its end is its own file's business, too.
        let first = validities.iter().min_by_key(|each| each.ends);
        findings.extend(first.and_then(|each| judge(path, *each, now, limits)));
    }
    findings
}

fn of_file(text: &str) -> Vec<Validity> {
    let mut pem = String::new();
    for line in text.lines() {
        match line.strip_prefix("data ") {
            Some(data) => {
                let decoded = STANDARD.decode(data.trim()).unwrap_or_default();
                pem.push_str(&String::from_utf8_lossy(&decoded));
            }
            None => pem.push_str(line),
        }
        pem.push('\n');
    }
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .filter_map(|der| validity(&der.ok()?))
        .collect()
}

fn judge(
    path: &str,
    validity: Validity,
    now: Timestamp,
    limits: CertificateLimits,
) -> Option<Finding> {
    let left = (validity.ends.as_second() - now.as_second()).div_euclid(DAY);
    let date = validity.ends.strftime("%Y-%m-%d");
    let authority = validity.own_issuer;
    let what = match left {
        ..0 => format!("{path} has ended on {date}"),
        0 => format!("{path} ends today"),
        _ => format!("{path} ends on {date}, in {left} days"),
    };
    let (limit, todo) = if authority {
        (limits.authority_days, "plan the rotation of the authority")
    } else {
        (
            limits.days,
            "renew it (kubeadm certs renew, a restart of k3s, or your own tool)",
        )
    };
    (left < limit).then(|| {
        Finding::warn(Group::Certificates, "certificate-ends", what, todo).blocking(left < 1)
    })
}

/// Until when a certificate is good; `None` for what is none.
fn validity(der: &[u8]) -> Option<Validity> {
    let certificate = Der(der).take(0x30)?.0;
    let mut body = Der(certificate).take(0x30)?.0;
    // An explicit version stands first where it is not 1.
    if body.first() == Some(&0xa0) {
        body = Der(body).take(0xa0)?.1;
    }
    let (_serial, rest) = Der(body).take(0x02)?;
    let (_algorithm, rest) = Der(rest).take(0x30)?;
    let (issuer, rest) = Der(rest).take(0x30)?;
    let (times, rest) = Der(rest).take(0x30)?;
    let (subject, _) = Der(rest).take(0x30)?;
    let (_, after_first) = Der(times).any()?;
    let (tag, end) = after_first.first().zip(Some(Der(after_first).any()?.0))?;
    Some(Validity {
        ends: time(*tag, std::str::from_utf8(end).ok()?)?,
        own_issuer: issuer == subject,
    })
}

/// A UTCTime (0x17) or a GeneralizedTime (0x18), both in UTC.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let full = match tag {
        // RFC 5280, 4.1.2.5.1: 50 and later stand for 19xx.
        0x17 if digits.get(..2)? < "50" => format!("20{digits}"),
        0x17 => format!("19{digits}"),
        0x18 => digits.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", full).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// What is left of a DER encoding.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, and what follows it.
    fn any(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (first, rest) = self.0.get(1..)?.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            // A certificate is shorter than 4 GB.
            let length = (bytes.len() <= 4).then(|| {
                bytes
                    .iter()
                    .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
            })?;
            (length, rest)
        };
        rest.split_at_checked(length)
    }

    /// The same, if the value has this tag.
    fn take(&self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        (self.0.first() == Some(&tag)).then(|| self.any())?
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};

    /// PEM of an authority that is good until a year, and of a leaf of it.
    fn pair(authority: i32, leaf: (i32, u8, u8)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "root");
        params.not_after = date_time_ymd(authority, 1, 1);
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["node".to_owned()]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "leaf");
        params.not_after = date_time_ymd(leaf.0, leaf.1, leaf.2);
        (root, params.signed_by(&key, &issuer).unwrap().pem())
    }

    #[test]
    fn what_ends_soon_warns_and_what_has_ended_blocks() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let cases = [
            ((2060, (2027, 11, 1)), vec![]),
            (
                (2060, (2026, 12, 20)),
                vec![(Severity::Warn, "leaf ends on 2026-12-20, in 28 days")],
            ),
            (
                (2060, (2026, 11, 22)),
                vec![(Severity::Block, "leaf ends today")],
            ),
            (
                (2060, (2026, 11, 1)),
                vec![(Severity::Block, "leaf has ended on 2026-11-01")],
            ),
            (
                (2027, (2049, 12, 31)),
                vec![(Severity::Warn, "root ends on 2027-01-01, in 40 days")],
            ),
            ((2200, (2051, 1, 1)), vec![]),
        ];
        for ((authority, leaf), expected) in cases {
            let (root, leaf) = pair(authority, leaf);
            let data = STANDARD.encode(&leaf);
            for second in [leaf.clone(), format!("data {data}\n")] {
                let text = format!("file root\n{root}file leaf\n{second}");
                let found = certificates(&text, now, CertificateLimits::default());
                let found: Vec<_> = found
                    .iter()
                    .map(|each| (each.severity, each.what.as_str()))
                    .collect();
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn what_is_no_certificate_says_nothing() {
        let pem = |text: &[u8]| {
            format!(
                "file x\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                STANDARD.encode(text)
            )
        };
        let now = Timestamp::UNIX_EPOCH;
        for text in [
            String::new(),
            "file x\n".to_owned(),
            "file x\ndata ???\n".to_owned(),
            pem(b""),
            pem(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]),
            pem(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            pem(&[0x30, 2, 0x30, 0]),
        ] {
            assert_eq!(certificates(&text, now, CertificateLimits::default()), []);
        }
    }
}
