//! Records as text and bytes: NDJSON, CSV and Arrow IPC streams into batches and out of them.
//!
//! Pure: bytes come in, batches and bytes go out. What is wrong with one record refuses that record and nothing else
//! ([`Refusal`]); what is wrong with a body as a whole refuses the body ([`BodyError`]).
//!
//! Read `format`, `time_column` and `refusal`, then `cut`, which finds where records end, and [`decode`]; then `split` and
//! `infer`, which the CLI uses on files; then [`encode`].
//!
//! ```
//! use dag_codec::{Decoder, Encoder, EncodeOptions, Format, TimeColumn};
//! use dag_model::{Field, Schema, Type};
//!
//! let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
//! let body = b"{\"time\":0,\"value\":1.5}\n{\"time\":1,\"value\":\"abc\"}\n";
//! let decoded = Decoder::new(&schema, &TimeColumn::default()).decode(Format::Json, body, 1).unwrap();
//! assert_eq!(decoded.refused[0].to_string(), "line 2: column `value`: expected float64, found `abc`");
//!
//! let mut text = Vec::new();
//! let mut encoder = Encoder::new(Format::Csv, &schema, EncodeOptions::default());
//! encoder.begin(&mut text);
//! encoder.encode(&decoded.batch, None, &mut text);
//! assert_eq!(text, b"time,value\n1970-01-01T00:00:00Z,1.5\n");
//! ```

mod binary;
mod cut;
pub mod decode;
pub mod encode;
mod format;
mod infer;
mod refusal;
mod split;
mod time_column;

pub use decode::{Decoded, Decoder, Room, most_decoded};
pub use encode::{EncodeOptions, Encoder, Events, Table};
pub use format::Format;
pub use infer::infer;
pub use refusal::{BodyError, Refusal};
pub use split::{Chunk, Splitter};
pub use time_column::{TIME_NAMES, TimeColumn, TimeUnit};

/// The greatest length of a record's text in bytes, line end not counted.
pub const MAX_LINE: usize = 1 << 20;

/// The greatest number of columns of a CSV or Arrow body.
pub const MAX_COLUMNS: usize = 1_000;

/// How many refusals are listed; the others are only counted.
pub const MAX_LISTED: usize = 1_000;

/// How much text the refusals that are listed have together, but for the last.
pub const MAX_LISTED_BYTES: usize = 64 << 10;
