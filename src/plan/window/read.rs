//! Reads windows and starting times as a person writes them.

use super::begin::Begin;
use super::calendar::{DayTime, Stretch, Window};
use super::days::{self, Days};
use super::words::{Sort, Word, split_zone, words};
use crate::source::{Diagnostic, Span, did_you_mean};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// What windows look like.
const WINDOWS: &str = "a window is written like `02:00-06:00`, `Sat 02:00-06:00 Europe/Berlin`, `Mon-Fri 22:00-04:00` or `Fri 22:00-Mon 04:00`";
/// What starting times look like.
const TIMES: &str =
    "a starting time is written like `02:00`, `Sat 02:00 Europe/Berlin` or `Mon-Fri 22:00`";
/// Minutes of a day.
const DAY: u32 = 24 * 60;

impl Window {
    /// Reads `Sat 02:00-06:00, Sun 01:00-05:00 Europe/Berlin`; without a zone at the end it is the machine's own, `local`.
    pub fn read(
        text: &Span,
        local: impl FnOnce() -> Result<TimeZone, String>,
    ) -> Result<Self, Diagnostic> {
        let (mut reader, zone, named) = Reader::open(text, WINDOWS, local)?;
        let stretches = reader.list(Reader::stretch)?;
        Ok(Self {
            text: text.text().trim().to_owned(),
            stretches,
            zone,
            named,
        })
    }
}

impl Begin {
    /// Reads `Sat 02:00, Sun 01:00 Europe/Berlin`.
    pub fn read(
        text: &Span,
        local: impl FnOnce() -> Result<TimeZone, String>,
    ) -> Result<Self, Diagnostic> {
        let (mut reader, zone, named) = Reader::open(text, TIMES, local)?;
        let times = reader.list(|reader, days| {
            let (minutes, _) = reader.time()?;
            Ok(DayTime { days, minutes })
        })?;
        Ok(Self { times, zone, named })
    }
}

/// Goes through the words of a text.
struct Reader<'t> {
    span: &'t Span,
    words: Vec<Word<'t>>,
    next: usize,
    /// What the text may look like.
    example: &'static str,
}

impl<'t> Reader<'t> {
    fn open(
        span: &'t Span,
        example: &'static str,
        local: impl FnOnce() -> Result<TimeZone, String>,
    ) -> Result<(Self, TimeZone, bool), Diagnostic> {
        let (rest, named) = split_zone(span.text());
        let reader = Self {
            span,
            words: words(rest),
            next: 0,
            example,
        };
        let zone = match named {
            None => local().map_err(|why| {
                Diagnostic::error("window", "the machine's own time zone is not known")
                    .at(span, "")
                    .hint(format!(
                        "{why}; name a zone at the end, such as `Europe/Berlin` or `UTC`"
                    ))
            })?,
            Some((at, name)) => TimeZone::get(name).map_err(|_| reader.no_zone(at, name))?,
        };
        Ok((reader, zone, named.is_some()))
    }

    /// All parts of the text, each with the days that it is for.
    fn list<T>(
        &mut self,
        part: impl Fn(&mut Self, Days) -> Result<T, Diagnostic>,
    ) -> Result<Vec<T>, Diagnostic> {
        let mut parts = Vec::new();
        let mut without: Option<(usize, usize)> = None;
        let mut some_with = false;
        loop {
            let days = self.days()?;
            let start = self.place().0;
            parts.push(part(self, days.unwrap_or(Days::ALL))?);
            let end = self.words[self.next - 1].end();
            match days {
                Some(_) => some_with = true,
                None => without = without.or(Some((start, end))),
            }
            if self.next == self.words.len() {
                break;
            }
            self.expect(Sort::Comma, "a comma, or the end")?;
        }
        match without {
            Some((start, end)) if some_with => {
                let text = &self.span.text()[start..end];
                let message = format!("it is not said on which days `{text}` is");
                let hint = format!("put its days before it, or `daily {text}` for all of them");
                Err(Diagnostic::error("window", message)
                    .at(&self.span.part(start, end), "")
                    .hint(hint))
            }
            _ => Ok(parts),
        }
    }

    /// `Sat`, `Mon-Fri`, `Sat, Sun`, `daily`; nothing where a time stands next.
    fn days(&mut self) -> Result<Option<Days>, Diagnostic> {
        let mut days = Days::NONE;
        let mut any = false;
        while let Some(word) = self.peek(Sort::Name) {
            any = true;
            self.next += 1;
            if word.text.eq_ignore_ascii_case("daily") {
                days = Days::ALL;
            } else {
                let from = self.day(word)?;
                let mut to = from;
                if self.peek(Sort::Dash).is_some() {
                    self.next += 1;
                    let word = self.expect(Sort::Name, "a day")?;
                    to = self.day(word)?;
                }
                days.add(from, to);
            }
            // Between days, as in `Sat, Sun 02:00-06:00`; what follows a time is the list's.
            let another = self.words.get(self.next + 1).map(|word| word.sort);
            if self.peek(Sort::Comma).is_some() && another == Some(Sort::Name) {
                self.next += 1;
            }
        }
        Ok(any.then_some(days))
    }

