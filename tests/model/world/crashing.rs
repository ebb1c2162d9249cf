//! Crashes: what nobody knows afterwards, and how readers go on.

use std::thread;
use std::time::Duration;

use dag_tests::Http;
use dag_tests::http::Answer;

use super::reading::text;
use super::{World, deploying, publishing};
use crate::expression::SOURCES;
use crate::program::During;
use crate::reader::{Position, Reader, Start};
use crate::source::{Request, Source};

impl World {
    /// Kills the node, in the middle of something if that is said, and starts it again.
    pub(super) fn crash(&mut self, during: Option<&During>, after: u64, power: bool) -> Result<(), String> {
        let after = Duration::from_micros(after);
        match during {
            None => self.kill(power),
            Some(During::Publish(publish)) => {
                let request = self.request(publish);
                self.crash_publishing(publish.source, &request, after, power)?;
            }
            Some(During::Deploy(deploy)) => {
                let sent = deploy.clone();
                match self.kill_during(after, power, move |http| deploying::send(http, &sent))? {
                    Some(answer) => self.deploy(deploy, &answer)?,
                    None => self.agree_on_version(deploy)?,
                }
            }
        }
        self.come_back()
    }

    /// Kills the node so long after a request was sent, and answers what it answered.
    fn kill_during(
        &mut self,
        after: Duration,
        power: bool,
        send: impl FnOnce(&Http) -> Result<Answer, String> + Send + 'static,
    ) -> Result<Option<Answer>, String> {
        let http = self.node.http().clone();
        let sending = thread::spawn(move || send(&http));
        thread::sleep(after);
        self.kill(power);
        let answered = sending.join().map_err(|_| "the client failed".to_owned())?;
        Ok(answered.ok())
    }

    /// Kills the node; with the power cut, what is not durable of `x` and of what is computed goes with it.
    fn kill(&mut self, power: bool) {
        if power { self.node.cut_power(&["sources/1", "derived"]) } else { self.node.crash() }
    }

    /// Kills the node while it has something to publish, which is sent again afterwards if nobody knows what became of it.
    fn crash_publishing(
        &mut self,
        source: usize,
        request: &Request,
        after: Duration,
        power: bool,
    ) -> Result<(), String> {
        let sent = request.clone();
        let answer = self.kill_during(after, power, move |http| publishing::send(http, SOURCES[source], &sent))?;
        if let Some(answer) = answer {
            return self.publish(source, request, &answer);
        }
        let counted = self.node.http().get(&format!("streams/{}", SOURCES[source]), &[]).json();
        let counted = counted["records"].as_u64().ok_or("a stream has a number of records")?;
        let before = self.sources[source].clone();
        let mut after = before.clone();
        after.publish(request);
        let records = |source: &Source| source.records.len() as u64;
        let (without, with) = (records(&before), records(&after));
        if counted != without && counted != with {
            return Err(format!("after the crash there are {counted} records, expected {without} or {with}"));
        }
        if request.publisher.is_some() {
            // Whatever came of it, sending it again leaves it done once.
            if counted == with && with > without {
                self.sources[source] = after;
            }
            let answer = self.send(source, request)?;
            return self.publish(source, request, &answer);
        }
        self.agree_on_frontier(source, before, after)
    }

    /// Takes over the one of two states that the node is in, by its frontier: an unnamed request leaves no other trace.
    fn agree_on_frontier(&mut self, source: usize, before: Source, after: Source) -> Result<(), String> {
        let shown = self.node.http().get(&format!("streams/{}", SOURCES[source]), &[]).json();
        let (frontier, records) = (&shown["frontier"], shown["records"].as_u64());
        let is = |state: &Source| records == Some(state.records.len() as u64) && *frontier == state.shown_frontier();
        self.sources[source] = match (is(&after), is(&before)) {
            (true, _) => after,
            (false, true) => before,
            (false, false) => return Err(format!("after the crash: {shown}, expected {before:?} or {after:?}")),
        };
        Ok(())
    }

    /// After a restart: what readers had got is compared, and they go on where they were.
    pub(super) fn come_back(&mut self) -> Result<(), String> {
        for mut reader in std::mem::take(&mut self.readers) {
            reader.drain()?;
            self.compare(&reader)?;
            match reader.has_stopped() {
                true => self.remember(&reader),
                false => self.resume(reader)?,
            }
        }
        Ok(())
    }

    /// Goes on after the last record that the reader got, or from the beginning, where it said which; else it stays away.
    fn resume(&mut self, mut reader: Reader) -> Result<(), String> {
        if reader.cursor.is_some() {
            return self.follow(reader.expression);
        }
        let leaves_out = matches!(reader.start, Start::Time(_)) && reader.expression.in_log_order();
        let last = reader.got.last().filter(|_| !reader.ordered && !leaves_out);
        let from = match (last, &reader.start) {
            (Some((position, _)), _) => text(Position { sequence: position.sequence + 1, ..*position }),
            (None, Start::At(0) | Start::Time(_)) => {
                reader.got.clear();
                reader.from.clone()
            }
            (None, _) => return Ok(()),
        };
        reader.feed = self.feed(&reader.expression, &from, reader.ordered, reader.rest())?;
        self.readers.push(reader);
        Ok(())
    }
}
