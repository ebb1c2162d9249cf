//! Cuts a file or standard input into bodies at record boundaries, without decoding.

use std::collections::VecDeque;
use std::ops::Range;

use crate::cut::Cutter;

/// Cuts NDJSON or CSV text that comes in pieces of any size into [`Chunk`]s of whole records.
///
/// It holds what was pushed and not yet taken, and of a record that has not ended no more than [`crate::MAX_LINE`] and the last
/// piece: what is longer will be refused anyway. How the input was cut into pieces makes no difference to the chunks.
///
/// ```
/// use dag_codec::Splitter;
///
/// let mut splitter = Splitter::csv();
/// splitter.push(b"time,value\n1,1\n2,2\n3,");
/// let chunk = splitter.next_chunk(4096).unwrap();
/// assert_eq!((chunk.bytes.as_slice(), chunk.first_line), (&b"time,value\n1,1\n2,2\n"[..], 1));
///
/// splitter.push(b"3");
/// splitter.finish();
/// let chunk = splitter.next_chunk(4096).unwrap();
/// assert_eq!((chunk.bytes.as_slice(), chunk.first_line), (&b"time,value\n3,3"[..], 3));
/// ```
#[derive(Debug)]
pub struct Splitter {
    cutter: Cutter,
    /// The input from the first waiting record on.
    buffer: Vec<u8>,
    waiting: VecDeque<Waiting>,
    /// How many lines of the input have been looked through.
    lines: u64,
    /// CSV only.
    header: Option<Header>,
    finished: bool,
}

/// A record that has not been taken.
#[derive(Debug)]
struct Waiting {
    /// Its place in the buffer, line end included.
    place: Range<usize>,
    /// How many lines of the input lie before it.
    lines_before: u64,
}

/// The header line that every chunk begins with.
#[derive(Debug, Default)]
struct Header {
    /// With its line end; empty until it has been seen.
    text: Vec<u8>,
    lines: u64,
}

/// Some consecutive records as a body of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The records' text; for CSV after the header line of the whole input.
    pub bytes: Vec<u8>,
    /// The number to decode it with ([`crate::Decoder::decode`]), so that its records' lines are those of the whole input.
    pub first_line: u64,
    /// How many records it holds; at least 1.
    pub records: u64,
}

impl Splitter {
    /// Of JSON objects, one per line.
    pub fn ndjson() -> Splitter {
        Splitter::new(Cutter::new(false), None)
    }

    /// Of CSV with a header line.
    pub fn csv() -> Splitter {
        Splitter::new(Cutter::new(true), Some(Header::default()))
    }

    fn new(cutter: Cutter, header: Option<Header>) -> Splitter {
        Splitter { cutter, buffer: Vec::new(), waiting: VecDeque::new(), lines: 0, header, finished: false }
    }

    /// Takes the next bytes of the input.
    ///
    /// # Panics
    /// After [`finish`](Splitter::finish).
    pub fn push(&mut self, bytes: &[u8]) {
        assert!(!self.finished, "bytes after the end of the input");
        self.forget_taken();
        self.buffer.extend_from_slice(bytes);
        self.look();
        self.cutter.shorten(&mut self.buffer);
    }

    /// Tells that no bytes will follow: what is left after the last line end is a record, too.
    pub fn finish(&mut self) {
        self.finished = true;
        self.look();
    }

