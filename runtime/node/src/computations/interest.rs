//! What a computation needs to hear of the sources below it: as long as it runs, it holds an interest in each.

use std::collections::BTreeMap;

use dag_expr::{Application, Stream, Window};
use dag_model::Lookback;

use crate::operators::catalog::Catalog;
use crate::streams::Streams;
use crate::streams::interest::{Interest, Reach};

/// Holds the interests of the computation of that application.
pub(crate) fn hold(streams: &Streams, catalog: &Catalog, application: &Application) -> Vec<Interest> {
    let mut reaches = BTreeMap::new();
    collect(catalog, application, Reach::For(0), &mut reaches);
    reaches.into_iter().map(|(stream, reach)| streams.interest(stream.to_owned(), reach)).collect()
}

/// For how long after a record of each source results of it may still come, where what reads the results has that reach `above`.
fn collect<'a>(catalog: &Catalog, application: &'a Application, above: Reach, reaches: &mut BTreeMap<&'a str, Reach>) {
    let reach = above.beyond(own(catalog, application));
    for input in &application.inputs {
        match &input.stream {
            Stream::Apply(below) => collect(catalog, below, reach, reaches),
            Stream::Source { name, .. } | Stream::Late { name, .. } | Stream::Errors { name, .. } => {
                let most = reaches.entry(name).or_insert(reach);
                *most = reach.max(*most);
            }
        }
    }
}

/// How long after a record of its input its own results may still come.
fn own(catalog: &Catalog, application: &Application) -> Reach {
    if application.inputs.len() > 1 {
        return Reach::Ever;
    }
    match application.window {
        Some(Window::Hopping { size, .. }) => Reach::For(size),
        Some(Window::Session { gap }) => Reach::For(gap),
        Some(Window::Running) => Reach::For(0),
        // What is not remembered any more counts as not known.
        None => match catalog.known(application).map(|answer| answer.facts.lookback) {
            Ok(Lookback::Duration(reach)) => Reach::For(reach),
            Ok(Lookback::None | Lookback::Unbounded) => Reach::For(0),
            Err(_) => Reach::Ever,
        },
    }
}
