//! Retention: records that a stream keeps no longer are removed, of several streams at a time, so that a disk that hangs delays no other. On
//! the same way it is said how far their logs are durable.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use dag_alarm::Alarm;
use dag_log::Log;
use dag_model::Timestamp;
use tokio::runtime::Handle;

use crate::blocking::gate::Width;
use crate::clock::now;
use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::source::SourceStream;

/// How many streams are trimmed at a time.
pub(super) const TRIMMING: Width = Width { what: "to be trimmed", most: 8, each: 1, waiting: usize::MAX };

/// How long whoever wants room waits for those that take their time.
const PATIENCE: Duration = Duration::from_secs(5);

impl Streams {
    /// Removes what retention no longer keeps. Waits for that, but not for long: a stream that takes longer goes on by itself.
    pub fn trim(self: &Arc<Self>) {
        let (trimmed, all) = mpsc::channel::<()>();
        let wall = now();
        for (name, stream) in self.all().iter().filter(|(_, stream)| is_due(stream.source.log(), wall)) {
            if self.trimming.lock().insert(name.clone()) {
                self.begin_trim(name.clone(), stream.clone(), trimmed.clone());
            }
        }
        drop(trimmed);
        // Nobody sends anything: it ends when all are done.
        let _ = all.recv_timeout(PATIENCE);
    }

    /// Trims a stream on a thread that may wait. `trimmed` is dropped when that is done.
    fn begin_trim(self: &Arc<Self>, name: String, stream: Arc<SourceStream>, trimmed: mpsc::Sender<()>) {
        let streams = self.clone();
        Handle::current().spawn(dag_alarm::task("retention", async move {
            let trim = move || {
                let _alarm = Alarm::of("retention");
                let trimmed = stream.source.trim(now());
                stream.source.log().say_durable();
                Ok::<_, StreamError>(trimmed)
            };
            let failed = match streams.trims.run(name.clone(), trim).await {
                Ok(trimmed) => trimmed.err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = failed {
                tracing::warn!(stream = name, error, "cannot remove old records");
            }
            streams.trimming.lock().remove(&name);
            drop(trimmed);
        }));
    }
}

/// Whether there is something to remove, or to say of how far a log is durable.
fn is_due(log: &Log, now: Timestamp) -> bool {
    log.is_trim_due(now) || log.is_durable_unsaid()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use bytes::Bytes;
    use dag_codec::Format;
    use dag_storage_faults::Operation;
    use tempfile::TempDir;

    use super::*;
    use crate::testing::node;

    /// How many segments a stream has on disk.
    fn segments(data: &TempDir, stream: u64) -> usize {
        let files = fs::read_dir(data.path().join("sources").join(stream.to_string())).unwrap();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ext| ext == "seg")).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_whose_disk_hangs_delays_no_other_streams_retention() {
        let data = TempDir::new().unwrap();
        let (node, failing) = node(&data).await;
        let streams = node.streams.clone();
        let y = serde_json::to_value(&streams.get("x").unwrap().settings).unwrap();
        let y = serde_json::from_value(
            serde_json::json!({"name": "y", "schema": y["schema"], "time": y["time"], "retention": y["retention"]}),
        );
        streams.create(y.unwrap(), false).await.unwrap();
        let mut random = dag_storage_faults::Random::new(1);
        for name in ["x", "y"] {
            for _ in 0..4 {
                let text: String =
                    (0..70_000).map(|_| char::from(b'0' + random.below(75) as u8)).filter(|c| *c != '\\').collect();
                let body = Bytes::from(format!("{{\"time\":1,\"text\":\"{text}\"}}\n"));
                let share = node.budget.share();
                streams.publish(name, Some((Format::Json, body)), Default::default(), share).await.unwrap();
            }
        }
        let before = [1, 2].map(|stream| segments(&data, stream));
        assert!(before.iter().all(|segments| *segments > 2), "{before:?}");
        let remove = failing.hold_next(Operation::Remove);
        let trimming = {
            let streams = streams.clone();
            tokio::task::spawn_blocking(move || streams.trim())
        };
        let remove = tokio::task::spawn_blocking(move || {
            remove.arrived();
            remove
        });
        let remove = remove.await.unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while ![1, 2].iter().any(|stream| segments(&data, *stream) == 1) {
            assert!(Instant::now() < until, "one waits for the other");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        trimming.await.unwrap();
        remove.release();
        while ![1, 2].iter().all(|stream| segments(&data, *stream) == 1) {
            assert!(Instant::now() < until, "it goes on when its disk does");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
