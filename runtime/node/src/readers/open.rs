//! How demand comes in: an expression is bound, the plan is asked, a subscription reads what that leads to.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::SubscribeParameters;
use dag_expr::Stream;
use dag_flow::{Input, Leg};
use dag_model::{IncarnationId, Timestamp};
use dag_plan::decide::{self, Decision};
use dag_plan::{Begin, Change, DemandError, Given, LeaseId, Life, LogId, Proposal, Refusal, Route, Want};

use crate::blocking::gate::Width;
use crate::clock::now;
use crate::computations::runs::leg_of;
use crate::computations::start::over;
use crate::metadata::MetaError;
use crate::node::Node;
use crate::readers::cursors::{Place, Wish};
use crate::readers::error::ReaderError;
use crate::readers::subscription::{self, Course, Reading, Settled, Subscriber, Subscription, notify};
use crate::streams::settings::duration;

/// What a subscription is to read.
#[derive(Clone)]
pub(crate) struct Opening {
    /// Where it begins.
    pub at: At,
    /// Where it ends.
    pub until: Option<Timestamp>,
    /// How many records it ends after.
    pub left: u64,
    /// In time order.
    pub ordered: bool,
}

/// Where a subscription begins.
#[derive(Clone)]
pub(crate) enum At {
    /// Where that leads to now.
    Want(Want),
    /// Where a cursor is.
    Place(Place),
}

/// The most subscriptions at once.
pub(super) const SUBSCRIBERS: usize = 10_000;

/// How many subscriptions are opened at a time, and how many of one stream: as many as may wait for its disk, or for a start.
pub(crate) const OPENING: Width = Width { what: "to subscribe", most: 64, each: 4, waiting: SUBSCRIBERS };

/// How often a demand is decided, where what it was decided on changes each time.
const ATTEMPTS: usize = 16;

