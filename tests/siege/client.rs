//! Somebody who attacks: one attack after the other, in an order that follows from the seed.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dag_tests::chance::Chance;
use dag_tests::feed::Feed;
use dag_tests::http::Answer;
use dag_tests::{Http, crew};
use serde_json::{Value, json};

use crate::attack::{ATTACKS, Attack};

/// How long one that subscribes stays: long enough that a computation gets to work.
const STAYS: Duration = Duration::from_secs(2);

/// What each client does now, by its number.
static NOW: Mutex<BTreeMap<u64, &str>> = Mutex::new(BTreeMap::new());

/// How often each attack was made.
static COUNTS: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

/// Attacks until it is over, and returns how often.
pub fn attack(url: &str, number: u64, seed: u64, over: &AtomicBool) -> u64 {
    let chance = Chance::new(seed.wrapping_mul(1_000).wrapping_add(number));
    let mut client = Client { url: url.to_owned(), http: Http::new(url), number, chance };
    let only = env::var("DAG_TESTS_ATTACK").ok();
    let attacks: Vec<&Attack> =
        ATTACKS.iter().filter(|attack| only.as_ref().is_none_or(|only| attack.name == *only)).collect();
    let mut made = 0;
    while !over.load(Ordering::SeqCst) && !crew::has_failed() {
        let Attack { name, make } = attacks[client.below(attacks.len() as u64) as usize];
        NOW.lock().unwrap_or_else(PoisonError::into_inner).insert(number, name);
        make(&mut client);
        *COUNTS.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        made += 1;
    }
    made
}

/// What is being done.
pub fn now() -> Vec<&'static str> {
    NOW.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
}

/// How often each attack was made.
pub fn counts() -> String {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// A client that expects nothing: what it sends may be refused, and connections may break. Only that a node says `internal` is a fault,
/// whatever was sent.
pub struct Client {
    pub url: String,
    http: Http,
    number: u64,
    chance: Chance,
}

impl Client {
    /// A random number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.chance.below(bound)
    }

    /// One of these.
    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A name of its own, the same each time.
    pub fn own(&self, name: &str) -> String {
        format!("{name}_{}", self.number)
    }

    /// Posts, and returns the answer if there is one.
    #[track_caller]
    pub fn post(&self, path: &str, parameters: &[(&str, &str)], media: &str, body: &[u8]) -> Option<Answer> {
        checked(self.http.try_post(path, parameters, media, body).ok()?)
    }

    /// Gets, and returns the answer if there is one.
    #[track_caller]
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Answer> {
        checked(self.http.try_get(path, parameters).ok()?)
    }

    /// Makes a stream; whether it is a new one.
    #[track_caller]
    pub fn create(&self, name: &str, columns: &[(&str, &str)], settings: Value) -> bool {
        let schema: Vec<_> = columns.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
        let mut stream = json!({"name": name, "schema": schema});
        for (name, value) in settings.as_object().into_iter().flatten() {
            stream[name] = value.clone();
        }
        let answer = self.post("streams", &[], "application/json", stream.to_string().as_bytes());
        answer.is_some_and(|answer| answer.status == 201)
    }

    /// Publishes records of the past.
    #[track_caller]
    pub fn publish(&self, stream: &str, parameters: &[(&str, &str)], media: &str, body: &[u8]) -> Option<Answer> {
        let parameters = [&[("history", "true")], parameters].concat();
        self.post(&format!("streams/{stream}/records"), &parameters, media, body)
    }

    /// Subscribes, reads up to so many lines for a while, and goes.
    #[track_caller]
    pub fn look(&self, expression: &str, lines: usize) -> usize {
        let feed = Feed::open(&self.url, &[("expr", expression), ("from", "earliest")]);
        match feed {
            Ok(Ok(mut feed)) => (0..lines).map_while(|_| feed.line(STAYS)).count(),
            Ok(Err(refused)) => checked(refused).map_or(0, |_| 0),
            Err(_) => 0,
        }
    }
}

/// Looks whether an answer is one that a node may give to anything.
#[track_caller]
fn checked(answer: Answer) -> Option<Answer> {
    assert_ne!(answer.status, 500, "{answer:?}; attacked by {:?}", now());
    Some(answer)
}
