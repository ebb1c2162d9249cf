//! Publishing while the disk fails: whoever has asked gets an answer.

use std::sync::mpsc;
use std::time::Duration;

use dag_storage_faults::Operation;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::*;
use crate::node::Node;
use crate::testing::node;

/// Longer than anything here takes, and less than for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many wait for the source while its log fails.
const MENDERS: usize = 30;

/// Publishes a record of so many bytes that nothing makes smaller, beside whatever else goes on.
fn publish(node: &Node, bytes: usize) -> JoinHandle<Result<Published, PublishError>> {
    let mut random = dag_storage_faults::Random::new(bytes as u64);
    let text: String = (0..bytes).map(|_| char::from(b'0' + random.below(75) as u8)).filter(|c| *c != '\\').collect();
    let body = Bytes::from(format!("{{\"time\":1,\"text\":\"{text}\"}}\n"));
    let node = node.clone();
    let share = node.budget.share();
    tokio::spawn(async move {
        node.streams.publish("x", Some((Format::Json, body)), PublishParameters::default(), share).await
    })
}

/// Runs a test on threads that are not waited for when it has failed: those that hang would hold it for ever.
fn patiently(test: impl Future<Output = ()>) {
    struct Unawaited(Option<Runtime>);
    impl Drop for Unawaited {
        fn drop(&mut self) {
            self.0.take().expect("it is there until then").shutdown_background();
        }
    }
    let runtime = Unawaited(Some(Runtime::new().unwrap()));
    runtime.0.as_ref().expect("it is there").block_on(test);
}

async fn answer(asked: JoinHandle<Result<Published, PublishError>>) -> Result<Published, PublishError> {
    tokio::time::timeout(PATIENCE, asked).await.expect("everybody gets an answer").unwrap()
}

async fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work);
    tokio::time::timeout(PATIENCE, done).await.expect("nothing holds the log").unwrap()
}

/// Publishes until it is taken again: a log that has failed is left alone for a second.
async fn goes_on(node: &Node) {
    let again = async { while answer(publish(node, 10)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("the source mends itself");
}

#[test]
fn a_failed_roll_answers_all_who_wait() {
    patiently(async {
        let data = TempDir::new().unwrap();
        let (node, failing) = node(&data).await;
        answer(publish(&node, 50_000)).await.unwrap();
        let sync = failing.hold_next(Operation::Sync);
        let waits = publish(&node, 30_000);
        let sync = in_time(move || {
            sync.arrived();
            sync
        })
        .await;
        // The segment is full, and the name of the next one is never durable.
        failing.fail_next(Operation::Rename);
        let rolls = answer(publish(&node, 10)).await.unwrap_err();
        assert!(matches!(rolls, PublishError::Refused { .. }), "{rolls}");
        let told = answer(waits).await.unwrap_err();
        assert!(told.to_string().contains("may not be durable"), "{told}");
        sync.release();
        goes_on(&node).await;
    });
}

#[test]
fn a_failed_sync_and_a_second_publisher_both_return() {
    patiently(async {
        let data = TempDir::new().unwrap();
        let (node, failing) = node(&data).await;
        for _ in 0..3 {
            let sync = failing.hold_next(Operation::Sync);
            let first = publish(&node, 10);
            let sync = in_time(move || {
                sync.arrived();
                sync
            })
            .await;
            // One has the source's lock when the sync fails, and others wait for it that mend what has failed, as publishers do.
            let write = failing.hold_next(Operation::Write);
            let second = publish(&node, 20);
            let write = in_time(move || {
                write.arrived();
                write
            })
            .await;
            let (comes, come) = mpsc::channel();
            let (returns, returned) = mpsc::channel();
            for _ in 0..MENDERS {
                let (source, clock) = (node.streams.get("x").unwrap(), node.clock);
                let (comes, returns) = (comes.clone(), returns.clone());
                std::thread::spawn(move || {
                    comes.send(()).unwrap();
                    // It may find that the log has failed; what counts is that it returns.
                    let _ = returns.send(source.source.tick(clock).map(drop));
                });
            }
            come.iter().take(MENDERS).for_each(drop);
            sync.fail();
            write.release();
            let told = answer(first).await.unwrap_err();
            assert!(told.to_string().contains("may not be durable"), "{told}");
            // It is refused, or taken where the log was mended before.
            let _ = answer(second).await;
            for _ in 0..MENDERS {
                let _ = returned.recv_timeout(PATIENCE).expect("everybody returns");
            }
            goes_on(&node).await;
        }
    });
}

#[test]
fn a_stream_that_does_not_answer_leaves_places_to_others() {
    patiently(async {
        let data = TempDir::new().unwrap();
        let (node, failing) = node(&data).await;
        let settings = serde_json::json!({"name": "y", "schema": [{"name": "text", "type": "utf8"}], "time": null});
        node.streams.create(serde_json::from_value(settings).unwrap(), false).await.unwrap();
        let sync = failing.hold_next(Operation::Sync);
        let waiting: Vec<_> = (0..PUBLISHING_EACH).map(|_| publish(&node, 10)).collect();
        let sync = in_time(move || {
            sync.arrived();
            sync
        })
        .await;
        while node.streams.get("x").unwrap().publishing.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = answer(publish(&node, 10)).await.unwrap_err();
        let expected = "128 requests are being published to `x`: try again in a moment";
        assert_eq!(refused.to_string(), expected);
        let (share, body) = (node.budget.share(), Bytes::from("{\"text\":\"a\"}\n"));
        let other = node.streams.publish("y", Some((Format::Json, body)), PublishParameters::default(), share);
        tokio::time::timeout(PATIENCE, other).await.expect("it waits for no other stream").unwrap();
        sync.release();
        for waiting in waiting {
            answer(waiting).await.unwrap();
        }
    });
}
