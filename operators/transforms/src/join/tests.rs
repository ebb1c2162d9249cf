use dag_guest::harness::{Records, SECOND, check_determinism, run};
use dag_guest::{Type, Value};
use proptest::prelude::*;

use super::*;

const COLUMNS: [(&str, Type); 2] = [("host", Type::Utf8), ("value", Type::Int64)];

fn records(rows: &[(i64, &str, i64)]) -> Records {
    rows.iter().fold(Records::new(&COLUMNS), |records, (second, host, value)| {
        let host = if host.is_empty() { Value::Null } else { Value::Utf8(host) };
        records.with(second * SECOND, &[host, Value::Int64(*value)])
    })
}

fn names(records: &Records) -> Vec<&str> {
    records.schema().fields.iter().map(|field| field.name.as_str()).collect()
}

/// Time in seconds, left value and right value of each pair.
fn pairs(joined: &Records) -> Vec<(i64, i64, i64)> {
    let (left, right) = (joined.values::<i64>("a.value"), joined.values::<i64>("b.value"));
    let times = joined.times().into_iter().map(|time| time / SECOND);
    times.zip(left).zip(right).map(|((time, left), right)| (time, left, right)).collect()
}

const BY_HOST: [(&str, &str); 2] = [("on", "host"), ("within", "5s")];

#[test]
fn pairs_come_at_the_later_records_time() {
    let left = records(&[(0, "x", 1), (10, "x", 2)]);
    let right = records(&[(4, "x", 10), (5, "y", 11), (6, "x", 12), (15, "x", 13), (16, "x", 14)]);
    let joined = run::<Join>(&BY_HOST, &[left, right]).unwrap();
    assert_eq!(pairs(&joined), [(4, 1, 10), (10, 2, 12), (15, 2, 13)]);
}

#[test]
fn at_one_time_the_left_and_then_the_right_record_decides() {
    let left = records(&[(0, "x", 1), (0, "y", 2), (1, "x", 3), (2, "y", 4), (2, "x", 5)]);
    let right = records(&[(0, "x", 10), (2, "y", 11), (2, "x", 12), (2, "x", 13)]);
    let joined = run::<Join>(&BY_HOST, &[left, right]).unwrap();
    let at_two =
        [(2, 1, 12), (2, 1, 13), (2, 2, 11), (2, 3, 12), (2, 3, 13), (2, 4, 11), (2, 5, 10), (2, 5, 12), (2, 5, 13)];
    assert_eq!(pairs(&joined), [[(0, 1, 10), (1, 3, 10)].as_slice(), &at_two].concat());
}

#[test]
fn a_key_by_name_comes_once_and_columns_that_collide_carry_their_alias() {
    let left = records(&[(0, "x", 1)]);
    let right = Records::new(&[("value", Type::Int64), ("zone", Type::Utf8), ("host", Type::Utf8)]);
    let joined = run::<Join>(&BY_HOST, &[left.clone(), right.clone()]).unwrap();
    assert_eq!(names(&joined), ["host", "a.value", "b.value", "zone"]);
    let joined = run::<Join>(&[("on", "a.host=b.host"), ("within", "5s")], &[left, right]).unwrap();
    assert_eq!(names(&joined), ["a.host", "a.value", "b.value", "zone", "b.host"]);
}

#[test]
fn a_condition_may_name_different_columns_and_say_more_than_equality() {
    let left = records(&[(0, "x", 1), (0, "x", 5), (0, "y", 2)]);
    let right = Records::new(&[("node", Type::Utf8), ("value", Type::Int64)]);
    let right = right.with(SECOND, &[Value::Utf8("x"), Value::Int64(3)]);
    let joined = |on| pairs(&run::<Join>(&[("on", on), ("within", "5s")], &[left.clone(), right.clone()]).unwrap());
    assert_eq!(joined("a.host=b.node"), [(1, 1, 3), (1, 5, 3)]);
    assert_eq!(joined("a.host=b.node and a.value<b.value"), [(1, 1, 3)]);
    assert_eq!(joined("a.value<b.value"), [(1, 1, 3), (1, 2, 3)]);
    assert_eq!(joined("a.time=b.time"), []);
}

#[test]
fn null_equals_nothing() {
    let joined = run::<Join>(&BY_HOST, &[records(&[(0, "", 1)]), records(&[(0, "", 2)])]).unwrap();
    assert_eq!(joined.rows(), 0);
}

#[test]
fn several_columns_make_a_key() {
    let columns = [("host", Type::Utf8), ("value", Type::Int64), ("extra", Type::Int64)];
    let left = Records::new(&columns).with(0, &[Value::Utf8("x"), Value::Int64(1), Value::Int64(7)]);
    let right = records(&[(0, "x", 1), (0, "x", 2)]);
    let joined = run::<Join>(&[("on", "(host,value)"), ("within", "0s")], &[left, right]).unwrap();
    assert_eq!((joined.rows(), names(&joined)), (1, vec!["host", "value", "extra"]));
}

