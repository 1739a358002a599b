//! When a scheduled run begins, in the languages of systemd and cron.

use super::calendar::{DayTime, Window, time};
use super::days;
use super::hours::moment;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeMap;

/// cron knows the machine's own time only, so another zone's is looked up for so many days, which holds every change of a year.
const YEAR: i64 = 372;

/// When a scheduled run begins.
#[derive(Debug, Clone)]
pub struct Begin {
    pub(super) times: Vec<DayTime>,
    pub(super) zone: TimeZone,
    /// Whether the zone was written down.
    pub(super) named: bool,
}

/// cron's first five fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTimes {
    /// One entry per line.
    pub lines: Vec<String>,
    /// Whether the machine's time runs differently from the zone's, so that some lines come too early or too late in half of the year.
    pub shifts: bool,
}

impl Begin {
    /// When a window opens.
    pub fn of(window: &Window) -> Self {
        Self {
            times: window.starts(),
            zone: window.zone.clone(),
            named: window.named,
        }
    }

    /// The same times in the zone of a window, where no other one was asked for.
    #[must_use]
    pub fn in_zone_of(mut self, window: &Window) -> Self {
        if !self.named {
            self.zone = window.zone.clone();
            self.named = window.named;
        }
        self
    }

    /// A time at which `window` is not open, as it would be written down. One night in which the clock is set forward
    /// past the window is no mistake, so a time counts that misses it in two of three weeks.
    pub fn outside(&self, window: &Window, now: Timestamp) -> Option<String> {
        let mut missed: BTreeMap<(usize, i8, i8), usize> = BTreeMap::new();
        for at in self.moments(now, 3 * 7) {
            if window.closes(at).is_some() {
                continue;
            }
            let shown = at.to_zoned(self.zone.clone());
            let time = (days::number(shown.weekday()), shown.hour(), shown.minute());
            let times = missed.entry(time).or_default();
            *times += 1;
            if *times == 2 {
                return Some(shown.strftime("%a %H:%M %Z").to_string());
            }
        }
        None
    }

    /// Values of `OnCalendar=`.
    pub fn on_calendar(&self) -> Vec<String> {
        let zone = self
            .zone
            .iana_name()
            .filter(|_| self.named)
            .map_or_else(String::new, |name| format!(" {name}"));
        self.times
            .iter()
            .map(|it| {
                let days = if it.is_daily() {
                    String::new()
                } else {
                    let names: Vec<&str> = it.days().map(days::name).collect();
                    format!("{} ", names.join(","))
                };
                format!("{days}*-*-* {:02}:{:02}:00{zone}", it.hour(), it.minute())
            })
            .collect()
    }

    /// Lines for cron on a machine whose clock is set to `local`.
    pub fn cron(&self, local: &TimeZone, now: Timestamp) -> CronTimes {
        let own: Vec<(u32, u32, Vec<Weekday>)> = self
            .times
            .iter()
            .map(|it| (it.hour(), it.minute(), it.days().collect()))
            .collect();
        if !self.named || self.zone == *local {
            return CronTimes {
                lines: own.into_iter().map(cron_line).collect(),
                shifts: false,
            };
        }
        let mut shown: BTreeMap<(i8, i8), Vec<Weekday>> = BTreeMap::new();
        for at in self.moments(now, YEAR) {
            let at = at.to_zoned(local.clone());
            let days = shown.entry((at.hour(), at.minute())).or_default();
            if !days.contains(&at.weekday()) {
                days.push(at.weekday());
            }
        }
        let lines: Vec<String> = shown
            .into_iter()
            .map(|((hour, minute), days)| {
                cron_line((
                    hour.unsigned_abs().into(),
                    minute.unsigned_abs().into(),
                    days,
                ))
            })
            .collect();
        CronTimes {
            shifts: lines.len() > own.len(),
            lines,
        }
    }

    /// All times in so many days from `now` on.
    fn moments(&self, now: Timestamp, days: i64) -> Vec<Timestamp> {
        let today = now.to_zoned(self.zone.clone()).date();
        let mut found = Vec::new();
        for ahead in 0..days {
            let Ok(date) = today.checked_add(ahead.days()) else {
                break;
            };
            let on_day = self.times.iter().filter(|it| it.days.has(date.weekday()));
            found.extend(
                on_day.filter_map(|it| moment(&self.zone, date.to_datetime(time(it.minutes)?))),
            );
        }
        found
    }
}

fn cron_line((hour, minute, mut days): (u32, u32, Vec<Weekday>)) -> String {
    let days = if days.len() == 7 {
        "*".to_owned()
    } else {
        days.sort_by_key(|day| days::number(*day));
        // cron counts from Sunday's 0, and takes 7 for it, too.
        let numbers: Vec<String> = days
            .iter()
            .map(|day| day.to_sunday_zero_offset().to_string())
            .collect();
        numbers.join(",")
    };
    format!("{minute} {hour} * * {days}")
}
