//! From what a clock on the wall shows to a moment.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The moment at which a clock on the wall gets to `shown`.
///
/// In the night of a change a time may not exist, or come twice. A clock gets to one that does not exist when it is set
/// forward past it. One that comes twice counts the first time, both where a window opens, as that is when cron and
/// systemd start, and where it closes, as a run that ends early harms nobody.
pub(super) fn moment(zone: &TimeZone, shown: DateTime) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(shown);
    match found.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            let earlier = after.to_timestamp(shown).ok()?;
            let change = zone.following(earlier).next();
            change.map(|change| change.timestamp())
        }
    }
}
