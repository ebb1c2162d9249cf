//! Subscribing with a cursor: the subscription begins where the cursor is, and the cursor is durable before the first record.

use std::sync::Arc;

use dag_api::SubscribeParameters;
use dag_expr::Stream;
use dag_model::text::{MAX_NAME, check_name};
use dag_plan::{Change, Entity, Given, LeaseId, Place, Proposal, Refusal};

use super::table::{NotChanged, Wish};
use crate::clock::now;
use crate::metadata::MetaError;
use crate::readers::Readers;
use crate::readers::error::ReaderError;
use crate::readers::open::{At, Opening};
use crate::readers::subscription::Subscription;

/// How often it is tried to begin with a cursor that others take meanwhile.
const ATTEMPTS: usize = 16;

/// A subscription's hold on its cursor. Dropping it lets go.
pub(crate) struct Reader {
    readers: Arc<Readers>,
    name: String,
    number: u64,
    lease: LeaseId,
}

impl Reader {
    /// What it acknowledges with.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The failure of its subscription, with what can be done about it.
    pub fn explain(&self, error: ReaderError) -> ReaderError {
        error.of_cursor(&self.name)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.cursors.table().leave(&self.name, self.lease);
    }
}

impl Wish {
    /// The cursor that the parameters ask for.
    pub fn of(parameters: &SubscribeParameters) -> Result<Option<Wish>, ReaderError> {
        let bad = ReaderError::Parameters;
        let Some(name) = parameters.cursor.clone() else {
            return match (parameters.reader, &parameters.after) {
                (None, None) => Ok(None),
                _ => Err(bad("`reader` and `after` go with `cursor`".to_owned())),
            };
        };
        if let Err(why) = check_name(&name, MAX_NAME) {
            return Err(bad(format!("a cursor's name {why}")));
        }
        if parameters.ordered {
            let why = "a cursor counts records in the order of the log: leave out either the cursor or the time order";
            return Err(bad(why.to_owned()));
        }
        if parameters.after.is_some() && parameters.reader.is_none() {
            return Err(bad("`after` is a reader's: `reader` is missing".to_owned()));
        }
        let after = parameters.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|why| bad(format!("after: {why}")))?;
        let placed = parameters.from.is_some() || parameters.since.is_some();
        Ok(Some(Wish { name, placed, reader: parameters.reader, after }))
    }
}

impl Readers {
    /// Opens a subscription that reads with a cursor, which is made where it is missing. The cursor is durable when this returns. Blocks
    /// until then.
    pub(crate) fn open_with_cursor(
        self: &Arc<Self>,
        lease: LeaseId,
        stream: &Stream,
        opening: &Opening,
        wish: &Wish,
    ) -> Result<Subscription, ReaderError> {
        let canonical = stream.to_string();
        let (cursors, name) = (&self.cursors, &wish.name);
        if let Some(after) = wish.after {
            let cursor = cursors.get(name)?;
            self.check_read(name, &cursor, after)?;
        }
        for _ in 0..ATTEMPTS {
            let plan = self.meta.plan();
            let (place, revision) = cursors.table().look(&plan, wish, &canonical)?;
            // Whoever has the cursor is sent away once this one can be opened, and not before.
            let subscription = self.open_at(lease, stream, opening, name, place.as_ref())?;
            let read = Change::Read {
                cursor: name.clone(),
                stream: canonical.clone(),
                source: stream.source().and_then(|source| plan.stream_named(source)).map(|(id, _)| id),
                reader: wish.reader,
                after: wish.after,
                place: subscription.place.clone(),
                at: now(),
            };
            let number = match self.meta.propose(Proposal::of([read]).on(Entity::Cursor(name.clone()), revision)) {
                Err(MetaError::Refused(Refusal::Stale { .. })) => continue,
                Err(error) => return Err(NotChanged::of(name, &canonical, error).into()),
                Ok(applied) => match applied.given[..] {
                    [Given::Reader(number)] => number,
                    ref given => unreachable!("a reader is given a number, not {given:?}"),
                },
            };
            // What the reader before has acknowledged meanwhile is not read again.
            let now_at = cursors.get(name)?.place.clone();
            let mut subscription = match now_at == subscription.place {
                true => subscription,
                false => {
                    drop(subscription);
                    self.open_at(lease, stream, opening, name, Some(&now_at))?
                }
            };
            let plan = self.meta.plan();
            cursors.table().begin(&plan, name, number, (lease, &subscription.subscriber), now())?;
            subscription.cursor = Some(Reader { readers: self.clone(), name: name.clone(), number, lease });
            return Ok(subscription);
        }
        Err(NotChanged::Contended(name.clone()).into())
    }

