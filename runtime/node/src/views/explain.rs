//! Why is there no output? What a stream and all that feeds it have done, and one cause for each.

use std::sync::Arc;

use dag_api::{Clock, Explained, Explanation};
use dag_expr::{Application, Stream, Window};
use dag_model::{Frontier, Timestamp};
use dag_plan::{Course, Life};

use crate::clock::now;
use crate::streams::source::Origin;
use crate::views::status::last_time;
use crate::views::{ViewError, Views};

impl Views {
    /// Explains a stream without demanding it.
    pub async fn explain(self: &Arc<Self>, text: &str) -> Result<Explanation, ViewError> {
        let stream = self.operators.bound(text).await?;
        let (views, name) = (self.clone(), stream.to_string());
        self.looking
            .run(name.clone(), move || {
                let mut streams = Vec::new();
                views.explain_into(&stream, &mut streams);
                Ok(Explanation { stream: name, streams, clock: now().to_string() })
            })
            .await
    }

    /// Appends the stream and then its inputs; returns its frontier.
    fn explain_into(&self, stream: &Stream, streams: &mut Vec<Explained>) -> Frontier {
        let name = stream.to_string();
        let at = streams.len();
        if let Some(there) = streams.iter().position(|explained| explained.stream == name) {
            return streams[there].frontier.as_deref().map_or(Frontier::START, parse_frontier);
        }
        match stream {
            Stream::Source { name: source, .. }
            | Stream::Late { name: source, .. }
            | Stream::Errors { name: source, .. } => {
                let (explained, frontier) = self.explain_source(name, source);
                streams.push(explained);
                frontier
            }
            Stream::Apply(application) => {
                streams.push(Explained { stream: name, kind: "derived".to_owned(), ..Explained::default() });
                let inputs: Vec<(String, Frontier)> = application
                    .inputs
                    .iter()
                    .map(|input| (input.stream.to_string(), self.explain_into(&input.stream, streams)))
                    .collect();
                let (explained, frontier) = self.explain_derived(stream, application, &inputs);
                streams[at] = explained;
                frontier
            }
        }
    }

    fn explain_source(&self, stream: String, name: &str) -> (Explained, Frontier) {
        let Ok(source) = self.streams.get(name) else { return (Explained::default(), Frontier::START) };
        let stats = source.source.stats();
        let frontier = stats.frontier;
        let cause = match (&source.origin, frontier, stats.joined.first()) {
            (Origin::Errors(of), ..) if stats.records == 0 => format!("`{of}` has skipped nothing yet"),
            (Origin::Errors(of), ..) => format!("the node writes it, with what `{of}` skips"),
            (_, Frontier::Empty, _) => "sealed".to_owned(),
            (_, _, Some(holder)) => {
                let bound = last_time(holder.bound).unwrap_or_else(|| "its first record".to_owned());
                format!("held by publisher `{}` at {bound}; it is taken to have left at {}", holder.name, holder.until)
            }
            (_, _, None) if source.settings.clock == Clock::Node => {
                "no publisher; the node's clock speaks for it".to_owned()
            }
            (_, Frontier::START, None) => "no publisher, and none yet".to_owned(),
            (_, _, None) => "no publisher: its frontier stays until one joins".to_owned(),
        };
        let visible = source.source.log().visible();
        let explained = Explained {
            stream,
            kind: source.origin.kind().to_owned(),
            state: if frontier == Frontier::Empty { "sealed" } else { "open" }.to_owned(),
            records_in: stats.records,
            records_out: stats.records - stats.late,
            late: stats.late,
            refused: source.refused(),
            last_time: last_time(visible.max_time),
            frontier: frontier.shown(),
            next: None,
            cause: Some(cause),
            skipped: Vec::new(),
        };
        (explained, frontier)
    }

