//! Versions become current, are refused, and are gone back from.

use std::fs;

use dag_tests::records::counting;
use dag_tests::small_disk::SmallDisk;
use dag_tests::{Node, Options};
use serde_json::Value;

use crate::kit::*;

#[test]
fn a_rollback_takes_back_one_deployment_and_the_version_can_come_again() {
    let (one, two) = (ONE.tally("Tally"), TWO.tally("Tally"));
    let mut node = node();
    node.dag(&["deploy", &one]).success();
    assert_eq!(last_tally(&node), 10);
    let said = node.dag(&["deploy", &two]).success();
    assert!(said.starts_with("count-kit 2.0.0 (") && said.contains(") takes the place of 1.0.0\n"), "{said}");
    assert_eq!(last_tally(&node), 1_000_010, "what the earlier version left is not taken for the new one's");

    let lower = node.dag(&["deploy", &one]).code(1).stderr;
    assert!(lower.contains("`count-kit` 1.0.0 does not follow 2.0.0"), "{lower}");
    let said = node.dag(&["rollback", "tally"]).success();
    assert!(said.contains(") takes the place of 2.0.0\n"), "{said}");
    assert_eq!(last_tally(&node), 10);
    let rolled_back = ("1.0.0".to_owned(), "rolled back".to_owned(), true);
    let expected = vec![deployed("2.0.0", false), rolled_back];
    assert_eq!(versions(&node, "tally"), expected);
    node.crash();
    assert_eq!(versions(&node, "tally"), expected, "after a crash");
    let said = node.dag(&["rollback", "tally"]).code(1).stderr;
    assert!(said.contains("no version of component `count-kit` before this one"), "{said}");

    node.dag(&["deploy", &two]).success();
    node.restart();
    assert_eq!(last_tally(&node), 1_000_010);
    assert_eq!(versions(&node, "count-kit.tally").last(), Some(&deployed("2.0.0", true)));
    let shown = node.dag(&["operators", "tally"]).success();
    assert!(shown.contains("count-kit 2.0.0  current"), "{shown}");
    let unknown = node.dag(&["operators", "taly"]).code(1).stderr;
    assert!(unknown.contains("unknown operator `taly`") && unknown.contains("`tally`"), "{unknown}");
}

