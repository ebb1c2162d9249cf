//! Threads that a test works with: where one of them fails, all end, and the test says why.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, resume_unwind};
use std::thread::{self, Scope, ScopedJoinHandle};

use crate::alarm::Alarm;
use crate::wait::EVERY;

/// Runs a test's work with threads that may borrow from it; see [`Crew::spawn`]. It returns once all of them have.
///
/// # Panics
/// With the first failure of any of them.
pub fn scope<'env, T>(work: impl for<'scope> FnOnce(&Crew<'scope, 'env>) -> T) -> T {
    let alarm = Alarm::mine();
    let done = thread::scope(|scope| {
        let done = panic::catch_unwind(AssertUnwindSafe(|| work(&Crew { scope, alarm: alarm.clone() })));
        // Otherwise those who wait for what this thread would have done are waited for here.
        done.inspect_err(|why| alarm.ring(told("the test's own thread", why.as_ref())))
    });
    match (done, alarm.reason()) {
        (Ok(value), None) => value,
        (Ok(_), Some(reason)) => {
            Alarm::leave();
            panic!("{reason}");
        }
        (Err(why), _) => {
            Alarm::leave();
            resume_unwind(why);
        }
    }
}

/// Whether a thread of this test has failed.
pub fn has_failed() -> bool {
    Alarm::mine().reason().is_some()
}

/// Threads that end before the test goes on.
#[derive(Debug)]
pub struct Crew<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    alarm: Alarm,
}

impl<'scope> Crew<'scope, '_> {
    /// Ends the test's own thread where another one has failed.
    ///
    /// # Panics
    /// Then, with the reason.
    #[track_caller]
    pub fn check(&self) {
        self.alarm.check();
    }

    /// Starts one. `name` is who failed, if it does.
    pub fn spawn<T: Send + 'scope>(
        &self,
        name: impl Into<String>,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedHand<'scope, T> {
        let (name, alarm) = (name.into(), self.alarm.clone());
        ScopedHand(self.scope.spawn(move || guarded(&name, alarm, work)))
    }
}

/// A thread of a [`scope`].
#[derive(Debug)]
pub struct ScopedHand<'scope, T>(ScopedJoinHandle<'scope, Option<T>>);

impl<T> ScopedHand<'_, T> {
    /// What it came to.
    ///
    /// # Panics
    /// With the first failure of any thread of the test.
    #[track_caller]
    pub fn join(self) -> T {
        until_finished(|| self.0.is_finished());
        joined(self.0.join().ok().flatten())
    }

    /// Whether it is done.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Starts a thread of the test that borrows nothing.
pub fn spawn<T: Send + 'static>(name: impl Into<String>, work: impl FnOnce() -> T + Send + 'static) -> Hand<T> {
    let (name, alarm) = (name.into(), Alarm::mine());
    Hand { thread: Some(thread::spawn(move || guarded(&name, alarm, work))) }
}

/// A thread of the test.
#[derive(Debug)]
pub struct Hand<T> {
    thread: Option<thread::JoinHandle<Option<T>>>,
}

impl<T> Hand<T> {
    /// What it came to.
    ///
    /// # Panics
    /// With the first failure of any thread of the test.
    #[track_caller]
    pub fn join(mut self) -> T {
        until_finished(|| self.is_finished());
        joined(self.thread.take().and_then(|thread| thread.join().ok().flatten()))
    }

    /// Whether it is done.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }
}

impl<T> Drop for Hand<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            // It fails next, since the test's nodes go; that is no affair of the next test on this thread.
            Alarm::leave();
        }
    }
}

/// Waits for a thread, which has waits of its own: how long is theirs to say.
#[track_caller]
fn until_finished(finished: impl Fn() -> bool) {
    let alarm = Alarm::mine();
    while !finished() {
        alarm.check();
        thread::sleep(EVERY);
    }
}

#[track_caller]
fn joined<T>(value: Option<T>) -> T {
    Alarm::mine().check();
    value.expect("who has not failed has a value")
}

/// Does a thread's work; if that panics, all others of the test learn it.
fn guarded<T>(name: &str, alarm: Alarm, work: impl FnOnce() -> T) -> Option<T> {
    alarm.clone().adopt();
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    done.inspect_err(|why| alarm.ring(told(name, why.as_ref()))).ok()
}

fn told(name: &str, why: &(dyn Any + Send)) -> String {
    format!("{name} failed: {}", text(why))
}

/// What a panic says.
fn text(why: &(dyn Any + Send)) -> &str {
    let text = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
    text.unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::process::Process;
    use crate::wait::until;

    /// Less than any wait in vain, and more than a busy machine needs.
    const SOON: Duration = Duration::from_secs(40);

    /// Why that failed.
    fn failure(work: impl FnOnce()) -> String {
        let why = panic::catch_unwind(AssertUnwindSafe(work)).expect_err("it fails");
        text(why.as_ref()).to_owned()
    }

    /// A process that never ends and never writes.
    fn silent() -> Process {
        let mut command = Command::new("sleep");
        command.arg("1000");
        Process::start(command)
    }

    #[test]
    fn a_failure_in_one_thread_ends_all_that_wait_whatever_for() {
        let begun = Instant::now();
        let why = failure(|| {
            let mut process = silent();
            scope(|crew| {
                crew.spawn("who waits", || until("pigs fly", 10 * SOON, || None::<()>));
                crew.spawn("who reads", move || process.line());
                crew.spawn("who works", || panic!("the last straw"));
                until("all is well", 10 * SOON, || None::<()>);
            });
        });
        assert!(why.contains("who works failed: the last straw"), "{why}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_failure_of_the_tests_own_thread_ends_those_it_works_with() {
        let why = failure(|| {
            let mut process = silent();
            scope(|crew| {
                crew.spawn("who reads", move || process.line());
                panic!("{} is missing", "the point");
            });
        });
        assert_eq!(why, "the point is missing");
    }

    #[test]
    fn a_thread_that_borrows_nothing_tells_the_test_why_it_failed_and_the_next_test_is_a_new_one() {
        let why = failure(|| spawn("who works", || assert_eq!(1, 2)).join());
        assert!(why.contains("who works failed: ") && why.contains("left: 1"), "{why}");
        assert!(!has_failed());
        assert_eq!(spawn("who works", || 5).join(), 5);
    }
}
