//! What all who take part know: how far the kills are.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Plan;
use super::publisher::PUBLISHERS;
use crate::alarm::Alarm;
use crate::http::Answer;

/// How often a publisher goes on that is ahead of the kills.
const AHEAD: Duration = Duration::from_millis(250);

/// What all who take part know.
#[derive(Debug)]
pub(super) struct Shared {
    /// Which start of the node this is, from 1.
    pub life: AtomicU64,
    /// Whether all values are published.
    pub done: AtomicBool,
    /// What the run is.
    pub plan: Plan,
    /// How many publishers are not done.
    publishing: AtomicU64,
    /// How often it was killed.
    killed: AtomicU64,
    /// The lives that acknowledged a publish.
    acknowledged: Mutex<BTreeSet<u64>>,
    /// The lives whose end broke off a publish.
    broken: Mutex<BTreeSet<u64>>,
    /// How often a node has answered anybody.
    answers: AtomicU64,
}

impl Shared {
    pub fn new(plan: Plan) -> Shared {
        Shared {
            life: AtomicU64::new(0),
            done: AtomicBool::new(false),
            plan,
            publishing: AtomicU64::new(PUBLISHERS),
            killed: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            broken: Mutex::default(),
            answers: AtomicU64::new(0),
        }
    }

    /// Between two attempts.
    pub fn pause(&self) {
        self.rest(Duration::from_millis(20));
    }

    /// Does nothing for a while.
    pub fn rest(&self, time: Duration) {
        Alarm::mine().check();
        thread::sleep(time);
    }

    /// A node has answered somebody.
    pub fn was_answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }

    /// How often a node has answered anybody.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    /// Whether all other publishers are done.
    pub fn is_last_publisher(&self) -> bool {
        self.publishing.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Waits until so much may be published: the values last until the last kill. Who is ahead goes on slowly, since some
    /// kills only land while records come.
    pub fn wait_for_turn(&self, first: u64) {
        let share = self.plan.records / (self.plan.kills as u64 + 1);
        let ahead = |killed: u64| killed < self.plan.kills as u64 && first >= share * (killed + 1);
        let begun = Instant::now();
        while ahead(self.killed.load(Ordering::SeqCst)) && begun.elapsed() < AHEAD {
            self.pause();
        }
    }

    /// The node was killed.
    pub fn was_killed(&self) {
        self.killed.fetch_add(1, Ordering::SeqCst);
    }

    /// How many of the node's lives ended while publishes were acknowledged and another was under way.
    pub fn broken_lives(&self) -> usize {
        let (acknowledged, broken) = (self.acknowledged.lock(), self.broken.lock());
        let expected = "nobody panics holding it";
        acknowledged.expect(expected).intersection(&broken.expect(expected)).count()
    }

    /// A publish was acknowledged in that life of the node.
    pub fn acknowledged(&self, life: u64) {
        self.was_answered();
        self.acknowledged.lock().expect("nobody panics holding it").insert(life);
    }

    /// A publish in that life of the node broke off.
    pub fn broken_off(&self, life: u64) {
        self.broken.lock().expect("nobody panics holding it").insert(life);
    }

    /// Asks again until there is an answer, which has to be good.
    pub fn until_answered(&self, ask: impl Fn() -> Result<Answer, ureq::Error>) {
        loop {
            match ask() {
                Ok(answer) if answer.status == 429 => {}
                Ok(answer) => {
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    self.was_answered();
                    return;
                }
                Err(_) => {}
            }
            self.pause();
        }
    }
}
