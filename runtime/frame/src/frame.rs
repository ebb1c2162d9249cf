//! The frame: a batch as bytes. The layout is drawn in `wit/frame.md`; these are its two directions.

use std::fmt;

use crate::bitmap::clear_tail;
use crate::{Bits, ColumnRef, Type, Values, VarLen, cast};

/// The layout's version, which a frame begins with.
pub const VERSION: u32 = 1;

/// The bytes of a frame before its column descriptors.
const HEADER: usize = 16;
/// The bytes of a column descriptor.
const DESCRIPTOR: usize = 32;
/// Text offsets are 32 bits wide, so no column has more rows.
const MAX_ROWS: usize = i32::MAX as usize;

/// A frame's columns, as views into its bytes.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    rows: usize,
    columns: Vec<ColumnRef<'a>>,
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Fewer bytes than the header and the column descriptors take.
    Short {
        /// What they take.
        needed: usize,
        /// What there is.
        found: usize,
    },
    /// A layout that this reader does not know.
    Version(u32),
    /// The first byte does not lie at a multiple of eight: copy to [`AlignedBytes`](crate::AlignedBytes) first.
    Unaligned,
    /// The header states another length.
    Length {
        /// What the header says.
        stated: usize,
        /// What there is.
        found: usize,
    },
    /// More rows than a frame can have, or rows without columns.
    Rows(usize),
    /// A type code that stands for nothing.
    Type {
        /// The column's index.
        column: usize,
        /// The code.
        code: u32,
    },
    /// A buffer that lies where it must not, or has not the length that its type and the rows ask for.
    Buffer {
        /// The column's index.
        column: usize,
        /// `validity`, `values` or `bytes`.
        buffer: &'static str,
        /// Its stated offset.
        offset: usize,
        /// Its stated length.
        len: usize,
    },
    /// Text or binary offsets that decrease or point outside of the bytes.
    Offsets {
        /// The column's index.
        column: usize,
        /// The first value concerned.
        row: usize,
    },
    /// Text that is not UTF-8.
    Utf8 {
        /// The column's index.
        column: usize,
    },
    /// Bytes that must be zero are not.
    Reserved {
        /// The column's index.
        column: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Short { needed, found } => write!(f, "frame has {found} bytes, its header takes {needed}"),
            FrameError::Version(version) => write!(f, "frame has version {version}, this reader knows {VERSION}"),
            FrameError::Unaligned => write!(f, "frame does not begin at a multiple of 8 in memory"),
            FrameError::Length { stated, found } => write!(f, "frame says that it has {stated} bytes, it has {found}"),
            FrameError::Rows(rows) => {
                write!(f, "frame says that it has {rows} rows: too many, or without a column")
            }
            FrameError::Type { column, code } => write!(f, "column {column} has the unknown type code {code}"),
            FrameError::Buffer { column, buffer, offset, len } => {
                write!(f, "column {column} has {buffer} of {len} bytes at {offset}: wrong place or length")
            }
            FrameError::Offsets { column, row } => {
                write!(f, "column {column} has offsets at row {row} that decrease or leave its bytes")
            }
            FrameError::Utf8 { column } => write!(f, "column {column} has text that is not UTF-8"),
            FrameError::Reserved { column } => write!(f, "column {column} has reserved bytes that are not zero"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A batch as a frame.
///
/// ```
/// use dag_frame::{Column, Frame, AlignedBytes, encode};
/// let host = Column::utf8([Some("web1"), None]);
/// let bytes = AlignedBytes::copy(&encode(2, &[host.view()]));
/// let frame = Frame::parse(&bytes).unwrap();
/// assert_eq!(frame.columns()[0].get_str(0), Some("web1"));
/// ```
///
/// # Panics
/// As [`encode_into`].
pub fn encode(rows: usize, columns: &[ColumnRef]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(&mut out, rows, columns);
    out
}

/// Appends a batch as a frame to `out`.
///
/// # Panics
/// If a column has not `rows` values, if there are rows but no columns, or if the frame would take 4 GiB.
pub fn encode_into(out: &mut Vec<u8>, rows: usize, columns: &[ColumnRef]) {
    assert!(rows <= MAX_ROWS && (rows == 0 || !columns.is_empty()), "a frame of {rows} rows");
    assert!(columns.iter().all(|column| column.len == rows), "a frame's columns have its number of rows");
    let start = out.len();
    let buffers: usize = columns.iter().map(encoded_len).sum();
    let len = HEADER + DESCRIPTOR * columns.len() + buffers;
    out.reserve(len);
    for word in [VERSION, size(columns.len()), size(rows), size(len)] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.resize(start + HEADER + DESCRIPTOR * columns.len(), 0);
    for (index, column) in columns.iter().enumerate() {
        let descriptor = encode_column(out, start, column);
        let at = start + HEADER + DESCRIPTOR * index;
        for (word, place) in descriptor.iter().zip(out[at..].chunks_exact_mut(4)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
    debug_assert_eq!(out.len() - start, len);
}

/// Appends a column's buffers and returns its descriptor.
fn encode_column(out: &mut Vec<u8>, start: usize, column: &ColumnRef) -> [u32; 8] {
    let (validity_at, validity_len) = match column.validity {
        Some(bits) => append_bits(out, start, bits),
        None => (0, 0),
    };
    let mut bytes = (0, 0);
    let values = match column.values {
        Values::Boolean(bits) => append_bits(out, start, bits),
        Values::Int64(values) | Values::Timestamp(values) => append(out, start, cast::bytes_of(values)),
        Values::Float64(values) => append(out, start, cast::bytes_of(values)),
        Values::Utf8(values) | Values::Binary(values) => {
            let (first, last) = (values.offsets[0], values.offsets[column.len]);
            let at = match first {
                0 => append(out, start, cast::bytes_of(values.offsets)),
                _ => {
                    let rebased: Vec<i32> = values.offsets.iter().map(|offset| offset - first).collect();
                    append(out, start, cast::bytes_of(&rebased))
                }
            };
            bytes = append(out, start, &values.bytes[first as usize..last as usize]);
            at
        }
    };
    [column.ty() as u32, validity_at, validity_len, values.0, values.1, bytes.0, bytes.1, 0]
}

/// Appends a buffer and its padding; returns its offset and length.
fn append(out: &mut Vec<u8>, start: usize, buffer: &[u8]) -> (u32, u32) {
    let at = out.len() - start;
    out.extend_from_slice(buffer);
    out.resize(start + padded(out.len() - start), 0);
    (size(at), size(buffer.len()))
}

/// Appends a bitmap, with zeros for the bits that do not count.
fn append_bits(out: &mut Vec<u8>, start: usize, bits: Bits) -> (u32, u32) {
    let placed = append(out, start, &bits.bytes[..bits.len.div_ceil(8)]);
    clear_tail(&mut out[start + placed.0 as usize..], bits.len);
    placed
}

/// The bytes that a column's buffers take, padding included.
fn encoded_len(column: &ColumnRef) -> usize {
    let bitmap = padded(column.len.div_ceil(8));
    let values = match column.values {
        Values::Boolean(_) => bitmap,
        Values::Int64(_) | Values::Timestamp(_) | Values::Float64(_) => column.len * 8,
        Values::Utf8(values) | Values::Binary(values) => {
            let bytes = values.offsets[column.len] - values.offsets[0];
            padded((column.len + 1) * 4) + padded(bytes as usize)
        }
    };
    values + column.validity.map_or(0, |_| bitmap)
}

/// The least multiple of eight that is not less.
fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

fn size(len: usize) -> u32 {
    u32::try_from(len).expect("a frame takes less than 4 GiB")
}

impl<'a> Frame<'a> {
    /// Checks every statement that the frame makes of itself, and views its columns where they lie.
    ///
    /// # Errors
    /// If anything does not hold that `wit/frame.md` promises, or if `bytes` does not begin at a multiple of eight.
    pub fn parse(bytes: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let [version, columns, rows, stated] = words(bytes, 0).ok_or_else(|| short(HEADER, bytes))?;
        if version as u32 != VERSION {
            return Err(FrameError::Version(version as u32));
        }
        if !bytes.as_ptr().cast::<u64>().is_aligned() {
            return Err(FrameError::Unaligned);
        }
        if stated != bytes.len() {
            return Err(FrameError::Length { stated, found: bytes.len() });
        }
        if rows > MAX_ROWS || (rows > 0 && columns == 0) {
            return Err(FrameError::Rows(rows));
        }
        let header = columns.saturating_mul(DESCRIPTOR).saturating_add(HEADER);
        if header > bytes.len() {
            return Err(short(header, bytes));
        }
        let columns = (0..columns).map(|index| Reader { bytes, header, rows, index }.column());
        Ok(Frame { rows, columns: columns.collect::<Result<_, _>>()? })
    }

    /// How many records.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, each with as many values as there are rows.
    pub fn columns(&self) -> &[ColumnRef<'a>] {
        &self.columns
    }

    /// The columns, for who wants to keep them.
    pub fn into_columns(self) -> Vec<ColumnRef<'a>> {
        self.columns
    }
}

fn short(needed: usize, bytes: &[u8]) -> FrameError {
    FrameError::Short { needed, found: bytes.len() }
}

/// The little-endian words at `at`.
fn words<const N: usize>(bytes: &[u8], at: usize) -> Option<[usize; N]> {
    let bytes = bytes.get(at..at + 4 * N)?;
    Some(std::array::from_fn(|word| u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * word + byte])) as usize))
}

