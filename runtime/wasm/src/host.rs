//! What a guest can ask for: a line in the log, the seeded generator, and what of WASI is made of these.

use std::time::Instant;

use wasmtime::component::HasSelf;

use crate::bindings::{host, types};
use crate::chatter::{Admission, Chatter};
use crate::generator::Generator;
use crate::instance::InstanceOptions;
use crate::limits::Usage;
use crate::wasi::{self, Wasi};
use crate::words;

/// The host's side of one instance; the data of its store.
pub struct Host {
    label: String,
    pub(crate) generator: Generator,
    pub(crate) wasi: Wasi,
    pub(crate) usage: Usage,
    chatter: Chatter,
    /// The last line of level error in this call: a guest that panics writes why, then traps without text.
    last_error: Option<String>,
    /// What it wrote to standard error in this call, up to [`words::MOST`] bytes: other toolchains' guests say there why they give up.
    stderr: String,
}

/// The linker's way from a store's data to the host: the data is the host.
pub type ThisHost = HasSelf<Host>;

impl Host {
    /// A host for an instance that is made with these options.
    pub fn new(options: InstanceOptions) -> Host {
        let InstanceOptions { label, random, limits, holder } = options;
        Host {
            label,
            generator: Generator::new(random),
            wasi: Wasi::default(),
            usage: Usage::new(&limits, holder),
            chatter: Chatter::default(),
            last_error: None,
            stderr: String::new(),
        }
    }

    /// To be called before each call of the guest.
    pub fn begin(&mut self) {
        self.last_error = None;
        self.stderr.clear();
    }

    /// To be called after each call of the guest: what it wrote of a line is logged, too.
    pub fn end(&mut self) {
        (0..self.wasi.lines.len()).for_each(|index| wasi::end_line(self, index));
    }

    /// Why the guest gave up, if it said so.
    pub fn last_words(&mut self) -> Option<String> {
        let written = std::mem::take(&mut self.stderr);
        self.last_error.take().or(Some(written).filter(|written| !written.is_empty()))
    }

    /// Remembers a line of standard error, until the next call begins.
    pub(crate) fn remember(&mut self, line: &str) {
        if !self.stderr.is_empty() {
            self.stderr.push('\n');
        }
        self.stderr.push_str(line);
        if self.stderr.len() > words::MOST {
            self.stderr = words::fit(std::mem::take(&mut self.stderr));
        }
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

    fn random(&mut self) -> u64 {
        self.generator.draw()
    }
}