#[test]
fn what_cannot_be_joined_is_refused() {
    let left = records(&[]);
    let refused = |on, within, right: &[(&str, Type)]| {
        run::<Join>(&[("on", on), ("within", within)], &[left.clone(), Records::new(right)]).unwrap_err()
    };
    assert!(refused("host", "5s", &[("node", Type::Utf8)]).contains("input `b`: there is no column `host`"));
    assert!(refused("host", "5s", &[("host", Type::Int64)]).contains("utf8 in input `a`, but int64 in input `b`"));
    assert!(refused("host", "-5s", &COLUMNS).contains("not negative"));
    assert!(refused("a.host", "5s", &COLUMNS).contains("a.host"));
    assert!(refused("a.value+b.value", "5s", &COLUMNS).contains("expected a condition"));
}

/// Records of two hosts, some at one time.
fn many(count: i64, seed: i64) -> Records {
    let row = |i: i64| ((i * seed) % (count / 2), ["x", "y", ""][(i % 3) as usize], i);
    let mut rows: Vec<_> = (0..count).map(row).collect();
    rows.sort_by_key(|(second, ..)| *second);
    records(&rows)
}

#[test]
fn it_does_not_depend_on_batches() {
    check_determinism::<Join>(&BY_HOST, &[many(60, 7), many(60, 11)]);
    let condition = [("on", "a.host=b.host and a.value%2=b.value%3"), ("within", "3s")];
    check_determinism::<Join>(&condition, &[many(60, 7), many(60, 11)]);
}

/// Time, host and value of each record.
fn rows(records: &Records) -> Vec<(i64, Option<String>, i64)> {
    let hosts = records.values::<Option<String>>("host");
    let values = records.values::<i64>("value");
    records.times().into_iter().zip(hosts).zip(values).map(|((time, host), value)| (time, host, value)).collect()
}

/// Records at up to 20 different seconds, by time, with values that number them.
fn any_records() -> impl Strategy<Value = Records> {
    let row = (0..20i64, prop::sample::select(vec!["x", "y", ""]));
    prop::collection::vec(row, 0..40).prop_map(|mut rows| {
        rows.sort_unstable();
        records(&rows.iter().zip(0..).map(|((second, host), number)| (*second, *host, number)).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_gives_what_comparing_all_with_all_gives(left in any_records(), right in any_records(), within in 0..8i64) {
        let mut expected = Vec::new();
        for (left_time, left_host, left_value) in rows(&left) {
            for (right_time, right_host, right_value) in rows(&right) {
                let near = (left_time - right_time).abs() <= within * SECOND;
                if near && left_host.is_some() && left_host == right_host {
                    expected.push((left_time.max(right_time) / SECOND, left_value, right_value));
                }
            }
        }
        expected.sort_unstable();
        let arguments = [("on", "host"), ("within", &*format!("{within}s"))];
        prop_assert_eq!(pairs(&run::<Join>(&arguments, &[left, right]).unwrap()), expected);
    }
}

#[test]
fn a_hot_key_comes_in_parts() {
    let same_time = |count: i64| records(&(0..count).map(|i| (0, "x", i)).collect::<Vec<_>>());
    let inputs = [same_time(200), same_time(200)];
    let joined = run::<Join>(&BY_HOST, &inputs).unwrap();
    assert_eq!(joined.rows(), 40_000);
    let expected: Vec<_> = (0..200).flat_map(|left| (0..200).map(move |right| (0, left, right))).collect();
    assert_eq!(pairs(&joined), expected);
}

#[test]
fn what_is_too_old_is_forgotten() {
    let mut left = Side::new(records(&[]).schema(), vec![0]);
    left.load(&saved(&records(&[(0, "x", 1), (1, "y", 2), (9, "x", 3)])), 3).unwrap();
    left.forget(Timestamp(5 * SECOND));
    assert_eq!(left.save(), saved(&records(&[(9, "x", 3)])));

    let many: Vec<_> = (0..5000).map(|second| (second, ["x", "y"][second as usize % 2], second)).collect();
    let mut left = Side::new(records(&[]).schema(), vec![0]);
    left.load(&saved(&records(&many)), 4999).unwrap();
    left.forget(Timestamp(4990 * SECOND));
    assert_eq!(left.columns()[0].len, 10, "the memory is given back");
    let mut key = Vec::new();
    dag_guest::append_key(&mut key, Value::Utf8("x"));
    let found: Vec<_> = left.rows(&key, 0).map(|row| left.times()[row as usize] / SECOND).collect();
    assert_eq!(found, [4990, 4992, 4994, 4996, 4998]);
    assert_eq!((left.pending(), left.next_time()), (9, Some(Timestamp(4999 * SECOND))));
}

/// The records as a side saves them.
fn saved(records: &Records) -> Vec<u8> {
    records.frame(&(0..records.rows() as u32).collect::<Vec<_>>())
}
