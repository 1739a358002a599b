//! When does a rolling run go on? Pure rules; what follows from them is tested in `tests/engine`.

/// What a play allows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Limits {
    /// `max_fail_percentage`: above this share of a batch the run stops.
    pub(super) percentage: Option<f64>,
    /// `max_failures`: above this number of failed hosts of the whole run it stops.
    pub(super) failures: Option<usize>,
}

/// How a batch stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Hosts of the batch.
    pub(super) batch: usize,
    /// Of these, failed for good.
    pub(super) failed: usize,
    /// Of these, unreachable.
    pub(super) unreachable: usize,
    /// Failed or unreachable hosts of the run, this batch included.
    pub(super) lost_in_run: usize,
}

/// Why the run stops, in words, or `None` when it goes on.
///
/// Unreachable counts as failed: a host that is silent in mid-upgrade is worse than one that says what is wrong.
pub(super) fn stop_reason(limits: Limits, tally: Tally) -> Option<String> {
    let lost = tally.failed + tally.unreachable;
    if lost == 0 {
        return None;
    }
    if let Some(limit) = limits.percentage {
        let share = lost as f64 * 100.0 / tally.batch.max(1) as f64;
        if share > limit {
            return Some(format!(
                "{lost} of {} hosts of the batch failed, more than max_fail_percentage {limit} allows",
                tally.batch
            ));
        }
    }
    if let Some(limit) = limits.failures
        && tally.lost_in_run > limit
    {
        return Some(format!(
            "{} hosts failed in this run, more than max_failures {limit} allows",
            tally.lost_in_run
        ));
    }
    (lost == tally.batch).then(|| match lost {
        1 => "the only host of the batch failed".to_owned(),
        _ => format!("all {lost} hosts of the batch failed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_stops_where_the_table_says_so() {
        let mfp = |percentage| Limits {
            percentage: Some(percentage),
            failures: None,
        };
        let none = Limits::default();
        let run = |failures| Limits {
            percentage: None,
            failures: Some(failures),
        };
        // limits, batch, failed, unreachable, lost in the run, stops
        let cases = [
            (none, 3, 1, 0, 1, false),
            (none, 3, 3, 0, 3, true),
            (none, 1, 0, 1, 1, true),
            (mfp(30.0), 3, 1, 0, 1, true),
            (mfp(33.0), 3, 1, 0, 1, true),
            (mfp(49.0), 3, 1, 0, 1, false),
            (mfp(50.0), 2, 1, 0, 1, false),
            (mfp(40.0), 3, 1, 1, 2, true),
            (mfp(0.0), 3, 0, 1, 1, true),
            (mfp(0.0), 3, 0, 0, 0, false),
            (run(0), 5, 1, 0, 1, true),
            (run(2), 5, 1, 0, 2, false),
            (run(2), 5, 1, 0, 3, true),
        ];
        for (limits, batch, failed, unreachable, lost_in_run, stops) in cases {
            let tally = Tally {
                batch,
                failed,
                unreachable,
                lost_in_run,
            };
            assert_eq!(
                stop_reason(limits, tally).is_some(),
                stops,
                "{limits:?} {tally:?}"
            );
        }
    }
}
