//! Retention: records that a stream keeps no longer are removed.

use crate::clock::now;
use crate::streams::Streams;

impl Streams {
    /// Removes what retention no longer keeps.
    pub fn trim(&self) {
        let wall = now();
        for (name, stream) in self.all().iter() {
            if let Err(error) = stream.source.log().trim(wall) {
                tracing::warn!(stream = name, %error, "cannot remove old records");
            }
        }
    }
}
