//! A window, and when it opens and closes.

use super::days::Days;
use super::hours::moment;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// A window that does not close within so many days has no end worth speaking of.
const ENDLESS: i64 = 14;
/// The longest stretch begins so many days before it ends.
const BACK: i64 = 8;
/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// When a run may change something.
#[derive(Debug, Clone)]
pub struct Window {
    /// As it was written.
    pub(super) text: String,
    pub(super) stretches: Vec<Stretch>,
    pub(super) zone: TimeZone,
    /// Whether the zone was written down; otherwise it is the machine's own.
    pub(super) named: bool,
}

/// From one time of day to another, on some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The days on which it begins.
    pub(super) days: Days,
    /// Minutes from midnight.
    pub(super) start: u32,
    /// Minutes from the midnight before its start; more than a day's where it ends on a later one.
    pub(super) end: u32,
}

/// A time of day on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTime {
    pub(super) days: Days,
    pub(super) minutes: u32,
}

/// When a window that is open closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// Then.
    At(Zoned),
    /// Not within two weeks.
    Never,
}

impl DayTime {
    /// The days, from Monday on.
    pub fn days(&self) -> impl Iterator<Item = Weekday> + use<> {
        self.days.iter()
    }

    /// Whether it is on every day.
    pub fn is_daily(&self) -> bool {
        self.days == Days::ALL
    }

    /// The hour, 0 to 23.
    pub fn hour(&self) -> u32 {
        self.minutes / 60 % 24
    }

    /// The minute, 0 to 59.
    pub fn minute(&self) -> u32 {
        self.minutes % 60
    }
}

impl Window {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When it opens, week by week; stretches that continue another one do not count.
    pub fn starts(&self) -> Vec<DayTime> {
        let mut starts: Vec<DayTime> = Vec::new();
        for stretch in &self.stretches {
            match starts
                .iter_mut()
                .find(|known| known.minutes == stretch.start)
            {
                Some(known) => stretch.days.iter().for_each(|day| known.days.add(day, day)),
                None => starts.push(DayTime {
                    days: stretch.days,
                    minutes: stretch.start,
                }),
            }
        }
        starts
    }

    /// When it closes, if it is open at `now`. Stretches that touch are one.
    pub fn closes(&self, now: Timestamp) -> Option<Closing> {
        let times = self.times(now)?;
        let mut end = now;
        loop {
            let later = times
                .iter()
                .filter(|(opens, closes)| *opens <= end && end < *closes)
                .map(|(_, closes)| *closes)
                .max();
            match later {
                Some(later) => end = later,
                None if end == now => return None,
                None => return Some(Closing::At(end.to_zoned(self.zone.clone()))),
            }
            if end.duration_since(now).as_hours() >= ENDLESS * 24 {
                return Some(Closing::Never);
            }
        }
    }

    /// When it opens next after `now`.
    pub fn opens(&self, now: Timestamp) -> Option<Zoned> {
        let times = self.times(now)?;
        let next = times
            .iter()
            .map(|(opens, _)| *opens)
            .filter(|opens| *opens > now);
        next.min().map(|opens| opens.to_zoned(self.zone.clone()))
    }

    /// All stretches around `now`.
    fn times(&self, now: Timestamp) -> Option<Vec<(Timestamp, Timestamp)>> {
        let today = now.to_zoned(self.zone.clone()).date();
        let mut times = Vec::new();
        for ahead in -BACK..=ENDLESS + BACK {
            let date = today.checked_add(ahead.days()).ok()?;
            for stretch in self
                .stretches
                .iter()
                .filter(|it| it.days.has(date.weekday()))
            {
                let opens = self.at(date, stretch.start)?;
                let closes = self.at(date, stretch.end)?;
                // In the night of a change nothing may be left of it.
                if opens < closes {
                    times.push((opens, closes));
                }
            }
        }
        Some(times)
    }

    fn at(&self, date: Date, minutes: u32) -> Option<Timestamp> {
        let date = date.checked_add(i64::from(minutes / DAY).days()).ok()?;
        moment(&self.zone, date.to_datetime(time(minutes)?))
    }
}

/// The time of day.
pub(super) fn time(minutes: u32) -> Option<Time> {
    let part = |number: u32| i8::try_from(number).ok();
    Time::new(part(minutes / 60 % 24)?, part(minutes % 60)?, 0, 0).ok()
}
