//! Another node, as this one talks to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use dag_model::NodeId;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::bulk::{BulkError, PARTS, Receiver, Sender, UPLOAD_BACK};
use crate::class::Class;
use crate::error::{OpenError, RequestError, SendError};
use crate::frame::{Allowed, Kind};
use crate::hub::Remote;
use crate::limits::{MAX_BULK_HEAD, MAX_CREDIT, MAX_HEARTBEAT, MAX_REQUEST, WINDOW};
use crate::link::{Link, State, Up};
use crate::refusal::{MAX_TEXT, Refusal};
use crate::stream::{Broken, Incoming, Outgoing};

const ANSWERS: Allowed = &[(Kind::Answer, MAX_REQUEST), (Kind::Refused, 2 + MAX_TEXT)];

/// Another node. Its connections are dialled by themselves, and again when they are lost.
#[derive(Clone)]
pub struct Peer {
    pub(crate) control: Arc<Link>,
    pub(crate) data: Arc<Link>,
    pub(crate) runtime: Handle,
}

/// Parts that go to another node, which answers in the end.
pub struct Upload {
    parts: Sender,
    _place: OwnedSemaphorePermit,
}

/// Parts that come from another node.
pub struct Download {
    parts: Receiver,
    _place: OwnedSemaphorePermit,
}

impl Peer {
    /// Its number.
    pub fn node(&self) -> NodeId {
        self.control.node
    }

    /// Who is at the other end of a connection, or why there is none. It waits for the first dial.
    pub async fn remote(&self, class: Class) -> Result<Remote, Arc<crate::error::DialError>> {
        Ok(self.link(class).up().await?.remote.clone())
    }

    /// Sends a heartbeat: at once, before all else that goes to the node, and once. It may be lost.
    pub fn heartbeat(&self, heartbeat: Bytes) -> Result<(), SendError> {
        if heartbeat.len() > MAX_HEARTBEAT {
            return Err(SendError::HeartbeatTooLong(heartbeat.len()));
        }
        match self.control.state() {
            // It fails where the connection is gone, which the link is about to see.
            State::Up(up) => up.connection.send_datagram(heartbeat).map_err(|_| SendError::NotYet),
            State::Dialling => Err(SendError::NotYet),
            State::Down(why) => Err(SendError::Down(why)),
        }
    }

    /// Sends a message behind those before it on the same class. It arrives once and in order, or with the connection it is lost, and so are
    /// those that wait behind it: [`Event::Up`](crate::Event) says when to begin anew.
    pub fn send(&self, class: Class, message: Bytes) -> Result<(), SendError> {
        let (link, length, most) = (self.link(class), message.len(), class.most());
        if length > most {
            return Err(SendError::TooLong { length, most });
        }
        if let State::Down(why) = link.state() {
            return Err(SendError::Down(why));
        }
        let full = |waiting| SendError::Full { node: link.node, waiting, most: class.most_queued() };
        link.queue.push(message).map_err(full)
    }

    /// Asks for an answer. Where it is dropped, or late, the other node is told to forget it, and may have done it.
    pub async fn request(&self, request: Bytes, within: Duration) -> Result<Bytes, RequestError> {
        if request.len() > MAX_REQUEST {
            return Err(RequestError::TooLong(request.len()));
        }
        let (node, deadline) = (self.node(), Instant::now() + within);
        let late = |_| RequestError::Late(node, within);
        let up = timeout_at(deadline, self.control.up()).await.map_err(late)??;
        let places = timeout_at(deadline, places(&self.control, request.len())).await;
        let places = places.map_err(|_| RequestError::Busy(node))?;
        // Read by a task: whoever is slow to take an answer leaves it in memory, not in the connection's window.
        let asked = self.runtime.spawn(dag_alarm::task("request to another node", async move {
            let _places = places;
            ask(&up, request).await
        }));
        let mut asked = Aborted(asked);
        let answer = timeout_at(deadline, &mut asked.0).await.map_err(late)?;
        answer.unwrap_or(Err(Broken::Lost("the node stops".to_owned()).into()))
    }

