//! What a node does with what others ask of it.

use bytes::Bytes;

use crate::bulk::{Receiver, Sender};
use crate::class::Class;
use crate::hub::{Event, Remote};
use crate::refusal::Refusal;

/// What a node does with what others say and ask. All of it comes from nodes of the cluster, by the certificates that they show.
///
/// What comes on control is worked on by control's one thread: it must not wait for anything but by `await`. A request whose caller has gone,
/// and whatever belongs to a connection that is gone, is dropped where it waits. A panic in what answers breaks that stream off; one in
/// [`heartbeat`](Service::heartbeat), [`message`](Service::message) or [`event`](Service::event) ends the process.
pub trait Service: Send + Sync + 'static {
    /// A node lives.
    fn heartbeat(&self, from: &Remote, heartbeat: Bytes);

    /// A message. The next one of the same connection is read when this has returned: who is slow here holds back its sender, and nobody else.
    fn message(&self, from: &Remote, class: Class, message: Bytes) -> impl Future<Output = ()> + Send;

    /// A request, to be answered or refused.
    fn request(&self, from: &Remote, request: Bytes) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// Somebody wants what `head` says, part by part. Its end is said when this returns, or why there is none.
    fn download(
        &self,
        from: &Remote,
        head: Bytes,
        parts: &mut Sender,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Somebody brings what `head` says, part by part, and wants an answer.
    fn upload(
        &self,
        from: &Remote,
        head: Bytes,
        parts: &mut Receiver,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// A connection that this node has dialled is up, or is gone. Called where nothing may wait.
    fn event(&self, event: Event);
}
