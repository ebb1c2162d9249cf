//! Reading with a cursor: what has been written is acknowledged, and a connection that breaks is made again.

use std::time::Duration;

use anyhow::Error;
use dag_codec::Format;
use dag_model::Position;

use super::acknowledger::Acknowledger;
use super::{Ended, ShownFormat, Subscribe, end, read};
use crate::client::{Client, ClientError, Target};
use crate::exit::Exit;
use crate::output;
use crate::output::positioned::Positioned;

/// How long after a broken connection it is made again; twice as long after each failure, up to the most.
const PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(2);

/// A reader of a cursor, over as many connections as it takes.
pub struct Reading<'a> {
    client: &'a Client,
    subscribe: &'a Subscribe,
    cursor: &'a str,
    shown: Positioned,
    /// There once the node has said which reader this is.
    reader: Option<(u64, Acknowledger)>,
    /// Records written.
    written: u64,
    /// The last one.
    last: Option<Position>,
}

/// Why a connection ended too early.
enum Failure {
    /// It may be made again.
    Passing(Error),
    Final(Error),
}

impl<'a> Reading<'a> {
    /// Nothing is read yet.
    pub fn new(client: &'a Client, subscribe: &'a Subscribe, cursor: &'a str, format: ShownFormat) -> Reading<'a> {
        let shown = Positioned::new(format.encoded(), subscribe.with_position);
        Reading { client, subscribe, cursor, shown, reader: None, written: 0, last: None }
    }

    /// Shows records until their end. Once connected, it connects again whenever the connection breaks.
    pub async fn follow(&mut self) -> anyhow::Result<Exit> {
        let mut pause = PAUSE;
        let mut broken = false;
        loop {
            let written = self.written;
            let error = match self.connection(&mut broken).await {
                Ok(()) => return Ok(Exit::Done),
                Err(Failure::Passing(error)) if self.reader.is_some() => error,
                Err(Failure::Passing(error) | Failure::Final(error)) => return Err(error),
            };
            if !std::mem::replace(&mut broken, true) {
                output::note(&format!("{error:#}; trying again until Ctrl-C"));
            }
            tokio::time::sleep(pause).await;
            pause = if self.written > written { PAUSE } else { (pause * 2).min(MOST_PAUSE) };
        }
    }

    /// Acknowledges the rest. What could not be is said, and ends a reader in failure that was done otherwise.
    pub fn finish(self, outcome: anyhow::Result<Exit>) -> anyhow::Result<Exit> {
        let acknowledged = self.reader.map_or(Ok(()), |(_, acknowledger)| acknowledger.finish());
        match (outcome, acknowledged) {
            (Ok(Exit::Done), Err(error)) => Err(error.context(format!("cursor `{}`", self.cursor))),
            (Ok(exit), Err(error)) => {
                output::note(&format!("cursor `{}`: {error:#}", self.cursor));
                Ok(exit)
            }
            (outcome, _) => outcome,
        }
    }

    /// Reads over one connection.
    async fn connection(&mut self, broken: &mut bool) -> Result<(), Failure> {
        let response = self.client.stream(&self.target()).await?;
        if std::mem::take(broken) {
            output::note("connected again");
        }
        if self.reader.is_none() {
            let number = response.headers().get("dag-reader").and_then(|number| number.to_str().ok()?.parse().ok());
            let number = number.ok_or_else(|| self.client.not_a_node())?;
            let acknowledger = Acknowledger::start(self.client, self.cursor, number).map_err(Error::from)?;
            self.reader = Some((number, acknowledger));
        }
        self.shown.reconnected();
        let trailers = read(self.client, response, |data| self.show(data).map_err(Failure::from)).await?;
        match end(&trailers) {
            Ended::Whole => Ok(self.shown.finish().map_err(Error::from)?),
            Ended::Stopping(why) => Err(Failure::Passing(why)),
            Ended::Failed(why) => Err(Failure::Final(why)),
        }
    }

    fn show(&mut self, data: bytes::Bytes) -> anyhow::Result<()> {
        if let (Some(shown), Some((_, acknowledger))) = (self.shown.show(data)?, &self.reader) {
            self.written += shown.records;
            self.last = Some(shown.last);
            acknowledger.written(shown.records, shown.last);
        }
        Ok(())
    }

    /// What is asked for: at first a place to begin, then as the same reader what follows the last record written.
    fn target(&self) -> Target {
        let target = self.subscribe.target(Format::Arrow).with_flag("positions", true).with("cursor", self.cursor);
        let target = target.with_some("limit", self.subscribe.limit.map(|limit| limit.saturating_sub(self.written)));
        match &self.reader {
            None => {
                target.with_some("since", self.subscribe.since.as_ref()).with_some("from", self.subscribe.from.as_ref())
            }
            Some((reader, _)) => target.with("reader", reader).with_some("after", self.last),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        match error.is_passing() || error.is_full_disk() {
            true => Failure::Passing(error.into()),
            false => Failure::Final(error.into()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Final(error)
    }
}
