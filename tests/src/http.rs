//! The node's HTTP API, without the CLI.

use std::io::{BufRead, BufReader};

use serde_json::Value;
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use crate::alarm::Alarm;
use crate::feed::Feed;
use crate::wait::{CAP, DEADLINE};

/// A client of one node.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    base: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Http {
    /// A client of the node at that URL.
    pub fn new(base: &str) -> Http {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(DEADLINE))
            .timeout_recv_response(Some(DEADLINE))
            .max_idle_connections(0)
            .build();
        Http { agent: config.new_agent(), base: base.to_owned() }
    }

    /// `GET` of a path under `/v1` with these parameters.
    ///
    /// # Panics
    /// If there is no answer; and so for the others.
    #[track_caller]
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let response = self.request(path, parameters);
        Answer { status: response.status().as_u16(), body: text(response.into_body()) }
    }

    /// `POST` to a path under `/v1` with these parameters.
    #[track_caller]
    pub fn post(&self, path: &str, parameters: &[(&str, &str)], media: &str, body: &[u8]) -> Answer {
        answered("POST", path, self.try_post(path, parameters, media, body))
    }

    /// The same, where the node may be gone.
    ///
    /// # Errors
    /// If there is no answer, or not all of one.
    pub fn try_post(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        media: &str,
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(format!("{}/v1/{path}", self.base)).content_type(media);
        request = request.config().timeout_global(Some(CAP)).build();
        for (name, value) in parameters {
            request = request.query(name, value);
        }
        let response = request.send(body)?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.into_body().with_config().limit(u64::MAX).read_to_string()? })
    }

    /// `GET` of a path under `/v1`, where the node may be gone.
    ///
    /// # Errors
    /// If there is no answer, or not all of one.
    pub fn try_get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        let response = self.getting(path, parameters).config().timeout_global(Some(CAP)).build().call()?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.into_body().with_config().limit(u64::MAX).read_to_string()? })
    }

    /// `GET` of a body that goes on, where the node may be gone: its status, and what reads the body.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn try_read(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(u16, impl BufRead + use<>), ureq::Error> {
        let response = self.getting(path, parameters).call()?;
        Ok((response.status().as_u16(), BufReader::new(response.into_body().into_reader())))
    }

    /// `PATCH` of a path under `/v1` with this JSON.
    #[track_caller]
    pub fn patch(&self, path: &str, json: &str) -> Answer {
        let request = self.agent.patch(format!("{}/v1/{path}", self.base)).content_type("application/json");
        let response = answered("PATCH", path, request.send(json));
        Answer { status: response.status().as_u16(), body: text(response.into_body()) }
    }

    /// `DELETE` of a path under `/v1` with these parameters.
    #[track_caller]
    pub fn delete(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let request = self.agent.delete(format!("{}/v1/{path}", self.base)).query_pairs(parameters.iter().copied());
        let response = answered("DELETE", path, request.call());
        Answer { status: response.status().as_u16(), body: text(response.into_body()) }
    }

    /// Publishes NDJSON to a stream.
    #[track_caller]
    pub fn publish(&self, stream: &str, parameters: &[(&str, &str)], ndjson: &str) -> Answer {
        self.post(&format!("streams/{stream}/records"), parameters, "application/x-ndjson", ndjson.as_bytes())
    }

    /// The same at a node that may go meanwhile.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub fn try_publish(&self, stream: &str, parameters: &[(&str, &str)], ndjson: &str) -> Result<Answer, String> {
        let mut request = self.agent.post(format!("{}/v1/streams/{stream}/records", self.base));
        for (name, value) in parameters {
            request = request.query(name, value);
        }
        let response = request.content_type("application/x-ndjson").send(ndjson).map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().read_to_string().map_err(|error| error.to_string())?;
        Ok(Answer { status, body })
    }

    /// `GET` of a whole body that is not text.
    #[track_caller]
    pub fn bytes(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
        let response = self.request(path, parameters);
        assert_eq!(response.status().as_u16(), 200, "GET {path} {parameters:?}");
        response.into_body().with_config().limit(u64::MAX).read_to_vec().expect("the node sends all of it")
    }

    /// `GET` of a body that goes on; its lines as they come. Dropping it closes the connection.
    #[track_caller]
    pub fn lines(&self, path: &str, parameters: &[(&str, &str)]) -> impl Iterator<Item = String> + use<> {
        let feed = answered("GET", path, Feed::of(&self.base, path, parameters));
        feed.unwrap_or_else(|refusal| panic!("GET {path} {parameters:?}: {refusal:?}")).lines()
    }

    #[track_caller]
    fn request(&self, path: &str, parameters: &[(&str, &str)]) -> ureq::http::Response<Body> {
        let request = self.getting(path, parameters).config().timeout_global(Some(CAP)).build();
        answered("GET", path, request.call())
    }

    fn getting(&self, path: &str, parameters: &[(&str, &str)]) -> RequestBuilder<WithoutBody> {
        let request = self.agent.get(format!("{}/v1/{path}", self.base)).header("dag-client", "tests");
        parameters.iter().fold(request, |request, (name, value)| request.query(name, value))
    }
}

/// What a request came to.
///
/// # Panics
/// If to nothing: with the reason for which the node may be gone, where a thread of the test has failed.
#[track_caller]
fn answered<T>(method: &str, path: &str, answer: Result<T, impl std::fmt::Display>) -> T {
    answer.unwrap_or_else(|error| {
        let alarm = Alarm::mine();
        alarm.check();
        panic!("{method} {path}: {error}{}", alarm.scene())
    })
}

fn text(mut body: Body) -> String {
    body.with_config().limit(u64::MAX).read_to_string().expect("the node answers in UTF-8")
}
