//! Publishes the CPU load once a second, with an exact heartbeat: windows close the moment that they are over.

use std::time::Duration;

use dag_api::Code;
use dag_codec::Format;
use serde_json::json;
use tokio::time::Instant;

use super::cpu::Ticks;
use crate::client::{Client, Target};
use crate::clock::Clock;
use crate::commands::create::create;
use crate::commands::publish::chunks::Chunk;
use crate::commands::publish::sender::{Ending, Sender, new_session, progress};
use crate::host;
use crate::interrupt::Interrupt;

/// Where the load is published.
pub const STREAM: &str = "cpu_util";

/// How far apart the records are, in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// A publisher of the CPU load.
pub struct Publisher<'a> {
    sender: Sender<'a>,
    host: String,
    batch: u64,
    ticks: Ticks,
    second: i64,
}

impl<'a> Publisher<'a> {
    /// Makes the stream if it is not there.
    pub async fn begin(client: &'a Client, interrupt: Interrupt) -> anyhow::Result<Publisher<'a>> {
        match client.get(&Target::new(&["streams", STREAM])).await {
            Err(error) if error.code() == Some(Code::UnknownStream) => {
                let schema = json!([{"name": "host", "type": "utf8"}, {"name": "value", "type": "float64"}]);
                create(client, json!({"name": STREAM, "schema": schema, "clock": "node"})).await?;
            }
            found => drop(found?),
        }
        let (host, clock) = (host::name(), Clock::start());
        let publisher = format!("cpu-{host}");
        let earlier = progress(client, STREAM, &publisher).await?;
        let sender = Sender {
            client,
            stream: STREAM,
            publisher,
            session: new_session((clock.began % SECOND) as u32, earlier.map(|earlier| earlier.session)),
            format: Format::Json,
            time: None,
            history: false,
            interrupt,
        };
        Ok(Publisher { sender, host, batch: 0, ticks: Ticks::now()?, second: clock.began / SECOND })
    }

    /// Publishes at every full second; ends only with an error.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        loop {
            self.next_second().await;
            self.publish().await?;
        }
    }

    /// Says goodbye.
    pub async fn leave(&mut self) -> anyhow::Result<()> {
        self.sender.say(None, Ending { leave: true, ..Ending::default() }).await?;
        Ok(())
    }

    /// Waits for a full second of the machine's clock that is later than the last one; seconds that were slept through are left out.
    async fn next_second(&mut self) {
        let now = Clock::start().began;
        let next = (now / SECOND).max(self.second) + 1;
        // Where the machine's clock was set back, a second passes all the same.
        let wait = (next * SECOND - now).min(SECOND);
        tokio::time::sleep_until(Instant::now() + Duration::from_nanos(wait as u64)).await;
        self.second = next;
    }

    /// The load of the second that just ended. The next record will be a second later or more, so that is what the heartbeat says.
    async fn publish(&mut self) -> anyhow::Result<()> {
        let ticks = Ticks::now()?;
        let load = ticks.load_since(self.ticks);
        self.ticks = ticks;
        self.batch += 1;
        let time = dag_frame::time::format(self.second * SECOND);
        let record = json!({"time": time, "host": self.host, "value": (load * 100.0).round() / 100.0});
        let chunk = Chunk { bytes: format!("{record}\n").into_bytes(), first_line: self.batch, records: 1 };
        let heartbeat = (self.second + 1) * SECOND;
        self.sender.send(self.batch, chunk, Some(heartbeat), Ending::default()).await?;
        Ok(())
    }
}