    /// How many whole records wait to be taken. For chunks that do not depend on how the input arrives, take one when there are
    /// enough to fill it, and the rest after [`finish`](Splitter::finish).
    pub fn ready(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Up to `max_records` of the waiting records; none if there are none.
    pub fn next_chunk(&mut self, max_records: u64) -> Option<Chunk> {
        let records = self.ready().min(max_records);
        let mut taken = self.waiting.drain(..records as usize);
        let first = taken.next()?;
        let end = taken.next_back().map_or(first.place.end, |last| last.place.end);
        let text = &self.buffer[first.place.start..end];
        let (header, header_lines) = self.header.as_ref().map_or((&[][..], 0), |header| (&header.text, header.lines));
        let first_line = first.lines_before + 1 - header_lines;
        Some(Chunk { bytes: [header, text].concat(), first_line, records })
    }

    fn forget_taken(&mut self) {
        let taken = self.waiting.front().map_or(self.cutter.pending(), |first| first.place.start);
        self.buffer.drain(..taken);
        self.cutter.forget(taken);
        for Waiting { place, .. } in &mut self.waiting {
            *place = place.start - taken..place.end - taken;
        }
    }

    /// Finds the records that have ended.
    fn look(&mut self) {
        while let Some(piece) = self.cutter.next(&self.buffer, self.finished) {
            let lines_before = self.lines;
            self.lines += piece.lines;
            if piece.is_blank(&self.buffer) {
                continue;
            }
            match &mut self.header {
                Some(header) if header.text.is_empty() => {
                    header.text = [&self.buffer[piece.text], b"\n"].concat();
                    header.lines = piece.lines;
                }
                _ => self.waiting.push_back(Waiting { place: piece.text.start..piece.end, lines_before }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_LINE;
    use proptest::prelude::*;

    /// All chunks of at most `max` records, each taken as soon as it is full.
    fn chunks<'a>(mut splitter: Splitter, pieces: impl IntoIterator<Item = &'a [u8]>, max: u64) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while splitter.ready() >= max {
                chunks.extend(splitter.next_chunk(max));
            }
        }
        splitter.finish();
        chunks.extend(std::iter::from_fn(|| splitter.next_chunk(max)));
        chunks
    }

    #[test]
    fn chunks_know_their_lines_past_blank_ones_and_quoted_line_ends() {
        let text = b"\xef\xbb\xbft,\"v\n\"\r\n1,\"a\nb\"\r\n\r\n2,c\n \n\n3,d";
        let chunks = chunks(Splitter::csv(), [&text[..]], 1);
        let lines: Vec<_> = chunks.iter().map(|chunk| chunk.first_line + 2).collect();
        assert_eq!(lines, [3, 6, 9]);
        assert_eq!(chunks[0].bytes, b"\xef\xbb\xbft,\"v\n\"\n1,\"a\nb\"\r\n");
        assert_eq!(chunks[2].bytes, b"\xef\xbb\xbft,\"v\n\"\n3,d");
    }

    #[test]
    fn nothing_is_ready_before_its_line_has_ended() {
        let mut splitter = Splitter::ndjson();
        splitter.push(b"{}\n{");
        assert_eq!((splitter.ready(), splitter.next_chunk(10).map(|chunk| chunk.records)), (1, Some(1)));
        assert_eq!(splitter.next_chunk(10), None);
        splitter.push(b"}");
        assert_eq!(splitter.ready(), 0);
        splitter.finish();
        assert_eq!(splitter.next_chunk(10).map(|chunk| chunk.first_line), Some(2));
    }

    #[test]
    fn a_line_without_end_fills_no_memory() {
        for mut splitter in [Splitter::ndjson(), Splitter::csv()] {
            splitter.push(b"h\n");
            for _ in 0..1000 {
                splitter.push(&[b'"'; 10_000]);
                assert!(splitter.buffer.len() <= MAX_LINE + 10_001);
            }
            splitter.push(b"\n1\n");
            splitter.finish();
            let lines: Vec<_> = std::iter::from_fn(|| splitter.next_chunk(1)).map(|chunk| chunk.first_line).collect();
            assert_eq!(lines, if splitter.header.is_some() { vec![1, 2] } else { vec![1, 2, 3] });
        }
    }

    proptest! {
        #[test]
        fn the_pieces_of_the_input_make_no_difference(
            text in "([ab,\"\r]{0,3}(\n|\n\n)?){0,40}",
            cuts in prop::collection::vec(0_usize..100, 0..20),
            max in 1_u64..5,
            csv: bool,
        ) {
            let splitter = || if csv { Splitter::csv() } else { Splitter::ndjson() };
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
            let whole = chunks(splitter(), [text.as_bytes()], max);
            prop_assert_eq!(&chunks(splitter(), pieces, max), &whole);
        }
    }
}
