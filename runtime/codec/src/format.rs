//! The formats that cross the HTTP API.

use std::fmt;
use std::str::FromStr;

/// How records are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// RFC 4180 with a header line; lines may end in `\n` or `\r\n`.
    Csv,
    /// The Arrow IPC streaming format: a schema message, then record batches.
    Arrow,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 3] = [Format::Json, Format::Csv, Format::Arrow];

    /// Its name in commands and parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Arrow => "arrow",
        }
    }

    /// Its media type, as in `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/x-ndjson",
            Format::Csv => "text/csv",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// The format of a media type; parameters such as `; charset=utf-8` are passed over. NDJSON has no registered type, so
    /// the ones in use count too.
    pub fn from_media_type(media_type: &str) -> Option<Format> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/ndjson" | "application/jsonl" | "application/json" => Some(Format::Json),
            essence => Format::ALL.into_iter().find(|format| format.media_type() == essence),
        }
    }

    /// The format of a file by its name's extension.
    pub fn from_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            "arrow" | "arrows" => Some(Format::Arrow),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Format, String> {
        let format = Format::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| format!("`{name}` is not a format; expected json, csv or arrow"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_names() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(Format::from_media_type(format.media_type()), Some(format));
        }
        assert_eq!(Format::from_media_type("Text/CSV; charset=utf-8"), Some(Format::Csv));
        assert_eq!(Format::from_media_type("text/html"), None);
        assert_eq!(Format::from_extension("JSONL"), Some(Format::Json));
        assert_eq!("xml".parse::<Format>(), Err("`xml` is not a format; expected json, csv or arrow".into()));
    }
}