/// What reading one column needs to know.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    /// Where the last descriptor ends.
    header: usize,
    rows: usize,
    /// The column's index.
    index: usize,
}

impl<'a> Reader<'a> {
    fn column(self) -> Result<ColumnRef<'a>, FrameError> {
        let (column, len) = (self.index, self.rows);
        let descriptor = words(self.bytes, HEADER + DESCRIPTOR * column).expect("the header has been measured");
        let [code, validity_at, validity_len, values_at, values_len, bytes_at, bytes_len, reserved] = descriptor;
        let unknown = FrameError::Type { column, code: code as u32 };
        let ty = u8::try_from(code).ok().and_then(Type::from_code).ok_or(unknown)?;
        if reserved != 0 {
            return Err(FrameError::Reserved { column });
        }
        let bitmap = len.div_ceil(8) as u64;
        let validity = match (validity_at, validity_len) {
            (0, 0) => None,
            _ => Some(Bits { bytes: self.buffer("validity", validity_at, validity_len, bitmap)?, len }),
        };
        if !matches!(ty, Type::Utf8 | Type::Binary) && (bytes_at, bytes_len) != (0, 0) {
            return Err(self.misplaced("bytes", bytes_at, bytes_len));
        }
        let values = |expected| self.buffer("values", values_at, values_len, expected);
        let values = match ty {
            Type::Boolean => Values::Boolean(Bits { bytes: values(bitmap)?, len }),
            Type::Int64 => Values::Int64(aligned(values(8 * len as u64)?)),
            Type::Timestamp => Values::Timestamp(aligned(values(8 * len as u64)?)),
            Type::Float64 => Values::Float64(aligned(values(8 * len as u64)?)),
            Type::Utf8 | Type::Binary => {
                let offsets = aligned(values(4 * (len as u64 + 1))?);
                let values = VarLen { offsets, bytes: self.buffer("bytes", bytes_at, bytes_len, bytes_len as u64)? };
                self.check_offsets(values)?;
                if ty == Type::Utf8 {
                    self.check_text(values)?;
                    Values::Utf8(values)
                } else {
                    Values::Binary(values)
                }
            }
        };
        Ok(ColumnRef { len, validity, values })
    }

    /// The buffer, which must have the expected length and lie on a multiple of eight behind the header.
    /// That length is 64 bits wide because 32 do not hold it for every number of rows.
    fn buffer(self, name: &'static str, at: usize, len: usize, expected: u64) -> Result<&'a [u8], FrameError> {
        let misplaced = || self.misplaced(name, at, len);
        if len as u64 != expected || at < self.header || !at.is_multiple_of(8) {
            return Err(misplaced());
        }
        let end = at.checked_add(len).ok_or_else(misplaced)?;
        self.bytes.get(at..end).ok_or_else(misplaced)
    }

    fn misplaced(self, buffer: &'static str, offset: usize, len: usize) -> FrameError {
        FrameError::Buffer { column: self.index, buffer, offset, len }
    }

    fn check_offsets(self, values: VarLen) -> Result<(), FrameError> {
        let offsets = values.offsets;
        let outside = |row| FrameError::Offsets { column: self.index, row };
        if offsets[0] < 0 {
            return Err(outside(0));
        }
        if offsets[offsets.len() - 1] as i64 > values.bytes.len() as i64 {
            return Err(outside(self.rows.saturating_sub(1)));
        }
        // Without an early exit the check of a valid frame vectorises.
        let rising = offsets.windows(2).fold(true, |rising, pair| rising & (pair[0] <= pair[1]));
        if rising {
            return Ok(());
        }
        let row = offsets.windows(2).position(|pair| pair[0] > pair[1]).unwrap_or_default();
        Err(outside(row))
    }

    /// Each value is UTF-8 exactly if all of them together are and each begins where a character does.
    fn check_text(self, values: VarLen) -> Result<(), FrameError> {
        let (first, last) = (values.offsets[0] as usize, values.offsets[self.rows] as usize);
        let not_text = FrameError::Utf8 { column: self.index };
        let text = std::str::from_utf8(&values.bytes[first..last]).map_err(|_| not_text.clone())?;
        let begins = |offset: &i32| text.is_char_boundary(*offset as usize - first);
        if text.is_ascii() || values.offsets.iter().all(begins) { Ok(()) } else { Err(not_text) }
    }
}

/// The numbers of a buffer that lies on a multiple of eight and has a whole number of them.
fn aligned<T: cast::Number>(buffer: &[u8]) -> &[T] {
    cast::numbers(buffer).expect("base and offset have been checked to be multiples of eight")
}
