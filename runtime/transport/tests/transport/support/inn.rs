//! A service that does what it is asked, and tells what it heard.

use bytes::Bytes;
use dag_model::NodeId;
use dag_transport::{Class, Closed, Event, Receiver, Refusal, Remote, Sender, Service};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, watch};

use super::soon;

/// What a node hears.
pub struct Heard {
    pub heartbeats: Mutex<UnboundedReceiver<(NodeId, Bytes)>>,
    pub messages: Mutex<UnboundedReceiver<(NodeId, Class, Bytes)>>,
    pub events: Mutex<UnboundedReceiver<Event>>,
    /// Requests that were dropped before they were answered.
    pub dropped: Mutex<UnboundedReceiver<()>>,
    /// Whether messages of data are taken.
    pub takes: watch::Sender<bool>,
}

/// The service.
pub struct Inn {
    heartbeats: UnboundedSender<(NodeId, Bytes)>,
    messages: UnboundedSender<(NodeId, Class, Bytes)>,
    events: UnboundedSender<Event>,
    dropped: UnboundedSender<()>,
    takes: watch::Receiver<bool>,
}

struct Told(UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Inn {
    pub fn new() -> (Inn, Heard) {
        let (heartbeats, heartbeats_heard) = mpsc::unbounded_channel();
        let (messages, messages_heard) = mpsc::unbounded_channel();
        let (events, events_heard) = mpsc::unbounded_channel();
        let (dropped, dropped_heard) = mpsc::unbounded_channel();
        let takes = watch::Sender::new(true);
        let inn = Inn { heartbeats, messages, events, dropped, takes: takes.subscribe() };
        let heard = Heard {
            heartbeats: Mutex::new(heartbeats_heard),
            messages: Mutex::new(messages_heard),
            events: Mutex::new(events_heard),
            dropped: Mutex::new(dropped_heard),
            takes,
        };
        (inn, heard)
    }
}

/// Two numbers of a text, as `8 1024`.
fn numbers(head: &Bytes) -> (usize, usize) {
    let text = std::str::from_utf8(head).unwrap();
    let (one, other) = text.split_once(' ').unwrap();
    (one.parse().unwrap(), other.parse().unwrap())
}

/// The part of that number: its bytes depend on it.
pub fn part(number: usize, size: usize) -> Bytes {
    vec![u8::try_from(number % 251).unwrap(); size].into()
}

impl Service for Inn {
    fn heartbeat(&self, from: &Remote, heartbeat: Bytes) {
        let _ = self.heartbeats.send((from.node, heartbeat));
    }

    async fn message(&self, from: &Remote, class: Class, message: Bytes) {
        if class == Class::Data {
            let _ = self.takes.clone().wait_for(|takes| *takes).await;
        }
        let _ = self.messages.send((from.node, class, message));
    }

    async fn request(&self, from: &Remote, request: Bytes) -> Result<Bytes, Refusal> {
        match &*request {
            b"who" => Ok(format!("{} {} {}", from.node, from.boot, from.version).into()),
            b"refuse" => Err(Refusal::new(7, "it is not wanted")),
            b"never" => {
                let _told = Told(self.dropped.clone());
                std::future::pending().await
            }
            b"large" => Ok(vec![0; dag_transport::limits::MAX_REQUEST + 1].into()),
            _ => Ok(request),
        }
    }

    /// So many parts of so many bytes; `block` blocks the thread until messages are taken, `half N` refuses after so many.
    async fn download(&self, _: &Remote, head: Bytes, parts: &mut Sender) -> Result<(), Refusal> {
        if &*head == b"block" {
            while !*self.takes.borrow() {
                std::thread::yield_now();
            }
            return Ok(());
        }
        let (many, size) = numbers(&head);
        for number in 0..many {
            if parts.send(part(number, size)).await.is_err() {
                return Ok(());
            }
        }
        if size == 13 { Err(Refusal::new(13, "thirteen is enough")) } else { Ok(()) }
    }

    /// Counts parts and bytes; `refuse` refuses after the first part, `enough` answers after it.
    async fn upload(&self, _: &Remote, head: Bytes, parts: &mut Receiver) -> Result<Bytes, Refusal> {
        let (mut many, mut bytes) = (0, 0);
        while let Some(part) = parts.next().await.map_err(|error| Refusal::new(1, error.to_string()))? {
            many += 1;
            bytes += part.len();
            match &*head {
                b"refuse" => return Err(Refusal::new(8, "one is enough")),
                b"enough" => break,
                _ => {}
            }
        }
        Ok(format!("{many} {bytes}").into())
    }

    fn event(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

impl Heard {
    /// The next message.
    pub async fn message(&self) -> (NodeId, Class, Bytes) {
        soon(async { self.messages.lock().await.recv().await.unwrap() }).await
    }

    /// The next heartbeat.
    pub async fn heartbeat(&self) -> (NodeId, Bytes) {
        soon(async { self.heartbeats.lock().await.recv().await.unwrap() }).await
    }

    /// A request was dropped.
    pub async fn dropped(&self) {
        soon(async { self.dropped.lock().await.recv().await.unwrap() }).await;
    }

    /// What becomes of connections.
    pub async fn event(&self) -> Event {
        soon(async { self.events.lock().await.recv().await.unwrap() }).await
    }

    /// The next connection that comes up.
    pub async fn up(&self) -> (Remote, Class) {
        loop {
            if let Event::Up(remote, class) = self.event().await {
                return (remote, class);
            }
        }
    }

    /// The next connection that is gone.
    pub async fn down(&self) -> (NodeId, Class, Closed) {
        loop {
            if let Event::Down(node, class, closed) = self.event().await {
                return (node, class, closed);
            }
        }
    }
}