    /// What is said of a stream that nobody has subscribed to, or that waits for something to appear.
    fn absent(&self, name: String) -> Explained {
        let waiting = self.readers.waiting().into_iter().find(|(text, _)| *text == name).map(|(_, what)| what);
        let cause = waiting.map_or_else(|| "nobody subscribes to it".to_owned(), |what| format!("waiting: {what}"));
        Explained {
            stream: name,
            kind: "derived".to_owned(),
            state: "absent".to_owned(),
            cause: Some(cause),
            ..Explained::default()
        }
    }

    fn explain_derived(
        &self,
        stream: &Stream,
        application: &Application,
        inputs: &[(String, Frontier)],
    ) -> (Explained, Frontier) {
        let name = stream.to_string();
        let plan = self.meta.plan();
        let courses = plan.incarnations_of(&name).map(|(_, course)| &**course);
        let courses: Vec<&Course> = courses.filter(|course| course.record.until.is_none()).collect();
        let Some(course) = courses.iter().rev().find(|course| course.is_live()).or(courses.last()) else {
            return (self.absent(name), Frontier::START);
        };
        let id = course.record.id;
        let look = self.computations.look_at(id);
        let records_in = look.running.as_ref().map_or(0, |running| running.progress().records_in());
        let life = look.life(&plan, course);
        let skipped =
            course.record.skipped.iter().map(|skipped| self.computations.skipped_record(&course.record, skipped));
        let skipped = skipped.collect();
        self.computations.logs().look(id);
        let visible = self.computations.logs().visible(id);
        let frontier = visible.as_ref().map_or(Frontier::START, |visible| visible.frontier);
        let records_out = visible.as_ref().map_or(0, |visible| visible.end);
        let next = match (application.window, frontier) {
            (Some(Window::Hopping { size, .. }), Frontier::At(Timestamp(start))) if start > i64::MIN => {
                Some(Timestamp(start.saturating_add(size)))
            }
            _ => None,
        };
        let cause = cause(course, life, inputs, next, (records_in, records_out));
        let explained = Explained {
            stream: name,
            kind: "derived".to_owned(),
            state: life.to_owned(),
            records_in,
            records_out,
            late: 0,
            refused: 0,
            last_time: visible.and_then(|visible| last_time(visible.max_time)),
            frontier: frontier.shown(),
            next: next.map(|time| time.to_string()),
            cause: Some(cause),
            skipped,
        };
        (explained, frontier)
    }
}

/// Why a computation has got as far as it has, and no further.
fn cause(
    course: &Course,
    life: &str,
    inputs: &[(String, Frontier)],
    next: Option<Timestamp>,
    (records_in, records_out): (u64, u64),
) -> String {
    let slowest = inputs.iter().min_by_key(|(_, frontier)| *frontier);
    match &course.life {
        Life::Failed(why) | Life::Quarantined(why) | Life::Lost(why) => why.clone(),
        Life::Finished => "sealed: all of it is there".to_owned(),
        Life::Stored => "nobody subscribes to it".to_owned(),
        Life::Live { .. } if life == "lingering" => "nobody subscribes to it any more; it lingers".to_owned(),
        Life::Live { .. } => match (slowest, next) {
            (Some((input, Frontier::START)), _) => format!("waiting for the first record of {input}"),
            (Some((input, Frontier::At(time))), Some(end)) => {
                format!("window open until {end}; {input} has got to {time}")
            }
            (Some((input, Frontier::At(time))), None) if records_out == 0 && records_in > 0 => {
                format!("none of {records_in} records passed; {input} has got to {time}")
            }
            (Some((input, frontier)), None) if inputs.len() > 1 => format!("held by {input} at {frontier}"),
            (Some((input, frontier)), _) => format!("up to date with {input}, which has got to {frontier}"),
            (None, _) => "it has no inputs".to_owned(),
        },
    }
}

fn parse_frontier(text: &str) -> Frontier {
    match text {
        "sealed" => Frontier::Empty,
        text => dag_frame::time::parse(text).map_or(Frontier::START, |time| Frontier::At(Timestamp(time))),
    }
}
