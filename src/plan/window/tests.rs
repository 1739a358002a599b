//! Windows as people write them, the nights of a change, and what is wrong with those that make no sense.

use super::{Begin, Closing, Expected, Fit, Window};
use crate::source::{Diagnostic, Span};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

fn window(text: &str) -> Result<Window, Diagnostic> {
    Window::read(&Span::synthetic("--window", text), || Ok(TimeZone::UTC))
}

fn good(text: &str) -> Window {
    window(text).unwrap_or_else(|wrong| panic!("{text}: {}", wrong.render(false)))
}

fn begin(text: &str) -> Begin {
    Begin::read(&Span::synthetic("--on", text), || Ok(TimeZone::UTC)).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When `window` closes, seen from `now`: `-` where it is not open.
fn closes(window: &Window, now: &str) -> String {
    match window.closes(at(now)) {
        None => "-".to_owned(),
        Some(Closing::Never) => "never".to_owned(),
        Some(Closing::At(closes)) => closes.timestamp().to_string(),
    }
}

/// 21 November 2026 is a Saturday.
#[test]
fn a_window_is_open_from_its_start_until_just_before_its_end() {
    let cases = [
        ("02:00-06:00", "2026-11-21T01:59:59Z", "-"),
        (
            "02:00-06:00",
            "2026-11-21T02:00:00Z",
            "2026-11-21T06:00:00Z",
        ),
        (
            "02:00-06:00",
            "2026-11-21T05:59:59Z",
            "2026-11-21T06:00:00Z",
        ),
        ("02:00-06:00", "2026-11-21T06:00:00Z", "-"),
        (
            "Sat 02:00-06:00",
            "2026-11-21T03:00:00Z",
            "2026-11-21T06:00:00Z",
        ),
        (
            "saturday 2:00 - 6:00",
            "2026-11-21T03:00:00Z",
            "2026-11-21T06:00:00Z",
        ),
        ("Sat 02:00-06:00", "2026-11-22T03:00:00Z", "-"),
        // Over midnight a window belongs to the day on which it opens.
        (
            "Mon-Fri 22:00-04:00",
            "2026-11-21T03:00:00Z",
            "2026-11-21T04:00:00Z",
        ),
        ("Mon-Fri 22:00-04:00", "2026-11-21T23:00:00Z", "-"),
        ("Mon-Fri 22:00-04:00", "2026-11-23T03:00:00Z", "-"),
        (
            "Fri-Mon 01:00-02:00",
            "2026-11-22T01:30:00Z",
            "2026-11-22T02:00:00Z",
        ),
        (
            "Sat, Sun 02:00-06:00",
            "2026-11-22T03:00:00Z",
            "2026-11-22T06:00:00Z",
        ),
        (
            "Sat 02:00-06:00; Sun 01:00-05:00",
            "2026-11-22T03:00:00Z",
            "2026-11-22T05:00:00Z",
        ),
        (
            "Sat 02:00-06:00, daily 12:00-13:00",
            "2026-11-22T12:00:00Z",
            "2026-11-22T13:00:00Z",
        ),
        // Parts that touch are one window.
        (
            "22:00-24:00, 00:00-04:00",
            "2026-11-21T23:00:00Z",
            "2026-11-22T04:00:00Z",
        ),
        (
            "Fri 22:00-Mon 04:00",
            "2026-11-22T12:00:00Z",
            "2026-11-23T04:00:00Z",
        ),
        ("Fri 22:00-Mon 04:00", "2026-11-23T04:00:00Z", "-"),
        ("00:00-24:00", "2026-11-21T12:00:00Z", "never"),
        (
            "Sat 02:00–06:00 Europe/Berlin",
            "2026-11-21T01:00:00Z",
            "2026-11-21T05:00:00Z",
        ),
        ("Sat 02:00-06:00 Europe/Berlin", "2026-11-21T05:00:00Z", "-"),
        (
            "Sat 02:00-06:00 America/New_York",
            "2026-11-21T07:30:00Z",
            "2026-11-21T11:00:00Z",
        ),
        (
            "02:00-06:00 UTC",
            "2026-11-21T02:30:00Z",
            "2026-11-21T06:00:00Z",
        ),
    ];
    for (text, now, expected) in cases {
        assert_eq!(closes(&good(text), now), expected, "{text} at {now}");
    }
}

/// Berlin goes from 02:00 to 03:00 on 29 March 2026 at 01:00 UTC, and from 03:00 back to 02:00 on 25 October at 01:00 UTC.
#[test]
fn in_the_night_of_a_change_the_clock_on_the_wall_counts() {
    let cases = [
        // An hour is missing: three hours are left.
        ("02:00-06:00", "2026-03-29T00:59:59Z", "-"),
        (
            "02:00-06:00",
            "2026-03-29T01:00:00Z",
            "2026-03-29T04:00:00Z",
        ),
        // 02:30 does not come; the clock gets past it when it is set forward.
        ("02:30-06:00", "2026-03-29T00:59:59Z", "-"),
        (
            "02:30-06:00",
            "2026-03-29T01:00:00Z",
            "2026-03-29T04:00:00Z",
        ),
        (
            "01:00-02:30",
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
        ),
        ("01:00-02:30", "2026-03-29T01:00:00Z", "-"),
        // Nothing is left of a window within the hour that does not come.
        ("02:10-02:50", "2026-03-29T01:00:00Z", "-"),
        (
            "02:10-02:50",
            "2026-03-30T00:20:00Z",
            "2026-03-30T00:50:00Z",
        ),
        // An hour comes twice: five hours.
        (
            "02:00-06:00",
            "2026-10-25T00:00:00Z",
            "2026-10-25T05:00:00Z",
        ),
        // It opens the first time, when cron starts.
        (
            "02:30-06:00",
            "2026-10-25T00:30:00Z",
            "2026-10-25T05:00:00Z",
        ),
        // It closes the first time, and does not open again an hour later.
        (
            "01:00-02:30",
            "2026-10-25T00:29:59Z",
            "2026-10-25T00:30:00Z",
        ),
        ("01:00-02:30", "2026-10-25T00:30:00Z", "-"),
        ("01:00-02:30", "2026-10-25T01:15:00Z", "-"),
        (
            "02:10-02:50",
            "2026-10-25T00:10:00Z",
            "2026-10-25T00:50:00Z",
        ),
        ("02:10-02:50", "2026-10-25T01:10:00Z", "-"),
        // A window around the whole change is as long as the night is.
        (
            "Sat 22:00-04:00",
            "2026-10-24T20:00:00Z",
            "2026-10-25T03:00:00Z",
        ),
        (
            "Sat 22:00-04:00",
            "2026-03-28T21:00:00Z",
            "2026-03-29T02:00:00Z",
        ),
    ];
    for (text, now, expected) in cases {
        let text = format!("{text} Europe/Berlin");
        assert_eq!(closes(&good(&text), now), expected, "{text} at {now}");
    }
}

#[test]
fn the_next_opening_is_told_in_the_windows_own_zone() {
    let cases = [
        (
            "02:00-06:00",
            "2026-11-21T01:00:00Z",
            "2026-11-21T02:00:00+00:00[UTC]",
        ),
        // While it is open, the next one is the next day's.
        (
            "02:00-06:00",
            "2026-11-21T03:00:00Z",
            "2026-11-22T02:00:00+00:00[UTC]",
        ),
        (
            "Sat 02:00-06:00 Europe/Berlin",
            "2026-11-21T12:00:00Z",
            "2026-11-28T02:00:00+01:00[Europe/Berlin]",
        ),
        // The night in which nothing is left of it is passed over.
        (
            "Sun 02:10-02:50 Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-04-05T02:10:00+02:00[Europe/Berlin]",
        ),
    ];
    for (text, now, expected) in cases {
        let opens = good(text).opens(at(now)).unwrap();
        assert_eq!(opens.to_string(), expected, "{text} at {now}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let cases = [
        ("", "here should be a time such as `02:00`", 1),
        (
            "02:00",
            "here should be `-` and the time at which the window closes",
            6,
        ),
        ("2am-6am", "`2am` is no time of day", 1),
        ("02:00-25:00", "`25:00` is no time of day", 7),
        ("02:60-03:00", "`02:60` is no time of day", 1),
        ("0200-0600", "`0200` is no time of day", 1),
        (
            "24:00-06:00",
            "24:00 is the end of a day; a window opens at 00:00",
            1,
        ),
        (
            "02:00-02:00",
            "the window closes when it opens; a whole day is `00:00-24:00`",
            1,
        ),
        ("Sut 02:00-06:00", "`Sut` is no day", 1),
        ("Sat-Son 02:00-06:00", "`Son` is no day", 5),
        (
            "Sat Sun 02:00-06:00 Europe/Berln",
            "there is no time zone `Europe/Berln`",
            21,
        ),
        (
            "Sat 02:00-06:00, 12:00-13:00",
            "it is not said on which days `12:00-13:00` is",
            18,
        ),
        (
            "Mon-Fri 22:00-Sat 04:00",
            "a window that ends on a day of its own begins on one",
            9,
        ),
        (
            "Sat 06:00-Sat 02:00",
            "the window closes before it opens",
            5,
        ),
        (
            "02:00-06:00 12:00-13:00",
            "here should be a comma, or the end, not `12:00`",
            13,
        ),
        (
            "02:00/06:00",
            "here should be `-` and the time at which the window closes, not `/`",
            6,
        ),
        (
            "02:00-06:00 +02:00",
            "here should be a comma, or the end, not `+`",
            13,
        ),
        ("02:00-06:00,", "here should be a time such as `02:00`", 13),
        ("Europe/Berlin", "here should be a time such as `02:00`", 1),
    ];
    for (text, message, column) in cases {
        let wrong = window(text).expect_err(text);
        assert_eq!(wrong.message, message, "{text}");
        assert_eq!(wrong.labels[0].span.position().column, column, "{text}");
        assert!(!wrong.hints.is_empty(), "{text}");
    }
    let hints = |text: &str| window(text).unwrap_err().hints.join("; ");
    assert!(hints("02:00-06:00 Europe/Berln").contains("did you mean `Europe/Berlin`?"));
    assert!(hints("Sut 02:00-06:00").contains("did you mean `Sat`?"));
    assert!(hints("2am-6am").contains("`Sat 02:00-06:00 Europe/Berlin`"));
}

#[test]
fn a_machine_that_does_not_know_its_zone_needs_one_in_the_text() {
    let unknown = || Err("TZ names no zone".to_owned());
    let read = |text: &str| Window::read(&Span::synthetic("--window", text), unknown);
    let wrong = read("02:00-06:00").unwrap_err();
    assert!(
        wrong.hints[0].starts_with("TZ names no zone; name a zone"),
        "{:?}",
        wrong.hints
    );
    assert!(read("02:00-06:00 Asia/Tokyo").is_ok());
}

#[test]
fn what_would_not_end_in_time_does_not_begin() {
    let window = good("02:00-06:00");
    let fits = |now: &str, minutes: u64| window.fits(at(now), Duration::from_mins(minutes));
    assert_eq!(fits("2026-11-21T05:00:00Z", 60), Fit::Fits);
    let Fit::TooLong { closes, left } = fits("2026-11-21T05:00:00Z", 61) else {
        panic!("it would end after the window");
    };
    assert_eq!(closes.timestamp(), at("2026-11-21T06:00:00Z"));
    assert_eq!(left, Duration::from_hours(1));
    assert_eq!(fits("2026-11-21T06:00:00Z", 0), Fit::Closed);
    assert_eq!(
        good("00:00-24:00").fits(at("2026-11-21T05:00:00Z"), Duration::from_hours(9999)),
        Fit::Fits
    );
}

#[test]
fn what_this_run_measured_counts_more_than_what_is_said_or_was() {
    let minutes = |count| Some(Duration::from_mins(count));
    let soak = Duration::from_mins(2);
    let cases = [
        (
            minutes(9),
            None,
            minutes(4),
            Expected::ThisRun(Duration::from_mins(9)),
        ),
        (
            minutes(9),
            minutes(3),
            minutes(4),
            Expected::ThisRun(Duration::from_mins(9)),
        ),
        (
            minutes(9),
            minutes(20),
            None,
            Expected::Given(Duration::from_mins(20)),
        ),
        (
            None,
            minutes(3),
            minutes(4),
            Expected::Given(Duration::from_mins(3)),
        ),
        (
            None,
            None,
            minutes(4),
            Expected::EarlierRuns(Duration::from_mins(4)),
        ),
        // The soak may have become longer since.
        (None, None, minutes(1), Expected::EarlierRuns(soak)),
        (None, None, None, Expected::Assumed(Duration::from_mins(17))),
    ];
    for (this_run, given, earlier, expected) in cases {
        assert_eq!(Expected::of(this_run, given, earlier, soak), expected);
    }
}

#[test]
fn timers_and_cron_begin_when_the_window_opens() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let now = at("2026-11-21T12:00:00Z");
    let cases: [(&str, &TimeZone, &[&str], &[&str]); 6] = [
        (
            "02:00-06:00",
            &TimeZone::UTC,
            &["*-*-* 02:00:00"],
            &["0 2 * * *"],
        ),
        (
            "Sat 02:00-06:00",
            &TimeZone::UTC,
            &["Sat *-*-* 02:00:00"],
            &["0 2 * * 6"],
        ),
        (
            "Mon-Fri 22:30-04:00, Sun 01:00-03:00",
            &TimeZone::UTC,
            &["Mon,Tue,Wed,Thu,Fri *-*-* 22:30:00", "Sun *-*-* 01:00:00"],
            &["30 22 * * 1,2,3,4,5", "0 1 * * 0"],
        ),
        (
            "Sat 02:00-06:00 Europe/Berlin",
            &berlin,
            &["Sat *-*-* 02:00:00 Europe/Berlin"],
            &["0 2 * * 6"],
        ),
        // cron on a machine at UTC: in summer and in winter at another hour.
        (
            "Sat 02:00-06:00 Europe/Berlin",
            &TimeZone::UTC,
            &["Sat *-*-* 02:00:00 Europe/Berlin"],
            &["0 0 * * 6", "0 1 * * 6"],
        ),
        (
            "Sat 01:30-06:00 Europe/Berlin",
            &TimeZone::UTC,
            &["Sat *-*-* 01:30:00 Europe/Berlin"],
            &["30 0 * * 6", "30 23 * * 5"],
        ),
    ];
    for (text, local, calendar, cron) in cases {
        let begin = Begin::of(&good(text));
        assert_eq!(begin.on_calendar(), calendar, "{text}");
        let found = begin.cron(local, now);
        assert_eq!(found.lines, cron, "{text}");
        assert_eq!(found.shifts, cron.len() > calendar.len(), "{text}");
    }
}

#[test]
fn a_start_outside_of_the_window_is_found() {
    let now = at("2026-03-20T12:00:00Z");
    let window = good("Sat 02:00-06:00 Europe/Berlin");
    let outside = |text: &str| begin(text).in_zone_of(&window).outside(&window, now);
    assert_eq!(outside("Sat 02:00"), None);
    assert_eq!(outside("Sat 03:30"), None);
    assert_eq!(outside("Sun 02:00").as_deref(), Some("Sun 02:00 CEST"));
    assert_eq!(outside("Sat 02:00 UTC"), None);
    assert_eq!(outside("Sat 06:00").as_deref(), Some("Sat 06:00 CET"));
    // The one night in which the clock is set forward past the window is no mistake.
    let short = good("Sun 02:10-02:50 Europe/Berlin");
    assert_eq!(
        begin("Sun 02:10").in_zone_of(&short).outside(&short, now),
        None
    );
}
