//! What a guest can ask for: a line in the log, and the seeded generator.

use std::time::Instant;

use wasmtime::component::HasSelf;

use crate::bindings::{host, types};
use crate::chatter::{Admission, Chatter};
use crate::instance::InstanceOptions;
use crate::limits::Usage;
use crate::words;

/// The host's side of one instance; the data of its store.
pub struct Host {
    label: String,
    random: u64,
    pub(crate) usage: Usage,
    chatter: Chatter,
    /// The last line of level error in this call: a guest that panics writes why, then traps without text.
    last_error: Option<String>,
}

/// The linker's way from a store's data to the host: the data is the host.
pub type ThisHost = HasSelf<Host>;

impl Host {
    /// A host for an instance that is made with these options.
    pub fn new(options: InstanceOptions) -> Host {
        let InstanceOptions { label, random, limits, holder } = options;
        Host { label, random, usage: Usage::new(&limits, holder), chatter: Chatter::default(), last_error: None }
    }

    /// Where the generator is: one that is made with this goes on from here.
    pub fn random_state(&self) -> u64 {
        self.random
    }

    /// To be called before each call of the guest.
    pub fn begin(&mut self) {
        self.last_error = None;
    }

    /// Why the guest gave up, if it said so.
    pub fn last_words(&mut self) -> Option<String> {
        self.last_error.take()
    }
}

impl types::Host for Host {}

impl host::Host for Host {
    fn log(&mut self, level: host::Level, message: String) {
        let message = words::fit(message);
        let expression = self.label.as_str();
        match self.chatter.admit(Instant::now()) {
            Admission::Written { left_out } => {
                if left_out > 0 {
                    tracing::warn!(expression, left_out, "lines of the operator were left out");
                }
                match level {
                    host::Level::Debug => tracing::debug!(expression, "{message}"),
                    host::Level::Info => tracing::info!(expression, "{message}"),
                    host::Level::Warn => tracing::warn!(expression, "{message}"),
                    host::Level::Error => tracing::error!(expression, "{message}"),
                }
            }
            Admission::FirstLeftOut => tracing::warn!(expression, "the operator logs too much; lines are left out"),
            Admission::LeftOut => {}
        }
        if level == host::Level::Error {
            self.last_error = Some(message);
        }
    }

    /// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. All of its state is one number.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::host::Host as _;

    #[test]
    fn the_generator_is_splitmix64_and_goes_on_from_its_state() {
        let at = |random| Host::new(InstanceOptions { random, ..InstanceOptions::default() });
        let mut host = at(1234567);
        let drawn = [host.random(), host.random(), host.random()];
        assert_eq!(drawn, [6457827717110365317, 3203168211198807973, 9817491932198370423]);

        let mut next = at(host.random_state());
        assert_eq!(next.random(), host.random());
    }
}
