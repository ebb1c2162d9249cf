//! What operators answer when they are bound, and who asks them: a few threads of their own, so that an operator that does not answer holds
//! up nobody but those who want to know of it.
//!
//! An answer is remembered, a refusal for a while. Whoever asks what is being asked already waits for the same answer.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_expr::{Application, Kind};
use dag_lock::{Condvar, Guard, Mutex};
use dag_model::{Digest, Field, Order, Schema};
use dag_plan::OperatorFacts;
use dag_wasm::{CallError, Component, InstanceOptions, Limits};
use tokio::sync::oneshot;

use crate::operators::limits::recorded;

/// The answers that are remembered before they are forgotten all at once.
const ANSWERS: usize = 10_000;

/// How long a refusal is remembered: whoever asks again meanwhile is told the same.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// The same where no instance could be made, which is not the operator's doing.
const NO_ROOM_FOR: Duration = Duration::from_secs(1);

/// How many operators are asked at a time.
const THREADS: usize = 4;

/// How many of one component, each once.
const EACH: usize = 2;

/// How many questions may wait, and how many of them for one operator.
const WAITING: usize = 256;
const WAITING_EACH: usize = 64;

/// How long a thread waits for another question before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Why an operator is not asked now.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// As many questions wait as may.
    #[error("{WAITING} questions wait for operators, which is the limit: try again in a moment")]
    TooMany,
    /// As many wait for this operator as may.
    #[error("{WAITING_EACH} questions wait for operator `{0}`, which is the limit: try again in a moment")]
    TooManyOf(String),
    /// There is no thread to ask on.
    #[error("no thread can be had to ask an operator: {0}")]
    NoThread(#[source] io::Error),
}

/// The name of an aggregate's result column.
pub(super) const VALUE: &str = "value";

/// What an operator answers when it is bound.
#[derive(Clone)]
pub struct Answer {
    /// The output's schema; of an aggregate that of its value alone.
    pub schema: Schema,
    /// What the plan needs to know.
    pub facts: OperatorFacts,
    /// The columns of its input that an aggregate asks for; none of a transform, which is given all.
    pub columns: Vec<usize>,
}

/// What an operator is asked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Question {
    digest: Digest,
    kind: Kind,
    operator: String,
    arguments: Vec<(String, String)>,
    inputs: Vec<(String, Schema)>,
    limits: Limits,
}

impl Question {
    /// What that application asks an instance of the component with that digest, within these limits.
    pub fn new(digest: Digest, application: &Application, limits: Limits) -> Question {
        let arguments = application.arguments.iter().map(|argument| (argument.name.clone(), argument.value.clone()));
        let inputs = application.inputs.iter().map(|input| (input.alias.clone(), input.stream.schema().clone()));
        Question {
            digest,
            kind: application.kind,
            operator: application.operator.clone(),
            arguments: arguments.collect(),
            inputs: inputs.collect(),
            limits,
        }
    }

    fn is_of(&self, (digest, operator): &(Digest, String)) -> bool {
        self.digest == *digest && self.operator == *operator
    }

    /// Binds a new instance. Takes as long as a call may.
    pub fn ask(&self, component: &Component) -> Result<Answer, CallError> {
        let Question { digest, kind, operator, arguments, inputs, limits } = self;
        let arguments: Vec<_> = arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let options = InstanceOptions { label: operator.clone(), limits: *limits, ..InstanceOptions::default() };
        let facts = |lookback, order| OperatorFacts { digest: *digest, lookback, order, limits: recorded(*limits) };
        match kind {
            Kind::Aggregate => {
                let binding = component.aggregate(options)?.bind(operator, &arguments, &inputs[0].1)?;
                let schema = Schema::new(vec![Field::new(VALUE, binding.result)]);
                Ok(Answer { schema, facts: facts(binding.lookback, Order::Log), columns: binding.columns })
            }
            Kind::Transform => {
                let inputs: Vec<_> = inputs.iter().map(|(alias, schema)| (alias.as_str(), schema)).collect();
                let opening = component.transform(options)?.open(operator, &arguments, &inputs)?;
                Ok(Answer {
                    schema: opening.schema,
                    facts: facts(opening.lookback, opening.order),
                    columns: Vec::new(),
                })
            }
        }
    }
}

/// All that was asked, and the threads that ask. Clones are the same.
#[derive(Clone, Default)]
pub struct Questions(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { state: Mutex::new("questions", State::default()), more: Condvar::new() }
    }
}

#[derive(Default)]
struct State {
    answers: HashMap<Question, Known>,
    /// What is to be asked, in this order.
    waiting: VecDeque<(Question, Arc<Component>)>,
    /// What waits or is being asked, and who waits for it.
    open: HashMap<Question, Vec<oneshot::Sender<()>>>,
    /// The operators that are being asked, by component and name.
    asked: Vec<(Digest, String)>,
    threads: usize,
    idle: usize,
}

/// What is remembered.
struct Known {
    answer: Result<Answer, String>,
    /// For how long; none for as long as there is room.
    until: Option<Instant>,
}

