//! Days of the week as a set, and their names.

use jiff::civil::Weekday;

/// All days, from Monday on.
pub(super) const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// Their names, as windows and timers write them.
const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The day of that name: `Sat` or `Saturday`, in any case.
pub(super) fn named(word: &str) -> Option<Weekday> {
    let word = word.to_lowercase();
    let at = LONG
        .iter()
        .position(|long| *long == word || long[..3] == word)?;
    Some(WEEK[at])
}

/// The names that a slip may have meant.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(["daily"])
}

/// A day's name.
pub(super) fn name(day: Weekday) -> &'static str {
    NAMES[number(day)]
}

/// A day's number, from Monday's 0.
pub(super) fn number(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}

/// Some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Days([bool; 7]);

impl Days {
    /// Every day.
    pub(super) const ALL: Self = Self([true; 7]);
    /// No day.
    pub(super) const NONE: Self = Self([false; 7]);

    /// `from`, and the days that follow up to `to`; over the end of the week where `to` comes first.
    pub(super) fn add(&mut self, from: Weekday, to: Weekday) {
        for day in from.cycle_forward() {
            self.0[number(day)] = true;
            if day == to {
                break;
            }
        }
    }

    /// Whether a day is one of them.
    pub(super) fn has(self, day: Weekday) -> bool {
        self.0[number(day)]
    }

    /// The only day, where there is only one.
    pub(super) fn only(self) -> Option<Weekday> {
        let mut days = self.iter();
        let first = days.next()?;
        days.next().is_none().then_some(first)
    }

    /// The days, from Monday on.
    pub(super) fn iter(self) -> impl Iterator<Item = Weekday> {
        WEEK.into_iter().filter(move |day| self.has(*day))
    }
}
