//! Times of day in one time zone, also across a change of its clocks. Must not know what happened at these times.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Renders instants as a person in that zone reads them.
pub(super) struct Clock {
    zone: TimeZone,
}

/// From when on the zone's clocks are so far from UTC.
pub(super) struct Offset {
    /// In milliseconds since 1970.
    pub(super) from: i64,
    /// In seconds; east is positive.
    pub(super) seconds: i32,
    /// Such as `CET`.
    pub(super) name: String,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    fn at(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// `02:04:05`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        self.at(at).strftime("%H:%M:%S").to_string()
    }

    /// `Sat 21 Nov 2026, 02:04:05 CET`.
    pub(super) fn full(&self, at: Timestamp) -> String {
        self.at(at)
            .strftime("%a %-d %b %Y, %H:%M:%S %Z")
            .to_string()
    }

    /// The time, with the day where it is another one than that of `start`.
    pub(super) fn end(&self, at: Timestamp, start: Timestamp) -> String {
        let form = if self.at(at).date() == self.at(start).date() {
            "%H:%M:%S %Z"
        } else {
            "%a %-d %b, %H:%M:%S %Z"
        };
        self.at(at).strftime(form).to_string()
    }

    /// The offsets that hold between two instants.
    pub(super) fn offsets(&self, from: Timestamp, until: Timestamp) -> Vec<Offset> {
        let offset = |at: Timestamp| {
            let info = self.zone.to_offset_info(at);
            Offset {
                from: at.as_millisecond(),
                seconds: info.offset().seconds(),
                name: info.abbreviation().to_owned(),
            }
        };
        let changes = self
            .zone
            .following(from)
            .map(|change| change.timestamp())
            .take_while(|at| *at <= until);
        std::iter::once(from).chain(changes).map(offset).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_in_which_clocks_change_has_two_offsets() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let clock = Clock::new(zone);
        let from: Timestamp = "2026-10-24T23:30:00Z".parse().unwrap();
        let until: Timestamp = "2026-10-25T02:30:00Z".parse().unwrap();
        let offsets = clock.offsets(from, until);
        let seen: Vec<_> = offsets
            .iter()
            .map(|it| (it.seconds, it.name.as_str()))
            .collect();
        assert_eq!(seen, [(7200, "CEST"), (3600, "CET")]);
        assert_eq!(clock.full(from), "Sun 25 Oct 2026, 01:30:00 CEST");
        assert_eq!(clock.end(until, from), "03:30:00 CET");
    }
}