impl Questions {
    fn state(&self) -> Guard<'_, State> {
        self.0.state.lock()
    }

    /// What is remembered of that question.
    pub fn known(&self, question: &Question) -> Option<Result<Answer, String>> {
        self.state().known(question).cloned()
    }

    /// What is remembered, else what the operator answers to this thread.
    pub fn ask_here(&self, question: Question, component: &Component) -> Result<Answer, String> {
        if let Some(known) = self.known(&question) {
            return known;
        }
        let answer = question.ask(component);
        self.state().remember(question, answer)
    }

    /// Lets an operator be asked; once this has returned the answer is remembered.
    ///
    /// # Errors
    /// [`NotAsked`] where too many questions wait.
    pub async fn ask(&self, question: Question, component: Arc<Component>) -> Result<(), NotAsked> {
        let (told, answered) = oneshot::channel();
        let begin = {
            let mut state = self.state();
            if state.known(&question).is_some() {
                return Ok(());
            }
            if let Some(others) = state.open.get_mut(&question) {
                others.push(told);
                false
            } else {
                state.admit(&question)?;
                state.open.insert(question.clone(), vec![told]);
                state.waiting.push_back((question, component));
                let begin = state.idle == 0 && state.threads < THREADS;
                state.threads += usize::from(begin);
                begin
            }
        };
        if begin {
            let questions = self.clone();
            let started = dag_alarm::thread("operator-bind", move || questions.work());
            if let Err(error) = started {
                self.state().threads -= 1;
                return Err(NotAsked::NoThread(error));
            }
        } else {
            self.0.more.notify_one();
        }
        // An error would mean that the thread is gone, and with it the process.
        let _ = answered.await;
        Ok(())
    }

    /// Asks one after the other, and ends when there is nothing to ask for a while.
    fn work(&self) {
        let mut state = self.state();
        loop {
            let Some((question, component)) = state.next() else {
                state.idle += 1;
                let (guard, over) = self.0.more.wait_timeout(state, IDLE);
                state = guard;
                state.idle -= 1;
                if over && state.waiting.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            drop(state);
            let answer = question.ask(&component);
            drop(component);
            state = self.state();
            let at = state.asked.iter().position(|asked| question.is_of(asked)).expect("it is being asked");
            state.asked.swap_remove(at);
            let waiting = state.open.remove(&question).unwrap_or_default();
            let _ = state.remember(question, answer);
            for waiting in waiting {
                // An error means that whoever waited is gone.
                let _ = waiting.send(());
            }
            // Others of the same component may have been passed over.
            self.0.more.notify_one();
        }
    }
}

impl State {
    /// Refuses one more question where too many wait.
    fn admit(&self, question: &Question) -> Result<(), NotAsked> {
        let of = (question.digest, question.operator.clone());
        if self.waiting.len() >= WAITING {
            return Err(NotAsked::TooMany);
        }
        match self.waiting.iter().filter(|(other, _)| other.is_of(&of)).count() < WAITING_EACH {
            true => Ok(()),
            false => Err(NotAsked::TooManyOf(question.operator.clone())),
        }
    }

    /// Takes the first question of an operator that is not being asked, of a component that others leave room for.
    fn next(&mut self) -> Option<(Question, Arc<Component>)> {
        let free = |(question, _): &(Question, _)| {
            let of_component = self.asked.iter().filter(|(digest, _)| *digest == question.digest).count();
            of_component < EACH && !self.asked.iter().any(|asked| question.is_of(asked))
        };
        let next = self.waiting.remove(self.waiting.iter().position(free)?)?;
        self.asked.push((next.0.digest, next.0.operator.clone()));
        Some(next)
    }

    fn known(&self, question: &Question) -> Option<&Result<Answer, String>> {
        let known = self.answers.get(question)?;
        known.until.is_none_or(|until| Instant::now() < until).then_some(&known.answer)
    }

    fn remember(&mut self, question: Question, answer: Result<Answer, CallError>) -> Result<Answer, String> {
        let kept_for = match &answer {
            Ok(_) => None,
            Err(CallError::NoRoom(_) | CallError::Memories(_)) => Some(NO_ROOM_FOR),
            Err(_) => Some(REFUSED_FOR),
        };
        let answer = answer.map_err(|error| error.to_string());
        if self.answers.len() >= ANSWERS {
            self.answers.clear();
        }
        let until = kept_for.map(|time| Instant::now() + time);
        self.answers.insert(question, Known { answer: answer.clone(), until });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(operator: &str) -> Question {
        Question {
            digest: Digest([7; 32]),
            kind: Kind::Transform,
            operator: operator.to_owned(),
            arguments: Vec::new(),
            inputs: Vec::new(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn a_refusal_is_remembered_for_a_while() {
        let questions = Questions::default();
        let told = questions.state().remember(question("x"), Err(CallError::Refused("not on a Friday".to_owned())));
        assert!(told.is_err());
        let known = |name: &str| questions.known(&question(name)).map(|known| known.map(drop));
        assert_eq!(known("x"), Some(Err("not on a Friday".to_owned())));
        assert_eq!(known("y"), None);
        let mut state = questions.state();
        let kept = state.answers.get_mut(&question("x")).unwrap();
        assert!(kept.until.unwrap() > Instant::now() + REFUSED_FOR / 2);
        kept.until = Some(Instant::now());
        drop(state);
        assert_eq!(known("x"), None, "it is asked again");
    }
}