impl Node {
    /// Registers the demand that the parameters tell, and answers a reader of it.
    pub async fn subscribe(&self, parameters: &SubscribeParameters) -> Result<Subscription, ReaderError> {
        let (cursor, until) = (Wish::of(parameters)?, until(parameters)?);
        let left = parameters.limit.unwrap_or(u64::MAX);
        let opening = Opening { at: At::Want(want(parameters)?), until, left, ordered: parameters.ordered };
        let lease = self.new_lease();
        let mut appeared = self.inner.appeared.subscribe();
        let mut stopping = self.inner.stopping.subscribe();
        let waiting = WaitingFor { node: self, lease };
        let stream = loop {
            match self.bound(&parameters.expr).await {
                Ok(stream) => break stream,
                Err(error) if parameters.wait && error.may_appear() => {
                    let what = error.to_string().lines().next().unwrap_or_default().to_owned();
                    self.state().waiting.insert(lease, (parameters.expr.clone(), what));
                    tokio::select! {
                        _ = appeared.changed() => {}
                        _ = stopping.wait_for(|stopping| *stopping) => return Err(ReaderError::Stopping),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        drop(waiting);
        let (node, canonical) = (self.clone(), stream.to_string());
        let open = move || match cursor {
            Some(cursor) => node.open_with_cursor(lease, &stream, &opening, &cursor),
            None => node.open_subscription(lease, &stream, opening),
        };
        self.inner.opening.run(canonical, open).await
    }

    /// Opens a subscription, on a thread that may wait: for files, and for what it reads to be started.
    pub(crate) fn open_subscription(
        &self,
        lease: LeaseId,
        stream: &Stream,
        opening: Opening,
    ) -> Result<Subscription, ReaderError> {
        if *self.inner.stopping.borrow() {
            return Err(ReaderError::Stopping);
        }
        let Opening { at, until, left, ordered } = opening;
        let (want, place) = match at {
            At::Want(want) => (want, None),
            At::Place(place) => (Want::Position(place.next()), Some(place)),
        };
        let want = self.present(stream, want)?;
        let subscriber = Arc::new(Subscriber::new(stream.source().map(str::to_owned)));
        // Before the lock, and so dropped after it is let go: releasing takes it.
        let released = Released { node: self, lease };
        self.enter(lease, &subscriber)?;
        self.check_position(stream, want)?;
        let was_read = place.is_some();
        let mut route = self.demand(lease, stream, want).map_err(|error| self.refused(error, stream, was_read))?;
        if let Some(place) = place {
            (route.from, route.begin) = (place.from, place.newest.map_or(Begin::Sequence, Begin::Newest));
        }
        let view = self.view();
        let schema = stream.schema();
        let legs = route.legs.iter().map(|leg| leg_of(&view, leg, schema)).collect::<Result<Vec<_>, _>>()?;
        let incarnation = route.legs.iter().rev().find_map(|leg| match leg.log {
            LogId::Derived(id) => Some(id.0),
            LogId::Source(_) => None,
        });
        let before = legs[0].sequence.saturating_sub(legs[0].log.earliest().sequence);
        drop(view);
        let notify = notify(&subscriber);
        let place = Place { legs: legs.iter().map(Leg::position).collect(), from: route.from, newest: None };
        let (reading, before) = match (route.begin, legs.as_slice()) {
            (Begin::Newest(reached), [leg]) => {
                let watch = leg.log.on_visible(notify);
                (Reading::Waiting { leg: leg.clone(), reached, _watch: watch }, None)
            }
            _ => {
                let input = Input { legs, from: route.from, late: route.late, until: None, skipped: Vec::new() };
                (self.reading(input, notify, stream.schema(), ordered), Some(before))
            }
        };
        std::mem::forget(released);
        let (node, schema) = (self.clone(), stream.schema().clone());
        let course = Course { node, subscriber: subscriber.clone(), schema, reading, until, left, ordered };
        let mut subscription = Subscription {
            node: self.clone(),
            lease,
            subscriber,
            stream: stream.to_string(),
            schema: stream.schema().clone(),
            incarnation,
            before,
            place,
            cursor: None,
            course: subscription::At::Lost,
        };
        // From here on the subscription releases its demand.
        let mut course = Box::new(course);
        match (course.settle()?, route.begin) {
            (Settled::At { begins, before }, _) => {
                (subscription.before, subscription.place.legs[0]) = (Some(before), begins);
            }
            (Settled::Not, Begin::Newest(reached)) => subscription.place.newest = Some(reached),
            _ => {}
        }
        subscription.course = subscription::At::Here(course);
        Ok(subscription)
    }

    /// A position of a derived stream that was given out by the data that this is a copy of is one of this data, or of nothing.
    fn present(&self, stream: &Stream, want: Want) -> Result<Want, ReaderError> {
        match (stream, want) {
            (Stream::Apply(_), Want::Position(position)) => Ok(Want::Position(self.inner.moved.present(position)?)),
            _ => Ok(want),
        }
    }

    /// A subscriber is there from now on.
    fn enter(&self, lease: LeaseId, subscriber: &Arc<Subscriber>) -> Result<(), ReaderError> {
        let mut state = self.state();
        if state.subscribers.len() >= SUBSCRIBERS {
            return Err(ReaderError::TooMany);
        }
        state.subscribers.insert(lease, subscriber.clone());
        Ok(())
    }

    /// Demands a stream, and waits until what is started for that is there, or has failed. It is decided under no lock, on the plan and
    /// the facts as they are then, and again where the plan has moved on by the time that it is proposed.
    fn demand(&self, lease: LeaseId, stream: &Stream, want: Want) -> Result<Route, Undecided> {
        for _ in 0..ATTEMPTS {
            let view = self.view();
            let decision = decide::demand(&view.plan, stream, want, &view)?;
            drop(view);
            if let Some(route) = self.enact(lease, stream, decision)? {
                return Ok(route);
            }
            // Whoever has changed what this was decided on is ahead in the queue: after this it is done.
            self.inner.meta.propose(Proposal::default())?;
        }
        Err(Undecided::Moving)
    }

    /// Lets a subscription hold what was decided on; none where that has changed.
    fn enact(&self, lease: LeaseId, stream: &Stream, decision: Decision) -> Result<Option<Route>, Undecided> {
        let Decision { route, proposal } = match self.claim(lease, stream, decision) {
            Some(decision) => decision,
            None => return Ok(None),
        };
        let resumed = proposal.changes.iter().filter_map(|change| match change {
            Change::Resume(id) => Some(*id),
            _ => None,
        });
        let resumed: Vec<IncarnationId> = resumed.collect();
        let given = match proposal.changes.is_empty() {
            true => Vec::new(),
            false => match self.inner.meta.propose(proposal) {
                Ok(applied) => applied.given,
                Err(MetaError::Refused(Refusal::Stale { .. } | Refusal::State(_) | Refusal::Missing(_))) => {
                    self.unhold(&mut self.state(), lease);
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            },
        };
        let route = route.resolve(&given);
        let begun = given.iter().filter_map(|given| match given {
            Given::Incarnation(id) => Some(*id),
            _ => None,
        });
        let mut guard = self.state();
        let state = &mut *guard;
        for id in derived(&route) {
            state.holds.add(lease, id);
        }
        // Inputs come first: what reads them waits for their start.
        self.compare_in(state, resumed.iter().copied().chain(begun).chain(derived(&route)));
        let plan = self.inner.meta.plan();
        let is_there = |id| {
            plan.incarnation(id).is_some_and(|course| match course.life {
                Life::Live { .. } => self.holds(course),
                Life::Stored => false,
                // Readers of what has failed are told.
                _ => true,
            })
        };
        if !derived(&route).all(is_there) {
            self.unhold(state, lease);
            return Ok(None);
        }
        self.notify_of_failures(state, lease);
        let starts: Vec<_> = derived(&route).filter_map(|id| state.runs.start_of(id)).collect();
        drop(guard);
        let waits = async {
            for start in starts {
                over(start).await;
            }
        };
        self.inner.tasks.block_on(waits);
        let read: Vec<IncarnationId> = derived(&route).collect();
        let is_ending = |id: &IncarnationId| self.state().runs.is_end_awaited(*id);
        if read.iter().any(is_ending) {
            // Of a start that has failed readers are told before they read.
            self.inner.meta.propose(Proposal::default())?;
            self.compare(read);
        }
        self.catch_up(resumed);
        Ok(Some(route))
    }

    /// Notes that a subscription is about to read what was decided on, so that nobody lets go of it meanwhile, and lets the decision hold
    /// what is not held yet; none where something of it is about to be forgotten.
    fn claim(&self, lease: LeaseId, stream: &Stream, mut decision: Decision) -> Option<Decision> {
        let plan = self.inner.meta.plan();
        let state = &mut *self.state();
        if decision.there().any(|id| state.forgetting.contains(&id)) {
            return None;
        }
        state.bind(&plan, stream);
        let needs_no_hold = |id: &IncarnationId| {
            let used = state.holds.add(lease, *id);
            let course = plan.incarnation(*id);
            // What is finished needs nobody to keep it.
            course.is_some_and(|course| course.life == Life::Finished || used && self.holds(course))
        };
        let known: BTreeSet<IncarnationId> = decision.there().filter(needs_no_hold).collect();
        let holder = self.holder(state);
        decision.hold(holder, |id| known.contains(&id));
        Some(decision)
    }

    /// A position is checked against its log before anything is demanded. One of another stream's run is for the plan to refuse.
    fn check_position(&self, stream: &Stream, want: Want) -> Result<(), ReaderError> {
        let Want::Position(position) = want else { return Ok(()) };
        let (view, source, canonical) = (self.view(), stream.source(), stream.to_string());
        let is_of_stream =
            |id: IncarnationId| view.plan.incarnation(id).is_some_and(|course| course.record.stream == canonical);
        match view.log_of(source, position) {
            Some(LogId::Derived(id)) if !is_of_stream(id) => Ok(()),
            Some(id) => Ok(view.check_position(source.unwrap_or(&canonical), &id, position)?),
            None => Ok(()),
        }
    }

    /// `was_read` where the position has been one of this stream.
    fn refused(&self, error: Undecided, stream: &Stream, was_read: bool) -> ReaderError {
        match error {
            Undecided::Moving => ReaderError::Moving(stream.to_string()),
            Undecided::Meta(error) => error.into(),
            Undecided::Refused(DemandError::NoSuchPosition { position, .. }) if was_read => {
                ReaderError::Removed { position, stream: stream.to_string() }
            }
            Undecided::Refused(error @ DemandError::TooEarly { .. }) => {
                let begins = self.begins(stream).and_then(|begins| begins.parse().ok());
                ReaderError::Demand { begins, error }
            }
            Undecided::Refused(error) => ReaderError::Demand { error, begins: None },
        }
    }

    /// Lets go of a demand.
    pub(crate) fn release(&self, lease: LeaseId) {
        let state = &mut *self.state();
        state.subscribers.remove(&lease);
        self.unhold(state, lease);
    }
}

/// Why a demand leads to nothing.
enum Undecided {
    Refused(DemandError),
    /// What it was decided on changed each time.
    Moving,
    /// The plan does not take it.
    Meta(MetaError),
}

impl From<MetaError> for Undecided {
    fn from(error: MetaError) -> Undecided {
        Undecided::Meta(error)
    }
}

impl From<DemandError> for Undecided {
    fn from(error: DemandError) -> Undecided {
        Undecided::Refused(error)
    }
}

/// The runs that a route reads.
fn derived(route: &Route) -> impl Iterator<Item = IncarnationId> {
    route.legs.iter().filter_map(|leg| match leg.log {
        LogId::Derived(id) => Some(id),
        LogId::Source(_) => None,
    })
}

/// Releases a demand that comes to nothing.
struct Released<'a> {
    node: &'a Node,
    lease: LeaseId,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.node.release(self.lease);
    }
}

/// Shown in the status as long as it is held.
struct WaitingFor<'a> {
    node: &'a Node,
    lease: LeaseId,
}

impl Drop for WaitingFor<'_> {
    fn drop(&mut self) {
        self.node.state().waiting.remove(&self.lease);
    }
}

pub(crate) fn want(parameters: &SubscribeParameters) -> Result<Want, ReaderError> {
    let bad = ReaderError::Parameters;
    if let Some(age) = &parameters.since {
        if parameters.from.is_some() {
            return Err(bad("`since` and `from` exclude each other".to_owned()));
        }
        let age = i64::try_from(duration("since", age)?.as_nanos()).unwrap_or(i64::MAX);
        return Ok(Want::From(now().saturating_add(-age)));
    }
    match parameters.from.as_deref() {
        None | Some("newest") => Ok(Want::Newest),
        Some("earliest") => Ok(Want::Earliest),
        Some("latest") => Ok(Want::Next),
        Some(text) => {
            if let Ok(position) = text.parse() {
                return Ok(Want::Position(position));
            }
            let expected =
                "expected newest, earliest, latest, a time such as 2026-11-01T10:00:00Z, or a position such as 3:1201";
            dag_frame::time::parse(text)
                .map(|time| Want::From(Timestamp(time)))
                .map_err(|_| bad(format!("from: found `{text}`, {expected}")))
        }
    }
}

fn until(parameters: &SubscribeParameters) -> Result<Option<Timestamp>, ReaderError> {
    let Some(text) = &parameters.until else { return Ok(None) };
    let time = dag_frame::time::parse(text).map_err(|_| {
        ReaderError::Parameters(format!("until: found `{text}`, expected a time such as 2026-11-01T10:00:00Z"))
    })?;
    Ok(Some(Timestamp(time)))
}