    /// A subscription that begins where the cursor is, if that is anywhere.
    fn open_at(
        self: &Arc<Self>,
        lease: LeaseId,
        stream: &Stream,
        opening: &Opening,
        cursor: &str,
        place: Option<&Place>,
    ) -> Result<Subscription, ReaderError> {
        let Some(place) = place else { return self.open_subscription(lease, stream, opening.clone()) };
        let opening = Opening { at: At::Place(place.clone()), ..opening.clone() };
        self.open_subscription(lease, stream, opening).map_err(|error| error.of_cursor(cursor))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dag_codec::Format;
    use dag_model::Position;
    use tempfile::TempDir;

    use super::*;
    use crate::node::Node;
    use crate::readers::cursors::CursorError;
    use crate::readers::subscription::Next;
    use crate::testing::node;
    use dag_api::PublishParameters;

    async fn publish(node: &Node, bytes: usize) {
        let mut random = dag_storage_faults::Random::new(7);
        let text: String = (0..bytes).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        let body = Bytes::from(format!("{{\"time\":1,\"text\":\"{text}\"}}\n"));
        let share = node.budget.share();
        node.streams.publish("x", Some((Format::Json, body)), PublishParameters::default(), share).await.unwrap();
    }

    async fn read(subscription: &mut Subscription, mut records: usize) {
        while records > 0 {
            match subscription.next().await.expect("it is not sent away") {
                Next::Records { batch, .. } => records -= batch.num_rows(),
                Next::End(end) => panic!("{end:?}"),
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_is_sent_away_only_once_the_next_one_can_be_opened() {
        let data = TempDir::new().unwrap();
        let (node, _) = node(&data).await;
        for _ in 0..5 {
            publish(&node, 100_000).await;
        }
        let parameters = |from: Option<&str>| SubscribeParameters {
            expr: "x".to_owned(),
            cursor: Some("c".to_owned()),
            from: from.map(str::to_owned),
            ..SubscribeParameters::default()
        };
        let mut reader = node.readers.subscribe(&parameters(Some("earliest"))).await.unwrap();
        read(&mut reader, 5).await;
        node.upkeep.trim();
        let behind = node.readers.subscribe(&parameters(None)).await.map(drop).unwrap_err();
        assert!(behind.is_trimmed(), "it has acknowledged nothing: {behind}");
        publish(&node, 10).await;
        read(&mut reader, 1).await;
        node.readers.reset_cursor("c", "latest").await.unwrap();
        let next = node.readers.subscribe(&parameters(None)).await.map(drop);
        assert_eq!(next.map_err(|error| error.to_string()), Ok(()));
        let told = reader.next().await.unwrap_err();
        assert!(matches!(told, ReaderError::Cursor(CursorError::Reset(_))), "{told}");
    }

    /// The positions of so many records.
    async fn positions(subscription: &mut Subscription, records: usize) -> Vec<String> {
        let mut read = Vec::new();
        while read.len() < records {
            match subscription.next().await.expect("it goes on") {
                Next::Records { positions, .. } => read.extend(positions.iter().map(Position::to_string)),
                Next::End(end) => panic!("{end:?}"),
            }
        }
        read
    }

    async fn begin_epoch(node: &Node) {
        let source = node.streams.get("x").unwrap();
        tokio::task::spawn_blocking(move || source.source.begin_epoch(source.source.epoch() + 1, now()).unwrap())
            .await
            .unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn readers_cursors_and_clients_that_come_back_go_on_into_later_epochs() {
        let data = TempDir::new().unwrap();
        let (node, _) = node(&data).await;
        let parameters = |from: Option<&str>, cursor: Option<&str>, ordered| SubscribeParameters {
            expr: "x".to_owned(),
            cursor: cursor.map(str::to_owned),
            from: from.map(str::to_owned),
            ordered,
            ..SubscribeParameters::default()
        };
        publish(&node, 10).await;
        let mut open = node.readers.subscribe(&parameters(Some("earliest"), None, false)).await.unwrap();
        let mut with_cursor = node.readers.subscribe(&parameters(Some("earliest"), Some("c"), false)).await.unwrap();
        let reader = with_cursor.reader().expect("it reads with a cursor");
        let acknowledge = async |after: &str| {
            node.readers.acknowledge("c", &dag_api::Acknowledge { reader, after: after.to_owned() }).await
        };
        assert_eq!(positions(&mut with_cursor, 1).await, ["1:0"]);
        begin_epoch(&node).await;
        publish(&node, 10).await;
        // Nothing lies in the third epoch.
        begin_epoch(&node).await;
        begin_epoch(&node).await;
        publish(&node, 10).await;
        publish(&node, 10).await;

        let all = ["1:0", "2:1", "4:2", "4:3"];
        assert_eq!(positions(&mut open, 4).await, all, "a position has the epoch of its entry");
        let mut anew = node.readers.subscribe(&parameters(Some("earliest"), None, false)).await.unwrap();
        assert_eq!(positions(&mut anew, 4).await, all, "for whoever reads it");
        for (behind, rest) in [("1:1", &all[1..]), ("2:2", &all[2..]), ("2:1", &all[1..]), ("3:2", &all[2..])] {
            let mut back = node.readers.subscribe(&parameters(Some(behind), None, false)).await.unwrap();
            assert_eq!(positions(&mut back, rest.len()).await, rest, "from {behind}");
        }
        let lost = node.readers.subscribe(&parameters(Some("1:2"), None, false)).await.map(drop).unwrap_err();
        assert_eq!(
            (lost.is_trimmed(), &*lost.to_string()),
            (
                true,
                "1:2 was lost in a crash, or is of a stream that was deleted; what is left of its epoch ends at 1:1"
            )
        );

        assert_eq!(positions(&mut with_cursor, 3).await, all[1..]);
        assert_eq!(acknowledge("1:0").await.unwrap().next, "1:1");
        assert_eq!(acknowledge("2:1").await.unwrap().next, "2:2");
        assert_eq!(acknowledge("4:2").await.unwrap().next, "4:3");
        assert_eq!(acknowledge("1:0").await.unwrap().next, "4:3", "an acknowledgement that was overtaken");
        assert!(acknowledge("2:3").await.unwrap_err().is_trimmed(), "there is no such record");
        let unknown = acknowledge("5:3").await.unwrap_err();
        assert!(matches!(unknown, ReaderError::NotRead { .. }), "nor has there been that epoch: {unknown}");
        let mut resumed = node.readers.subscribe(&parameters(None, Some("c"), false)).await.unwrap();
        assert_eq!(positions(&mut resumed, 1).await, all[3..]);

        begin_epoch(&node).await;
        node.streams
            .publish("x", None, PublishParameters { seal: true, ..PublishParameters::default() }, node.budget.share())
            .await
            .unwrap();
        let mut ordered = node.readers.subscribe(&parameters(Some("earliest"), None, true)).await.unwrap();
        assert_eq!(positions(&mut ordered, 4).await, all, "in time order, too");
    }
}
