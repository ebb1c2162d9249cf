//! Records of a live input, as far as they have come.

use std::collections::VecDeque;
use std::{io, thread};

use anyhow::bail;
use dag_codec::{Format, Splitter};
use tokio::sync::mpsc;

use super::chunks::{Chunk, Chunks, splitter};
use super::input::{ReadSome, Source, with_format};

/// How many pieces are read ahead.
const AHEAD: usize = 16;

/// What the reading thread brings.
enum Piece {
    /// The format, before all else.
    Format(Format),
    /// Text.
    Text(Vec<u8>),
    /// Records of an Arrow stream.
    Records(Chunk),
}

/// An input that is read as it comes, and cut into records as far as it has come.
pub struct Arrivals {
    pieces: mpsc::Receiver<anyhow::Result<Piece>>,
    splitter: Option<Splitter>,
    /// Records that were cut before they are taken: an Arrow stream's, and the sample that the stream was made from.
    cut: VecDeque<Chunk>,
    ended: bool,
}

impl Arrivals {
    /// Begins to read, on a thread of its own because a read cannot be interrupted. The records of an Arrow stream are cut into
    /// chunks of at most `rows`.
    pub fn read(source: Source, format: Option<Format>, rows: u64) -> io::Result<Arrivals> {
        let (pieces, received) = mpsc::channel(AHEAD);
        let reader = Reader { pieces, rows };
        thread::Builder::new().name("reader".into()).spawn(move || {
            if let Err(error) = reader.read(source, format) {
                let _ = reader.pieces.blocking_send(Err(error));
            }
        })?;
        Ok(Arrivals { pieces: received, splitter: None, cut: VecDeque::new(), ended: false })
    }

    /// How records are written. Has to be asked first; may have to wait for the first byte.
    pub async fn format(&mut self) -> anyhow::Result<Format> {
        let Some(Piece::Format(format)) = self.pieces.recv().await.transpose()? else { bail!("cannot read the input") };
        self.splitter = splitter(format);
        Ok(format)
    }

    /// Waits for more, or for the end.
    pub async fn more(&mut self) -> anyhow::Result<()> {
        match self.pieces.recv().await.transpose()? {
            Some(Piece::Records(chunk)) => self.cut.push_back(chunk),
            Some(Piece::Text(text)) => self.splitter.iter_mut().for_each(|splitter| splitter.push(&text)),
            Some(Piece::Format(_)) => unreachable!("the format comes once"),
            None => {
                self.ended = true;
                self.splitter.iter_mut().for_each(Splitter::finish);
            }
        }
        Ok(())
    }

    /// How many whole records wait.
    pub fn waiting(&self) -> u64 {
        let cut: u64 = self.cut.iter().map(|chunk| chunk.records).sum();
        cut + self.splitter.as_ref().map_or(0, Splitter::ready)
    }

    /// Whether all that will come has come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Up to so many of the records that wait.
    pub fn take(&mut self, rows: u64) -> Option<Chunk> {
        self.cut.pop_front().or_else(|| self.splitter.as_mut()?.next_chunk(rows))
    }

    /// The first records, which are kept to be sent later; none if the input ends without any.
    pub async fn sample(&mut self, rows: u64) -> anyhow::Result<Option<Chunk>> {
        while self.waiting() == 0 && !self.ended {
            self.more().await?;
        }
        let sample = self.take(rows);
        self.cut.extend(sample);
        Ok(self.cut.front().cloned())
    }
}

/// The reading side.
struct Reader {
    pieces: mpsc::Sender<anyhow::Result<Piece>>,
    rows: u64,
}

impl Reader {
    fn read(&self, source: Source, given: Option<Format>) -> anyhow::Result<()> {
        let (bytes, named) = source.into_bytes();
        let (mut bytes, format) = with_format(bytes, given.or(named))?;
        self.bring(Piece::Format(format));
        if format == Format::Arrow {
            let mut chunks = Chunks::new(format, bytes)?;
            while let Some(chunk) = chunks.next(self.rows)? {
                self.bring(Piece::Records(chunk));
            }
            return Ok(());
        }
        loop {
            let mut text = Vec::new();
            if bytes.read_some(&mut text)? == 0 {
                return Ok(());
            }
            self.bring(Piece::Text(text));
        }
    }

    /// Brings a piece; when nobody wants any more, the process is about to end and so is this thread.
    fn bring(&self, piece: Piece) {
        let _ = self.pieces.blocking_send(Ok(piece));
    }
}
