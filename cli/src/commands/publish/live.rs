//! Live publishing: records go out as they come, with word about time, until the input ends.

use std::time::Duration;

use anyhow::Context;
use dag_api::Stream;
use dag_codec::Format;
use tokio::time::Instant;

use super::Publish;
use super::arrivals::Arrivals;
use super::input::Source;
use super::pace::Pace;
use super::sender::{Ending, Sender, new_session, progress};
use super::summary::Summary;
use super::times::Times;
use crate::client::Client;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::{duration, host, output};

/// How many waiting records are not made to wait for more.
const ROWS: u64 = 1_000;

/// How long a record waits for others.
const LINGER: Duration = Duration::from_millis(50);

/// After how long a silence there is word about time.
const SILENCE: Duration = Duration::from_secs(1);

/// The longest time without any word; a shorter idle time of the stream shortens it.
const RENEWAL: Duration = Duration::from_secs(10);

/// Sends what comes until the input ends.
pub async fn publish(
    args: &Publish,
    client: &Client,
    stream: Option<Stream>,
    source: Source,
    interrupt: Interrupt,
) -> anyhow::Result<Exit> {
    let mut input = Arrivals::read(source, args.format, args.batch_rows)?;
    let mut wait = interrupt.clone();
    let format = tokio::select! {
        format = input.format() => format?,
        () = wait.raised() => return Ok(Exit::Interrupted),
    };

    let stream = match stream {
        Some(stream) => stream,
        None => {
            let sample = tokio::select! {
                sample = input.sample(ROWS) => sample?,
                () = wait.raised() => return Ok(Exit::Interrupted),
            };
            let sample = sample.context("the input is empty, so it does not tell the stream's columns")?;
            args.create(client, format, &sample).await?
        }
    };
    let mut live = Live::new(args, client, &stream, format, interrupt).await?;
    let outcome = live.run(&mut input).await?;
    if args.json {
        output::json(&live.summary.json(&stream.name, &live.sender.publisher))?;
    }
    output::note(&live.summary.text(&stream.name));
    Ok(match outcome {
        Exit::Done if live.summary.refused > 0 => Exit::Refused,
        outcome => outcome,
    })
}

struct Live<'a> {
    args: &'a Publish,
    sender: Sender<'a>,
    times: Times,
    pace: Pace,
    /// Whether records have times of their own that heartbeats can follow.
    speaks: bool,
    renewal: Duration,
    clock: Clock,
    batch: u64,
    spoke: Instant,
    summary: Summary,
}

impl<'a> Live<'a> {
    async fn new(
        args: &'a Publish,
        client: &'a Client,
        stream: &'a Stream,
        format: Format,
        interrupt: Interrupt,
    ) -> anyhow::Result<Live<'a>> {
        let settings = stream.settings.as_ref().context("only a source can be published to")?;
        let clock = Clock::start();
        let (second, nanoseconds_in_it) = (clock.began / 1_000_000_000, clock.began % 1_000_000_000);
        let generated = || format!("stdin-{}-{}-{second}", host::name(), std::process::id());
        let publisher = args.publisher.clone().unwrap_or_else(generated);
        let earlier = progress(client, &stream.name, &publisher).await?;
        let session = new_session(nanoseconds_in_it as u32, earlier.map(|earlier| earlier.session));
        let max_ahead = if args.history { None } else { Some(nanoseconds(&settings.max_ahead)?) };
        Ok(Live {
            args,
            sender: Sender {
                client,
                stream: &stream.name,
                publisher,
                session,
                format,
                time: args.time.as_deref(),
                history: args.history,
                interrupt,
            },
            times: Times::new(stream, settings, format, args.time.clone()),
            pace: Pace::new(nanoseconds(&settings.out_of_order)?, max_ahead),
            speaks: !args.no_heartbeat && settings.time.is_some(),
            renewal: (duration::parse(&settings.idle).map_err(anyhow::Error::msg)? / 3).min(RENEWAL),
            clock,
            batch: 0,
            spoke: Instant::now(),
            summary: Summary::default(),
        })
    }

    async fn run(&mut self, input: &mut Arrivals) -> anyhow::Result<Exit> {
        let mut interrupt = self.sender.interrupt.clone();
        let mut due = Instant::now() + LINGER;
        let mut stopped = false;
        while !stopped && !input.ended() {
            let waiting = input.waiting();
            tokio::select! {
                biased;
                () = interrupt.raised() => stopped = true,
                () = tokio::time::sleep_until(due), if waiting > 0 => stopped = !self.send_ready(input, 1).await?,
                read = input.more(), if waiting < ROWS => {
                    read?;
                    if waiting == 0 {
                        due = Instant::now() + LINGER;
                    }
                    stopped = !self.send_ready(input, ROWS).await?;
                }
                () = tokio::time::sleep_until(self.next_word()), if self.batch > 0 => stopped = !self.keep_alive().await?,
            }
        }
        let interrupted = stopped || interrupt.is_raised();
        if self.send_ready(input, 1).await? && (self.batch > 0 || self.args.done || self.args.seal) {
            let ending = if interrupted { Ending { leave: true, ..Ending::default() } } else { self.args.ending() };
            self.sender.say(None, ending).await?;
        }
        Ok(if interrupted { Exit::Interrupted } else { Exit::Done })
    }

    /// Sends what waits while it is at least so many records; false if Ctrl-C ended that.
    async fn send_ready(&mut self, input: &mut Arrivals, at_least: u64) -> anyhow::Result<bool> {
        while input.waiting() >= at_least {
            let Some(chunk) = input.take(self.args.batch_rows) else { break };
            if self.speaks {
                self.pace.read(&self.times.of(&chunk), self.clock.now());
            }
            let records = chunk.records;
            self.batch += 1;
            let answer = self.sender.send(self.batch, chunk, None, Ending::default()).await;
            let Some(answer) = answer.map_err(|error| self.args.explained(error))? else { return Ok(false) };
            self.summary.add(&answer, records).iter().for_each(|line| output::note(line));
            self.spoke = Instant::now();
        }
        Ok(true)
    }

    /// When there has to be word, unless records come.
    fn next_word(&self) -> Instant {
        let goes_on = self.speaks && self.pace.is_live();
        self.spoke + if goes_on { SILENCE } else { self.renewal }
    }

    /// Says that time goes on, or at least that we are still there; false if Ctrl-C ended that.
    async fn keep_alive(&mut self) -> anyhow::Result<bool> {
        let heartbeat = if self.speaks { self.pace.in_silence(self.clock.now()) } else { None };
        let answer = self.sender.say(heartbeat, Ending::default()).await?;
        self.spoke = Instant::now();
        Ok(answer.is_some())
    }
}

fn nanoseconds(duration: &str) -> anyhow::Result<i64> {
    let duration = duration::parse(duration).map_err(anyhow::Error::msg)?;
    Ok(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}
