//! Publishing a file: in batches of a fixed number of records, so that a second run resumes where the first one stopped.

use std::thread;

use dag_api::Stream;
use tokio::sync::mpsc;

use super::Publish;
use super::chunks::{Chunk, Chunks};
use super::input::RegularFile;
use super::progress::Progress;
use super::sender::{Ending, Sender, new_session, progress, tag};
use super::summary::Summary;
use crate::client::Client;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output;

/// How many chunks are read ahead of the one that is being sent.
const AHEAD: usize = 2;

/// Sends what an earlier run has not sent.
pub async fn publish(
    args: &Publish,
    client: &Client,
    stream: Option<Stream>,
    mut file: RegularFile,
    interrupt: Interrupt,
) -> anyhow::Result<Exit> {
    let (shown, size) = (file.shown.clone(), file.size);
    let identity = file.identity(&format!("{} rows, {:?}, {:?}", args.batch_rows, args.format, args.time))?;
    let own_tag = u32::from_le_bytes([identity[0], identity[1], identity[2], identity[3]]);
    let derived = || format!("{}-{}", file.name(), hex(&identity[..6]));
    let publisher = args.publisher.clone().unwrap_or_else(derived);
    let (bytes, format) = file.into_bytes(args.format)?;
    let mut chunks = read_ahead(Chunks::new(format, bytes)?, args.batch_rows)?;
    let next = chunks.recv().await.transpose()?;

    let stream = match (stream, &next) {
        (Some(stream), _) => stream,
        (None, Some(sample)) => args.create(client, format, sample).await?,
        (None, None) => anyhow::bail!("{shown} is empty, so it does not tell the stream's columns"),
    };
    let (session, published_before) = match progress(client, &stream.name, &publisher).await? {
        Some(earlier) if tag(earlier.session) == own_tag => (earlier.session, earlier.batch),
        earlier => (new_session(own_tag, earlier.map(|earlier| earlier.session)), 0),
    };

    let mut sender = Sender {
        client,
        stream: &stream.name,
        publisher,
        session,
        format,
        time: args.time.as_deref(),
        history: args.history,
        interrupt,
    };
    let mut progress = Progress::new(size);
    let mut summary = Summary::default();
    let all = send_all(args, &mut sender, (next, chunks), published_before, &mut progress, &mut summary);
    let (batch, mut stopped) = all.await?;
    progress.clear();

    let nothing_sent = batch <= published_before;
    let says_more = nothing_sent && stream.state != "sealed" && (args.done || args.seal);
    if says_more {
        stopped = sender.say(None, args.ending()).await?.is_none();
    }
    if args.json {
        output::json(&summary.json(&stream.name, &sender.publisher))?;
    }
    if stopped {
        let sent = output::count(summary.before + summary.sent(), "record");
        output::note(&format!("stopped after {sent} of {shown}: the same command again goes on from there"));
        return Ok(Exit::Interrupted);
    }
    if nothing_sent && batch > 0 {
        let rest = if says_more { "now it is complete" } else { "nothing to do" };
        output::note(&format!("{shown} is already published to {}: {rest}", stream.name));
    } else {
        output::note(&summary.text(&stream.name));
    }
    Ok(if summary.refused > 0 { Exit::Refused } else { Exit::Done })
}

/// Sends the chunks that were not published before. Returns the number of the last one that was looked at, and whether it was stopped there.
async fn send_all(
    args: &Publish,
    sender: &mut Sender<'_>,
    (mut next, mut chunks): (Option<Chunk>, mpsc::Receiver<anyhow::Result<Chunk>>),
    published_before: u64,
    progress: &mut Progress,
    summary: &mut Summary,
) -> anyhow::Result<(u64, bool)> {
    let (mut batch, mut bytes_done) = (0, 0);
    while let Some(chunk) = next {
        next = chunks.recv().await.transpose()?;
        batch += 1;
        bytes_done += chunk.bytes.len() as u64;
        if batch <= published_before {
            summary.before += chunk.records;
            continue;
        }
        let ending = if next.is_none() { args.ending() } else { Ending::default() };
        let records = chunk.records;
        let is_raised = sender.interrupt.is_raised();
        let answer = if is_raised { None } else { sent(args, sender, batch, chunk, ending).await? };
        let Some(answer) = answer else { return Ok((batch, true)) };
        for line in summary.add(&answer, records) {
            progress.say(&line);
        }
        progress.update(bytes_done, summary.before + summary.sent());
    }
    Ok((batch, false))
}

async fn sent(
    args: &Publish,
    sender: &mut Sender<'_>,
    batch: u64,
    chunk: Chunk,
    ending: Ending,
) -> anyhow::Result<Option<dag_api::Published>> {
    sender.send(batch, chunk, None, ending).await.map_err(|error| args.explained(error))
}

/// Reads and cuts on a thread of its own, a few chunks ahead.
fn read_ahead(mut chunks: Chunks, rows: u64) -> anyhow::Result<mpsc::Receiver<anyhow::Result<Chunk>>> {
    let (send, receive) = mpsc::channel(AHEAD);
    thread::Builder::new().name("reader".into()).spawn(move || {
        while let Some(chunk) = chunks.next(rows).transpose() {
            let failed = chunk.is_err();
            if send.blocking_send(chunk).is_err() || failed {
                break;
            }
        }
    })?;
    Ok(receive)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
