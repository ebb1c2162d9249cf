//! Versions become current, are refused, and are gone back from.

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
