//! Publishing.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dag_api::Code;
use dag_api::{Failure, PublishParameters, Published, PublisherProgress};
use serde::Serialize;

use super::content::Content;
use super::failure::Failed;
use super::media::body_format;
use crate::Node;

/// `POST /v1/streams/{name}/records`
pub(super) async fn publish(
    State(node): State<Node>,
    name: Result<Path<String>, PathRejection>,
    parameters: Result<Query<PublishParameters>, QueryRejection>,
    headers: HeaderMap,
    Content { bytes, share }: Content,
) -> Result<Response, Failed> {
    let (Path(name), Query(parameters)) = (name?, parameters?);
    let content = if bytes.is_empty() { None } else { Some((body_format(&headers)?, bytes)) };
    let published = node.streams.publish(&name, content, parameters, share).await?;
    Ok(match published.refused {
        0 => Json(published).into_response(),
        _ => (StatusCode::BAD_REQUEST, Json(Refused::new(published))).into_response(),
    })
}

/// `GET /v1/streams/{name}/publishers/{publisher}`
pub(super) async fn progress(
    State(node): State<Node>,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<PublisherProgress>, Failed> {
    let Path((stream, publisher)) = names?;
    Ok(Json(node.streams.publisher(&stream, &publisher)?))
}

/// What became of a body of which some lines are no records.
#[derive(Serialize)]
struct Refused {
    #[serde(flatten)]
    failure: Failure,
    #[serde(flatten)]
    published: Published,
}

impl Refused {
    fn new(published: Published) -> Refused {
        let (refused, kept) = (published.refused, published.accepted + published.late);
        let mut message = match refused {
            1 => format!("1 record was refused and {kept} kept"),
            refused => format!("{refused} records were refused and {kept} kept"),
        };
        if let Some(first) = published.refusals.first() {
            let first_of = if refused == 1 { "" } else { "the first at " };
            message.push_str(&format!(": {first_of}{first}"));
        }
        Refused { failure: Failure::from(&Failed::new(Code::RefusedRecords, message)), published }
    }
}

#[cfg(test)]
mod tests {
    use dag_codec::Refusal;

    use super::*;

    #[test]
    fn refused_records_are_told_beside_what_became_of_the_others() {
        let refusal = Refusal { line: 17, column: Some("value".to_owned()), reason: "expected float64".to_owned() };
        let published = Published { accepted: 8, refused: 2, refusals: vec![refusal], ..Published::default() };
        let json = serde_json::to_value(Refused::new(published)).unwrap();
        assert_eq!(json["accepted"], 8);
        assert_eq!(json["refusals"][0]["line"], 17);
        assert_eq!(json["error"]["code"], "refused-records");
        assert_eq!(
            json["error"]["message"],
            "2 records were refused and 8 kept: the first at line 17: column `value`: expected float64"
        );
    }
}
