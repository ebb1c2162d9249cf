//! What is to be done about an incarnation, from what the plan wants and what there is of it. By value.

/// What there is of an incarnation's dataflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Nothing.
    Absent,
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It has been told to stop, and is not gone yet.
    Stopping,
}

/// What stands against starting it, besides a dataflow that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Barriers {
    /// The plan is to learn first what became of it, or with which component it goes on.
    pub is_ending: bool,
    /// It has failed, and is tried again at a time.
    pub is_due_later: bool,
    /// The node stops.
    pub is_stopping: bool,
}

/// What there is of an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its dataflow.
    pub flow: Flow,
    /// What stands against starting it.
    pub barriers: Barriers,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it is as it should be, or what is under way leads there.
    Nothing,
    /// Start it.
    Start,
    /// Tell it to stop, after a last snapshot; one that is being started never runs.
    Stop,
}

/// What is to be done about an incarnation that is `wanted` or not. It is asked again whenever one of these has changed.
pub fn action(wanted: bool, Found { flow, barriers }: Found) -> Action {
    match (wanted, flow) {
        (true, Flow::Absent) if barriers == Barriers::default() => Action::Start,
        // Whatever stands against it, or is on its way out, will be gone, and then it is asked again.
        (true, _) | (false, Flow::Absent | Flow::Stopping) => Action::Nothing,
        (false, Flow::Starting | Flow::Running) => Action::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(wanted: bool, flow: Flow, barriers: Barriers) -> Action {
        super::action(wanted, Found { flow, barriers })
    }

    const NONE: Barriers = Barriers { is_ending: false, is_due_later: false, is_stopping: false };

    const FLOWS: [Flow; 4] = [Flow::Absent, Flow::Starting, Flow::Running, Flow::Stopping];

    #[test]
    fn what_is_wanted_and_not_there_is_started_unless_something_stands_against_it() {
        assert_eq!(action(true, Flow::Absent, NONE), Action::Start);
        let barriers = [
            Barriers { is_ending: true, ..NONE },
            Barriers { is_due_later: true, ..NONE },
            Barriers { is_stopping: true, ..NONE },
        ];
        for barrier in barriers {
            assert_eq!(action(true, Flow::Absent, barrier), Action::Nothing, "{barrier:?}");
        }
    }

    #[test]
    fn a_log_never_has_two_writers_also_where_the_first_is_on_its_way_out() {
        for flow in [Flow::Starting, Flow::Running, Flow::Stopping] {
            assert_eq!(action(true, flow, NONE), Action::Nothing, "{flow:?}");
        }
    }

    #[test]
    fn what_is_not_wanted_is_told_to_stop_once_whatever_stands_against_starting_it() {
        let all = Barriers { is_ending: true, is_due_later: true, is_stopping: true };
        for barriers in [NONE, all] {
            let actions = FLOWS.map(|flow| action(false, flow, barriers));
            assert_eq!(actions, [Action::Nothing, Action::Stop, Action::Stop, Action::Nothing]);
        }
    }

    /// One step of what an action leads to.
    fn step(flow: Flow, action: Action) -> Flow {
        match (flow, action) {
            (_, Action::Start) => Flow::Starting,
            (Flow::Starting, Action::Stop) => Flow::Absent,
            (_, Action::Stop) => Flow::Stopping,
            (Flow::Starting, Action::Nothing) => Flow::Running,
            (Flow::Stopping, Action::Nothing) => Flow::Absent,
            (flow, Action::Nothing) => flow,
        }
    }

    #[test]
    fn from_wherever_it_is_found_it_comes_to_what_is_wanted_and_stays_there() {
        for (wanted, end) in [(true, Flow::Running), (false, Flow::Absent)] {
            for from in FLOWS {
                let mut flow = from;
                for _ in 0..4 {
                    flow = step(flow, action(wanted, flow, NONE));
                }
                assert_eq!(flow, end, "wanted {wanted}, from {from:?}");
            }
        }
    }
}
