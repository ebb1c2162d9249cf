//! Makes a failing case as short as it can be.

use std::time::{Duration, Instant};

use crate::case::{Case, Record};

/// The shortest case that was found, by leaving out records and what is done between them as long as it still fails, and what is wrong then. It takes no longer
/// than `time`.
///
/// The idea is that of Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002: halves, quarters, and so on down to single records.
pub fn shrink(case: Case, what: String, time: Duration, fails: impl Fn(&Case) -> Option<String>) -> (Case, String) {
    let begun = Instant::now();
    let (mut shortest, mut wrong) = (case, what);
    let mut try_case = |candidate: Case, shortest: &mut Case| match fails(&candidate) {
        _ if begun.elapsed() > time => false,
        Some(what) => {
            (*shortest, wrong) = (candidate, what);
            true
        }
        None => false,
    };
    loop {
        let before = size(&shortest);
        let mut length = shortest.records.len().div_ceil(2).max(1);
        loop {
            let mut start = 0;
            while start < shortest.records.len() {
                let end = (start + length).min(shortest.records.len());
                let mut candidate = shortest.clone();
                candidate.records.drain(start..end);
                if candidate.records.is_empty() || !try_case(candidate, &mut shortest) {
                    start = end;
                }
            }
            if length == 1 {
                break;
            }
            length = length.div_ceil(2).max(1);
        }
        for simpler in [|case: &mut Case| case.split = false, |case: &mut Case| case.beside = false] {
            let mut candidate = shortest.clone();
            simpler(&mut candidate);
            if size(&candidate) < size(&shortest) {
                try_case(candidate, &mut shortest);
            }
        }
        for index in 0..shortest.records.len() {
            for simpler in SIMPLER {
                let mut candidate = shortest.clone();
                simpler(&mut candidate.records[index]);
                if size(&candidate) < size(&shortest) {
                    try_case(candidate, &mut shortest);
                }
            }
        }
        if size(&shortest) == before || begun.elapsed() > time {
            return (shortest, wrong);
        }
    }
}

/// What can be left out behind a record.
const SIMPLER: [fn(&mut Record); 3] =
    [|record| record.restores = false, |record| record.advances = None, |record| record.ends_batch = false];

/// How much there is to read.
fn size(case: &Case) -> usize {
    let behind = |record: &Record| {
        usize::from(record.ends_batch) + usize::from(record.advances.is_some()) + usize::from(record.restores)
    };
    let records: usize = case.records.iter().map(|record| 4 + behind(record)).sum();
    records + usize::from(case.split) + usize::from(case.beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let record =
            |time| Record { input: 0, time, seed: 0, key: 0, ends_batch: true, advances: Some(1), restores: true };
        let case = Case { records: (0..40).map(record).collect(), split: true, beside: true };
        let fails = |case: &Case| {
            let restored = case.records.iter().any(|record| record.time == 17 && record.restores);
            (restored && case.records.iter().any(|record| record.time == 31)).then(|| "it fails".to_owned())
        };
        let (shortest, _) = shrink(case, String::new(), Duration::from_secs(60), fails);
        let times: Vec<_> = shortest.records.iter().map(|record| record.time).collect();
        assert_eq!(times, [17, 31]);
        assert!(!shortest.split && !shortest.beside);
        assert!(
            shortest.records[0].restores && !shortest.records[0].ends_batch && shortest.records[0].advances.is_none()
        );
        assert!(!shortest.records[1].restores);
    }
}
