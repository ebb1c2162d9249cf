//! Which signature may follow another: the promise is that expressions keep their meaning.

mod catalog;

use std::sync::Arc;

use catalog::{default, parameter, positional, required, signature, standard};
use dag_expr::{Kind, Parameter, ParameterKind, Signature, Stream, bind};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// `gaps(STREAM, LIMIT, [TIMES], of=value, by=, zone=)`
fn gaps() -> Signature {
    let times = Parameter { positional: true, ..default("times", ParameterKind::Integer, "1") };
    let parameters = vec![
        positional("limit", ParameterKind::Duration),
        times,
        default("of", ParameterKind::Column, "value"),
        parameter("by", ParameterKind::Columns),
        parameter("zone", ParameterKind::Text),
    ];
    signature(Kind::Transform, "gaps", (1, Some(1)), parameters)
}

const USES: [&str; 6] = [
    "gaps(cpu_util, 1min)",
    "gaps(cpu_util, 60s, 1)",
    "gaps(cpu_util, 1min, 5, by=host)",
    "gaps(cpu_util, limit=1h, times=3, of=times)",
    "gaps(cpu_util, 1min, zone='eu', of=value, by=(host, node))",
    "gaps(gaps(cpu_util, 1min), 5s, by=host)",
];

fn changed(change: impl FnOnce(&mut Signature)) -> Result<(), String> {
    let (old, mut new) = (gaps(), gaps());
    change(&mut new);
    new.succeeds(&old)
}

#[test]
fn what_can_be_left_out_may_come_and_what_was_required_may_be_left_out() {
    assert_eq!(changed(|_| {}), Ok(()));
    assert_eq!(changed(|new| new.parameters.insert(0, default("every", ParameterKind::Duration, "5s"))), Ok(()));
    let behind = Parameter { positional: true, ..default("last", ParameterKind::Integer, "0") };
    assert_eq!(changed(|new| new.parameters.push(behind)), Ok(()));
    assert_eq!(changed(|new| new.parameters[0].required = false), Ok(()));
    assert_eq!(changed(|new| (new.state_written, new.doc) = (2, "Says it better.".to_owned())), Ok(()));
}

#[test]
fn whatever_gives_an_expression_another_meaning_is_refused_and_named() {
    let refused = |change: fn(&mut Signature)| changed(change).expect_err("it must be refused");
    assert_eq!(refused(|new| new.parameters.swap(0, 1)), "takes `times` before `limit`, not behind it");
    assert_eq!(refused(|new| new.parameters[1].default = Some("2".to_owned())), "lets `times` default to 2, not 1");
    assert_eq!(
        refused(|new| new.parameters[3].default = Some("host".to_owned())),
        "lets `by` default to host, not nothing"
    );
    assert_eq!(
        refused(|new| new.parameters[0].kind = ParameterKind::Number),
        "takes a number as `limit`, not a duration"
    );
    assert_eq!(refused(|new| drop(new.parameters.remove(4))), "has no parameter `zone` any more");
    assert_eq!(refused(|new| new.parameters[4].required = true), "requires `zone`, which could be left out");
    assert_eq!(
        refused(|new| new.parameters.push(required("unit", ParameterKind::Text))),
        "requires `unit`, which expressions do not give"
    );
    assert_eq!(refused(|new| new.parameters[1].positional = false), "takes `times` by its name only");
    let before = |new: &mut Signature| {
        let first = Parameter { positional: true, ..default("first", ParameterKind::Integer, "0") };
        new.parameters.insert(1, first);
    };
    assert_eq!(refused(before), "takes `first` before an argument that stood there");
    assert_eq!(refused(|new| new.min_inputs = 2), "takes at least 2 streams, not 1");
    assert_eq!(refused(|new| new.max_inputs = Some(2)), "takes at most 2 streams, not at most 1");
    assert_eq!(refused(|new| new.kind = Kind::Aggregate), "is an aggregate, not a transform");
}

#[test]
fn an_aggregates_window_keeps_its_place() {
    let old = signature(Kind::Aggregate, "quantile", (1, Some(1)), vec![positional("q", ParameterKind::Number)]);
    let mut new = old.clone();
    new.parameters.push(Parameter { positional: true, ..default("method", ParameterKind::Text, "'exact'") });
    assert_eq!(new.succeeds(&old), Err("takes `method` where the window stood: let it be given by name".to_owned()));
    new.parameters[1].positional = false;
    assert_eq!(new.succeeds(&old), Ok(()));
}

/// A change of a signature, sensible or not.
#[derive(Clone, Debug)]
struct Change {
    what: u8,
    at: Index,
    other: Index,
    kind: ParameterKind,
    /// One that the kind takes.
    default: Option<&'static str>,
    flags: [bool; 3],
    inputs: Option<usize>,
}

impl Change {
    fn any() -> impl Strategy<Value = Change> {
        use ParameterKind::{Column, Duration, Integer, Text};
        let kinds = select(vec![(Column, "value"), (Duration, "1m"), (Integer, "1"), (Text, "'eu'")]);
        let inputs = select(vec![None, Some(1), Some(2)]);
        (0..8_u8, any::<Index>(), any::<Index>(), kinds, any::<bool>(), any::<[bool; 3]>(), inputs).prop_map(
            |(what, at, other, (kind, default), has_default, flags, inputs)| {
                let default = has_default.then_some(default);
                Change { what, at, other, kind, default, flags, inputs }
            },
        )
    }

    fn apply(&self, signature: &mut Signature) {
        let parameters = &mut signature.parameters;
        let length = parameters.len();
        let [required, positional, repeated] = self.flags;
        let default = self.default.map(str::to_owned);
        if self.what == 0 {
            let new = parameter(&format!("new{length}"), self.kind);
            parameters.insert(self.at.index(length + 1), Parameter { required, positional, repeated, default, ..new });
        } else if self.what == 1 {
            signature.max_inputs = self.inputs;
        } else if length > 0 {
            let at = self.at.index(length);
            match self.what {
                2 => drop(parameters.remove(at)),
                3 => parameters.swap(at, self.other.index(length)),
                4 => parameters[at].default = default,
                5 => parameters[at].required = required,
                6 => parameters[at].positional = positional,
                _ => parameters[at].kind = self.kind,
            }
        }
    }
}

fn bound(signature: &Signature, text: &str) -> Result<Stream, String> {
    let mut catalog = standard();
    catalog.signatures.push(Arc::new(signature.clone()));
    bind(text, &catalog).map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn expressions_are_the_same_streams_with_a_signature_that_succeeds(
        changes in prop::collection::vec(Change::any(), 1..4)
    ) {
        let (old, mut new) = (gaps(), gaps());
        changes.iter().for_each(|change| change.apply(&mut new));
        if new.check().is_err() || new.succeeds(&old).is_err() {
            return Ok(());
        }
        for text in USES {
            let before = bound(&old, text).expect("the examples are valid").to_string();
            prop_assert_eq!(bound(&new, text).map(|stream| stream.to_string()), Ok(before.clone()));
            prop_assert_eq!(bound(&new, &before).map(|stream| stream.to_string()), Ok(before));
        }
    }
}