#[test]
fn an_operator_is_found_by_its_components_name_too() {
    let node = node();
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    assert_eq!(node.csv("\"count-kit\".tally(x, 5s)"), node.csv("tally(x, 5s)"));
    assert_eq!(node.csv("aggregates.count(x, 5s)"), node.csv("count(x, 5s)"));
    let wrong = node.dag(&["subscribe", "aggregates.tally(x)"]).code(1).stderr;
    assert!(wrong.contains("there is no operator"), "{wrong}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let node = node();
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    let before = versions(&node, "tally");
    let said = node.dag(&["deploy", &TWO.tally("Tally"), "--dry-run"]).success();
    assert!(said.contains("2.0.0") && said.contains("would take the place of 1.0.0"), "{said}");
    assert_eq!(versions(&node, "tally"), before);
    assert_eq!(last_tally(&node), 10);
    let spare = node.dag(&["deploy", &TWO.tally("Tally, Spare"), "--dry-run"]).success();
    assert!(spare.contains("spare(STREAM"), "{spare}");
    node.dag(&["operators", "spare"]).code(1);
}

#[test]
fn a_version_that_changes_what_expressions_mean_is_refused_although_nothing_runs() {
    let node = node();
    node.dag(&["deploy", &ONE.steps(BY, "value")]).success();
    let refused = |arguments: &str| {
        let said = node.dag(&["deploy", &TWO.steps(arguments, "value")]).code(1).stderr;
        assert!(said.contains("walk 2.0.0 cannot become current") && said.contains("give the changed"), "{said}");
        said
    };
    let said = refused("/// Counted for each record.\nnamed by: i64 = \"2\",");
    assert!(said.contains("`steps` lets `by` default to 2, not 1"), "{said}");
    let said = refused("/// Counted for each record.\nnamed by: i64 = \"1\",\n/// Needed.\nnamed unit: i64,");
    assert!(said.contains("`steps` requires `unit`"), "{said}");
    assert_eq!(versions(&node, "steps"), [deployed("1.0.0", true)]);
    let more = format!("{BY}\n/// Not needed.\nnamed of_all: i64 = \"0\",");
    node.dag(&["deploy", &TWO.steps(&more, "value")]).success();
}

#[test]
fn an_operator_in_use_can_neither_go_nor_change_its_columns() {
    let (node, _reader) = reading(&ONE.tally("Tally, Spare"), "spare(x)");
    let said = node.dag(&["deploy", &TWO.tally("Tally")]).code(1).stderr;
    assert!(said.contains("it does not export `spare`, which `spare(x)` uses"), "{said}");
    assert_eq!(versions(&node, "tally"), [deployed("1.0.0", true)]);

    let (node, _reader) = reading(&ONE.steps(BY, "value"), "steps(x)");
    let said = node.dag(&["deploy", &TWO.steps(BY, "steps")]).code(1).stderr;
    assert!(said.contains("with the columns (value int64), and would have (steps int64)"), "{said}");
    assert_eq!(versions(&node, "steps"), [deployed("1.0.0", true)]);
}

#[test]
fn a_version_that_does_not_read_the_state_says_where_a_replay_begins_and_can_be_kept_from_it() {
    let (node, mut reader) = reading(&ONE.tally("Tally"), "tally(x)");
    assert_eq!(reader.line().text, "1970-01-01T00:00:00Z,1");
    let three = THREE.tally("Tally");
    let said = node.dag(&["deploy", &three, "--dry-run"]).success();
    assert!(said.contains("replay of x from 1:0 on"), "{said}");
    let plan = node.dag(&["deploy", &TWO.tally("Tally"), "--dry-run", "--json"]).success();
    let plan: Value = serde_json::from_str(&plan).expect("it is JSON");
    let (expected, found) = (("tally(x)", "1.0.0", "state"), &plan["moves"][0]);
    assert_eq!(
        (&found["stream"], &found["version"], &found["by"]),
        (&expected.0.into(), &expected.1.into(), &expected.2.into())
    );
    let said = node.dag(&["deploy", &three, "--no-replay"]).code(1).stderr;
    assert!(said.contains("does not read the state of `tally(x)`"), "{said}");
    assert_eq!(versions(&node, "tally"), [deployed("1.0.0", true)]);
}

#[test]
fn a_deployment_for_which_the_disk_has_no_room_is_refused_and_changes_nothing_also_after_a_crash() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let (one, two) = (ONE.tally("Tally"), TWO.tally("Tally"));
    let data = tempfile::TempDir::new_in(disk.path()).expect("there is room");
    let mut node = Node::on(data, Options::default());
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    node.dag(&["deploy", &one]).success();
    assert_eq!(last_tally(&node), 10);
    // There is room for nothing, for a part of the component, for all of it but not for what tells of it.
    let component = fs::metadata(&two).expect("it was built").len();
    for left in [0, component / 2, 2 * component] {
        let filler = disk.leave(left);
        let bytes = fs::read(&two).expect("it was built");
        let answer = node.http().post("components", &[], "application/wasm", &bytes);
        // What the metadata takes is its own affair: where there was room, the version is deployed as a whole.
        let expected = if answer.status == 200 {
            vec![deployed("1.0.0", false), deployed("2.0.0", true)]
        } else {
            vec![deployed("1.0.0", true)]
        };
        assert!(answer.status == 200 || answer.status == 507 && answer.body.contains("disk-full"), "{}", answer.body);
        assert!(left > component || answer.status == 507, "there is no room for it");
        assert_eq!(versions(&node, "tally"), expected);
        node.crash();
        assert_eq!(versions(&node, "tally"), expected, "after a crash");
        fs::remove_file(filler).expect("it is there");
        assert_eq!(last_tally(&node), if answer.status == 200 { 1_000_010 } else { 10 });
    }
    node.dag(&["deploy", &two]).success();
    assert_eq!(last_tally(&node), 1_000_010, "there is room again");
    node.dag(&["rollback", "tally"]).success();
    assert_eq!(last_tally(&node), 10);
}
