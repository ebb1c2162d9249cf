//! The limits of an operator's instances, between what people write ([`LimitSettings`]), what runs ([`Limits`]) and what an incarnation
//! records ([`dag_plan::Limits`]).

use dag_api::limits::{CallTime, LimitSettings, Memory, Output};
use dag_wasm::Limits;

/// The limits of `settings`, and those of `other` where these say nothing.
pub(crate) fn over(settings: LimitSettings, other: Limits) -> Limits {
    Limits {
        memory: settings.memory.map_or(other.memory, Memory::bytes),
        call: settings.time.map_or(other.call, CallTime::duration),
        output: settings.output.map_or(other.output, Output::bytes),
    }
}

/// All that these limits say.
pub(crate) fn settings(limits: Limits) -> LimitSettings {
    LimitSettings {
        memory: Some(Memory::of(limits.memory)),
        time: Some(CallTime::of(limits.call)),
        output: Some(Output::of(limits.output)),
    }
}

/// Limits as an incarnation records them.
pub(crate) fn recorded(limits: Limits) -> dag_plan::Limits {
    let Limits { memory, call, output } = limits;
    dag_plan::Limits { memory, call, output }
}

/// The limits that an incarnation recorded.
pub(crate) fn of_record(limits: dag_plan::Limits) -> Limits {
    let dag_plan::Limits { memory, call, output } = limits;
    Limits { memory, call, output }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_deployments_limits_go_before_the_nodes() {
        let said = LimitSettings { memory: Some(Memory::of(1 << 30)), time: Some("2s".parse().unwrap()), output: None };
        let limits = over(said, Limits::default());
        let expected = Limits { memory: 1 << 30, call: Duration::from_secs(2), ..Limits::default() };
        assert_eq!(limits, expected);
        assert_eq!(over(settings(expected), Limits::default()), expected);
    }
}
