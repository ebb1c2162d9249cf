//! What headers say: the format of a body, the one that is wanted, and any text in a value.

use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use dag_api::Code;
use dag_codec::Format;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::failure::Failed;

/// How records are sent to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One after the other.
    Records(Format),
    /// As server-sent events.
    Events,
}

/// The media type of server-sent events.
const EVENTS: &str = "text/event-stream";

impl Shape {
    /// The shape that a request's `format` parameter names, else the first one that its `Accept` does, else NDJSON.
    pub fn wanted(parameter: Option<&str>, headers: &HeaderMap) -> Result<Shape, Failed> {
        match parameter {
            Some("sse") => Ok(Shape::Events),
            Some(name) => name.parse().map(Shape::Records).map_err(|_| {
                let message = format!("parameter format: `{name}` is not a format; expected json, csv, arrow or sse");
                Failed::new(Code::BadRequest, message)
            }),
            None => Ok(Shape::accepted(headers).unwrap_or(Shape::Records(Format::Json))),
        }
    }

    fn accepted(headers: &HeaderMap) -> Option<Shape> {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).find_map(|range| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            match essence.eq_ignore_ascii_case(EVENTS) {
                true => Some(Shape::Events),
                false => Format::from_media_type(essence).map(Shape::Records),
            }
        })
    }

    /// Its media type, as in `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Shape::Records(format) => format.media_type(),
            Shape::Events => EVENTS,
        }
    }
}

/// The format of a body of records.
pub(super) fn body_format(headers: &HeaderMap) -> Result<Format, Failed> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let name = String::from_utf8_lossy(value.as_bytes());
    // What curl says where it is told nothing.
    if name.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Format::Json);
    }
    Format::from_media_type(&name).ok_or_else(|| {
        let [json, csv, arrow] = [Format::Json, Format::Csv, Format::Arrow].map(Format::media_type);
        let message = format!("records do not come as `{name}`: send Content-Type {json}, {csv} or {arrow}");
        Failed::new(Code::BadRequest, message)
    })
}

/// What may not stand in a header's value as it is, and `%`, which tells what does not.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Text as a header's value, percent-encoded where it must be.
pub(super) fn header_text(text: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    HeaderValue::try_from(encoded).expect("printable ASCII")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_parameter_goes_before_accept() {
        let accept = headers(ACCEPT, "text/event-stream");
        assert_eq!(Shape::wanted(Some("csv"), &accept), Ok(Shape::Records(Format::Csv)));
        assert_eq!(Shape::wanted(Some("sse"), &HeaderMap::new()), Ok(Shape::Events));
        assert_eq!(
            Shape::wanted(Some("xml"), &accept).unwrap_err().message,
            "parameter format: `xml` is not a format; expected json, csv, arrow or sse"
        );
    }

    #[test]
    fn the_first_known_type_of_accept_is_taken_and_ndjson_where_there_is_none() {
        let accepted = |value| Shape::wanted(None, &headers(ACCEPT, value)).unwrap();
        assert_eq!(accepted("Text/Event-Stream"), Shape::Events);
        assert_eq!(accepted("text/html, text/csv;q=0.9, */*;q=0.8"), Shape::Records(Format::Csv));
        assert_eq!(accepted("application/vnd.apache.arrow.stream"), Shape::Records(Format::Arrow));
        assert_eq!(accepted("*/*"), Shape::Records(Format::Json));
        assert_eq!(Shape::wanted(None, &HeaderMap::new()), Ok(Shape::Records(Format::Json)));
    }

    #[test]
    fn a_body_is_ndjson_unless_it_says_otherwise() {
        let format = |value| body_format(&headers(CONTENT_TYPE, value)).map_err(|error| error.message);
        assert_eq!(body_format(&HeaderMap::new()), Ok(Format::Json));
        assert_eq!(format("application/x-www-form-urlencoded"), Ok(Format::Json));
        assert_eq!(format("text/csv; charset=utf-8"), Ok(Format::Csv));
        assert_eq!(
            format("application/xml"),
            Err("records do not come as `application/xml`: send Content-Type application/x-ndjson, text/csv or \
                 application/vnd.apache.arrow.stream"
                .to_owned())
        );
    }

    #[test]
    fn any_text_fits_into_a_header() {
        assert_eq!(header_text("avg(cpu_util,5m)"), "avg(cpu_util,5m)");
        assert_eq!(header_text("\"größe\"\n50 %"), "\"gr%C3%B6%C3%9Fe\"%0A50 %25");
    }
}