    /// Asks for parts, of which at most `window` bytes wait unread.
    pub async fn download(&self, head: Bytes, window: u32) -> Result<Download, OpenError> {
        if head.len() > MAX_BULK_HEAD {
            return Err(OpenError::TooLong(head.len()));
        }
        if !(WINDOW.0..=WINDOW.1).contains(&window) {
            return Err(OpenError::Window(window));
        }
        let up = self.data.up().await?;
        let place = self.place(&up)?;
        let credit = up.credit.clone().try_acquire_many_owned(window).map_err(|_| OpenError::NoCredit {
            node: self.node(),
            held: MAX_CREDIT - up.credit.available_permits(),
            wanted: window,
        })?;
        let mut payload = BytesMut::with_capacity(4 + head.len());
        payload.put_u32_le(window);
        payload.put_slice(&head);
        let (out, parts) = begin(&up, Kind::Download, payload.freeze(), PARTS).await?;
        Ok(Download { parts: Receiver::new(parts, out, window, Some(credit)), _place: place })
    }

    /// Announces parts.
    pub async fn upload(&self, head: Bytes) -> Result<Upload, OpenError> {
        if head.len() > MAX_BULK_HEAD {
            return Err(OpenError::TooLong(head.len()));
        }
        let up = self.data.up().await?;
        let place = self.place(&up)?;
        let (out, back) = begin(&up, Kind::Upload, head, UPLOAD_BACK).await?;
        Ok(Upload { parts: Sender::new(out, back, 0), _place: place })
    }

    fn place(&self, up: &Up) -> Result<OwnedSemaphorePermit, OpenError> {
        up.bulk.clone().try_acquire_owned().map_err(|_| OpenError::TooMany(self.node()))
    }

    fn link(&self, class: Class) -> &Link {
        match class {
            Class::Control => &self.control,
            Class::Data => &self.data,
        }
    }
}

impl Download {
    /// The next part, or `None` behind the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BulkError> {
        self.parts.next().await
    }
}

impl Upload {
    /// Sends a part, once the other node has room for it.
    pub async fn send(&mut self, part: Bytes) -> Result<(), BulkError> {
        self.parts.send(part).await
    }

    /// Says that nothing follows, and waits for the answer.
    pub async fn finish(mut self) -> Result<Bytes, BulkError> {
        match self.parts.end(Ok(())).await {
            // Whoever has answered already needs no end.
            Ok(()) | Err(BulkError::Answered | BulkError::Broken(Broken::Dropped)) => self.parts.answer().await,
            Err(error) => Err(error),
        }
    }
}

/// A place among the requests to a node, and room for its bytes.
async fn places(link: &Link, bytes: usize) -> [OwnedSemaphorePermit; 2] {
    let take = async |all: &Arc<Semaphore>, many: usize| {
        let many = u32::try_from(many).expect("requests are short");
        all.clone().acquire_many_owned(many).await.expect("it is not closed")
    };
    [take(&link.requests, 1).await, take(&link.request_bytes, bytes).await]
}

async fn ask(up: &Up, request: Bytes) -> Result<Bytes, RequestError> {
    let (mut out, mut answers) = begin(up, Kind::Request, request, ANSWERS).await?;
    out.finish();
    let frame = answers.next().await?.ok_or(Broken::Ended)?;
    match frame.kind {
        Kind::Answer => Ok(frame.payload),
        _ => Err(RequestError::Refused(Refusal::decode(&frame.payload).ok_or(Broken::Ended)?)),
    }
}

/// Begins a stream with a frame.
async fn begin(up: &Up, kind: Kind, payload: Bytes, back: Allowed) -> Result<(Outgoing, Incoming), Broken> {
    let opened = up.connection.open_bi().await;
    let (send, receive) = opened.map_err(|error| Broken::Lost(crate::code::Closed::of(&error).reason))?;
    let mut out = Outgoing::new(send);
    out.send(kind, payload).await?;
    Ok((out, Incoming::new(receive, back)))
}

/// A task that ends with whoever waits for it.
struct Aborted<T>(JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