    fn day(&self, word: Word<'_>) -> Result<Weekday, Diagnostic> {
        days::named(word.text).ok_or_else(|| {
            let wrong = self.wrong(word.at, word.end(), &format!("`{}` is no day", word.text));
            match did_you_mean(word.text, days::names()) {
                Some(near) => wrong.hint(format!("did you mean `{near}`?")),
                None => wrong,
            }
        })
    }

    /// `02:00-06:00`, `22:00-04:00`, `22:00-Mon 04:00`.
    fn stretch(&mut self, days: Days) -> Result<Stretch, Diagnostic> {
        let (start, begins) = self.time()?;
        if start == DAY {
            return Err(self.wrong(
                begins.at,
                begins.end(),
                "24:00 is the end of a day; a window opens at 00:00",
            ));
        }
        self.expect(Sort::Dash, "`-` and the time at which the window closes")?;
        let until = match self.peek(Sort::Name) {
            Some(word) => {
                self.next += 1;
                Some(self.day(word)?)
            }
            None => None,
        };
        let (end, ends) = self.time()?;
        let place = |reader: &Self, message: &str| reader.wrong(begins.at, ends.end(), message);
        let end = match until {
            // The same time is a whole day by `24:00`, and nothing otherwise.
            None if end == start => {
                return Err(place(
                    self,
                    "the window closes when it opens; a whole day is `00:00-24:00`",
                ));
            }
            None if end < start => end + DAY,
            None => end,
            Some(until) => {
                let from = days.only().ok_or_else(|| {
                    place(self, "a window that ends on a day of its own begins on one")
                })?;
                let ahead = u32::from(from.until(until).unsigned_abs());
                if ahead == 0 && end <= start {
                    return Err(place(self, "the window closes before it opens"));
                }
                end + ahead * DAY
            }
        };
        Ok(Stretch { days, start, end })
    }

    /// A time of day in minutes, from `00:00` to `24:00`.
    fn time(&mut self) -> Result<(u32, Word<'t>), Diagnostic> {
        let word = self.expect(Sort::Time, "a time such as `02:00`")?;
        let minutes = word.text.split_once(':').and_then(|(hours, minutes)| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let fits = matches!(hours.len(), 1 | 2) && minutes.len() == 2;
            if !fits || !digits(hours) || !digits(minutes) {
                return None;
            }
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            let all = hours * 60 + minutes;
            (minutes < 60 && all <= DAY).then_some(all)
        });
        match minutes {
            Some(minutes) => Ok((minutes, word)),
            None => Err(self.wrong(
                word.at,
                word.end(),
                &format!("`{}` is no time of day", word.text),
            )),
        }
    }

    fn peek(&self, sort: Sort) -> Option<Word<'t>> {
        let word = self.words.get(self.next)?;
        (word.sort == sort).then_some(*word)
    }

    fn expect(&mut self, sort: Sort, what: &str) -> Result<Word<'t>, Diagnostic> {
        if let Some(word) = self.peek(sort) {
            self.next += 1;
            return Ok(word);
        }
        let (start, end) = self.place();
        let message = match self.words.get(self.next) {
            Some(word) => format!("here should be {what}, not `{}`", word.text),
            None => format!("here should be {what}"),
        };
        Err(self.wrong(start, end, &message))
    }

    /// Where the next word is, or would be.
    fn place(&self) -> (usize, usize) {
        if let Some(word) = self.words.get(self.next) {
            return (word.at, word.end());
        }
        let end = self.words.last().map_or(0, Word::end);
        (end, end)
    }

    fn wrong(&self, start: usize, end: usize, message: &str) -> Diagnostic {
        Diagnostic::error("window", message)
            .at(&self.span.part(start, end), "")
            .hint(self.example)
    }

    fn no_zone(&self, at: usize, name: &str) -> Diagnostic {
        let message = format!("there is no time zone `{name}`");
        let wrong =
            Diagnostic::error("window", message).at(&self.span.part(at, at + name.len()), "");
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|zone| zone.as_str().to_owned())
            .collect();
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => wrong.hint("zones are named like `Europe/Berlin` or `UTC`; without one it is the machine's own"),
        }
    }
}
