//! How demand comes in: an expression is bound, the plan is asked, a subscription reads what that leads to.

use std::sync::Arc;

use dag_api::SubscribeParameters;
use dag_expr::Stream;
use dag_flow::{Input, Leg, Notify};
use dag_model::{IncarnationId, Position, Schema, Timestamp};
use dag_plan::{Begin, DemandError, LeaseId, LogId, Route, Want};

use crate::blocking::gate::Width;
use crate::clock::now;
use crate::computations::build::leg_of;
use crate::computations::{Undecided, shown_of};
use crate::readers::cursors::{Place, Wish};
use crate::readers::error::ReaderError;
use crate::readers::standing::check_position;
use crate::readers::subscriber::Subscriber;
use crate::readers::subscription::{self, Course, Reading, Settled, Subscription, notify};
use crate::readers::{Readers, SUBSCRIBERS};
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

/// How many subscriptions are opened at a time, and how many of one stream: as many as may wait for its disk, or for a start.
pub(crate) const OPENING: Width = Width { what: "to subscribe", most: 64, each: 4, waiting: SUBSCRIBERS };

impl Readers {
    /// Opens a subscription to what the parameters name.
    pub async fn subscribe(self: &Arc<Self>, parameters: &SubscribeParameters) -> Result<Subscription, ReaderError> {
        let (cursor, until) = (Wish::of(parameters)?, until(parameters)?);
        let left = parameters.limit.unwrap_or(u64::MAX);
        let opening = Opening { at: At::Want(want(parameters)?), until, left, ordered: parameters.ordered };
        let lease = self.new_lease();
        let mut appeared = self.appeared.subscribe();
        let mut stopping = self.stopping.subscribe();
        let waiting = WaitingFor { readers: self, lease };
        let stream = loop {
            match self.operators.bound(&parameters.expr).await {
                Ok(stream) => break stream,
                Err(error) if parameters.wait && error.may_appear() => {
                    let what = error.to_string().lines().next().unwrap_or_default().to_owned();
                    self.waiting.lock().insert(lease, (parameters.expr.clone(), what));
                    tokio::select! {
                        _ = appeared.changed() => {}
                        _ = stopping.wait_for(|stopping| *stopping) => return Err(ReaderError::Stopping),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        drop(waiting);
        let (readers, canonical) = (self.clone(), stream.to_string());
        let open = move || match cursor {
            Some(cursor) => readers.open_with_cursor(lease, &stream, &opening, &cursor),
            None => readers.open_subscription(lease, &stream, opening),
        };
        self.opening.run(canonical, open).await
    }

    /// Opens a subscription, on a thread that may wait: for files, and for what it reads to be started.
    pub(crate) fn open_subscription(
        self: &Arc<Self>,
        lease: LeaseId,
        stream: &Stream,
        opening: Opening,
    ) -> Result<Subscription, ReaderError> {
        if *self.stopping.borrow() {
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
        let released = Released { readers: self, lease };
        self.enter(lease, &subscriber)?;
        self.check_position(stream, want)?;
        let route = self.route(lease, &subscriber, stream, want, place)?;
        let legs = self.legs(&route, stream.schema())?;
        let place = Place { legs: legs.iter().map(Leg::position).collect(), from: route.from, newest: None };
        let (reading, before) = self.begin(&route, legs, notify(&subscriber.listener), stream.schema(), ordered);
        std::mem::forget(released);
        let (readers, schema) = (self.clone(), stream.schema().clone());
        let course = Course { readers, subscriber: subscriber.clone(), schema, reading, until, left, ordered };
        let mut subscription = Subscription {
            readers: self.clone(),
            lease,
            subscriber,
            stream: stream.to_string(),
            schema: stream.schema().clone(),
            incarnation: incarnation_of(&route),
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

    /// Where what is wanted is read, which is demanded from then on. A place that was read before says better where it goes on.
    fn route(
        &self,
        lease: LeaseId,
        subscriber: &Subscriber,
        stream: &Stream,
        want: Want,
        place: Option<Place>,
    ) -> Result<Route, ReaderError> {
        let route = self.computations.demand(lease, &subscriber.listener, stream, want);
        let mut route = route.map_err(|error| self.refused(error, stream, place.is_some()))?;
        if let Some(place) = place {
            (route.from, route.begin) = (place.from, place.newest.map_or(Begin::Sequence, Begin::Newest));
        }
        Ok(route)
    }

    /// The logs of a route of records with these columns.
    fn legs(&self, route: &Route, schema: &Schema) -> Result<Vec<Leg>, ReaderError> {
        let view = self.computations.view();
        Ok(route.legs.iter().map(|leg| leg_of(&view, leg, schema)).collect::<Result<_, _>>()?)
    }

    /// What reads a route, and how many records lie before it, unless that is known only once the newest one is there.
    fn begin(
        &self,
        route: &Route,
        legs: Vec<Leg>,
        notify: Notify,
        schema: &Schema,
        ordered: bool,
    ) -> (Reading, Option<u64>) {
        if let (Begin::Newest(reached), [leg]) = (route.begin, legs.as_slice()) {
            let watch = leg.log.on_visible(notify);
            return (Reading::Waiting { leg: leg.clone(), reached, _watch: watch }, None);
        }
        let before = legs[0].sequence.saturating_sub(legs[0].log.earliest().sequence);
        let input = Input { legs, from: route.from, late: route.late, until: None, skipped: Vec::new() };
        (self.reading(input, notify, schema, ordered), Some(before))
    }

    /// A position of a derived stream that was given out by the data that this is a copy of is one of this data, or of nothing.
    fn present(&self, stream: &Stream, want: Want) -> Result<Want, ReaderError> {
        match (stream, want) {
            (Stream::Apply(_), Want::Position(position)) => {
                Ok(Want::Position(self.computations.moved().present(position)?))
            }
            _ => Ok(want),
        }
    }

    /// A position is checked against its log before anything is demanded. One of another stream's run is for the plan to refuse.
    fn check_position(&self, stream: &Stream, want: Want) -> Result<(), ReaderError> {
        let Want::Position(position) = want else { return Ok(()) };
        let (view, source, canonical) = (self.computations.view(), stream.source(), stream.to_string());
        let is_of_stream =
            |id: IncarnationId| view.plan.incarnation(id).is_some_and(|course| course.record.stream == canonical);
        match view.log_of(source, position) {
            Some(LogId::Derived(id)) if !is_of_stream(id) => Ok(()),
            Some(id) => Ok(check_position(&view, source.unwrap_or(&canonical), &id, position)?),
            None => Ok(()),
        }
    }

    /// The position of the earliest record that is kept of a stream.
    fn begins(&self, stream: &Stream) -> Option<Position> {
        match stream {
            Stream::Source { name, .. } => {
                let source = self.streams.get(name).ok()?;
                let (log, earliest) = (source.source.log(), source.source.log().earliest().sequence);
                Some(Position { run: log.epoch_at(earliest), sequence: earliest })
            }
            stream => {
                let plan = self.meta.plan();
                let id = shown_of(&plan, &stream.to_string())?.0.record.id;
                self.computations.logs().look(id);
                let seen = self.computations.logs().seen(id)?;
                Some(Position { run: id.0, sequence: seen.earliest.sequence })
            }
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
                ReaderError::Demand { begins: self.begins(stream), error }
            }
            Undecided::Refused(error) => ReaderError::Demand { error, begins: None },
        }
    }
}

/// Releases a demand that comes to nothing.
struct Released<'a> {
    readers: &'a Readers,
    lease: LeaseId,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.readers.release(self.lease);
    }
}

/// Shown in the status as long as it is held.
struct WaitingFor<'a> {
    readers: &'a Readers,
    lease: LeaseId,
}

impl Drop for WaitingFor<'_> {
    fn drop(&mut self) {
        self.readers.waiting.lock().remove(&self.lease);
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

/// The incarnation that a route ends in; none where that is a source.
fn incarnation_of(route: &Route) -> Option<u64> {
    route.legs.iter().rev().find_map(|leg| match leg.log {
        LogId::Derived(id) => Some(id.0),
        LogId::Source(_) => None,
    })
}
