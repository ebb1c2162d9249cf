//! Records as `dag test` makes them up: a millisecond apart, of four hosts, an eighth without a value.

use dag_guest::{Column, encode};

/// Consecutive records.
pub struct Batch {
    /// Nanoseconds, one host and perhaps a value each.
    pub rows: Vec<(i64, &'static str, Option<f64>)>,
    /// The columns time, host and value as a frame.
    pub frame: Vec<u8>,
    /// The same for an aggregate, with a slot for each host: slot, time and value.
    pub slots: Vec<u8>,
}

const HOSTS: [&str; 4] = ["web1", "żółw", "", "db"];

impl Batch {
    /// The next so many.
    pub fn next(count: usize, now: &mut i64) -> Batch {
        let row = |_| {
            *now += 1_000_000;
            let random = mixed(*now as u64);
            let value = ((random >> 8) % 200) as f64 - 100.0;
            (*now, random as usize % 4, (random % 8 != 5).then_some(value * 0.1))
        };
        let rows: Vec<_> = (0..count).map(row).collect();
        let times = Column::timestamp(rows.iter().map(|(time, _, _)| Some(*time)));
        let hosts = Column::utf8(rows.iter().map(|(_, host, _)| Some(HOSTS[*host])));
        let slots = Column::int64(rows.iter().map(|(_, host, _)| Some(*host as i64)));
        let values = Column::float64(rows.iter().map(|(_, _, value)| *value));
        let frame = |columns: [&Column; 3]| encode(count, &columns.map(Column::view));
        Batch {
            frame: frame([&times, &hosts, &values]),
            slots: frame([&slots, &times, &values]),
            rows: rows.into_iter().map(|(time, host, value)| (time, HOSTS[host], value)).collect(),
        }
    }

    /// The time that has come with the last of them.
    pub fn end(&self) -> i64 {
        self.rows.last().map_or(0, |(time, _, _)| *time)
    }
}

/// Bits that look random: the mixing of SplitMix64.
fn mixed(bits: u64) -> u64 {
    let mut mixed = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
