//! A clock that goes as fast as the machine.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::alarm::Alarm;

/// How long a tick takes on a machine that does nothing else.
pub const TICK: Duration = Duration::from_millis(20);

/// Ticks that a busy machine, or one whose disk is slow, makes longer as it does everything else: each is a short sleep and a sync of a file.
#[derive(Debug)]
pub struct Pace(File);

impl Pace {
    /// A clock on the disk of that folder.
    pub fn on(folder: &Path) -> Pace {
        Pace(File::create(folder.join("pace")).expect("it is a folder"))
    }

    /// Waits for a tick.
    ///
    /// # Panics
    /// Where another thread of the test has failed, so that who only ticks ends, too.
    #[track_caller]
    pub fn tick(&self) {
        Alarm::mine().check();
        thread::sleep(TICK);
        // There is something to sync.
        let length = self.0.metadata().expect("it is a file").len();
        self.0.set_len(1 - length.min(1)).expect("it is a file");
        self.0.sync_all().expect("the disk works");
    }
}
