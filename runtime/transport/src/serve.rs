//! What comes on a connection that another node has dialled.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::Semaphore;
use tracing::debug;

use crate::bulk::{DOWNLOAD_BACK, PARTS, Receiver, Sender, credit};
use crate::class::Class;
use crate::code::{Closed, Code};
use crate::frame::{Allowed, Frame, Kind};
use crate::hub::Remote;
use crate::limits::{
    MAX_BULK_HEAD, MAX_CONTROL_MESSAGE, MAX_CREDIT, MAX_DATA_MESSAGE, MAX_HEARTBEAT, MAX_REQUEST, UPLOAD_WINDOW, WINDOW,
};
use crate::service::Service;
use crate::stream::{Broken, Incoming, Outgoing};

const REQUESTS: Allowed = &[(Kind::Request, MAX_REQUEST)];
const BULK: Allowed = &[(Kind::Download, 4 + MAX_BULK_HEAD), (Kind::Upload, MAX_BULK_HEAD)];
const CONTROL_MESSAGES: Allowed = &[(Kind::Message, MAX_CONTROL_MESSAGE)];
const DATA_MESSAGES: Allowed = &[(Kind::Message, MAX_DATA_MESSAGE)];

/// Works on what comes until the connection is closed; closes it where what comes cannot be.
pub(crate) async fn serve<S: Service>(
    service: &Arc<S>,
    class: Class,
    connection: &Connection,
    remote: &Remote,
) -> Closed {
    let broken = tokio::select! {
        broken = heartbeats(service, connection, remote), if class == Class::Control => broken,
        broken = messages(service, class, connection, remote) => broken,
        broken = streams(service, class, connection, remote) => broken,
    };
    match connection.close_reason() {
        Some(error) => Closed::of(&error),
        None => Closed::here(connection, Code::Misbehaved, broken),
    }
}

async fn heartbeats<S: Service>(service: &Arc<S>, connection: &Connection, remote: &Remote) -> Broken {
    loop {
        match connection.read_datagram().await {
            Ok(heartbeat) if heartbeat.len() <= MAX_HEARTBEAT => service.heartbeat(remote, heartbeat),
            Ok(heartbeat) => {
                return Broken::Frame(crate::frame::FrameError::TooLong {
                    kind: 0,
                    length: heartbeat.len(),
                    most: MAX_HEARTBEAT,
                });
            }
            Err(error) => return Broken::Lost(Closed::of(&error).reason),
        }
    }
}

async fn messages<S: Service>(service: &Arc<S>, class: Class, connection: &Connection, remote: &Remote) -> Broken {
    let allowed = if class == Class::Control { CONTROL_MESSAGES } else { DATA_MESSAGES };
    loop {
        let stream = match connection.accept_uni().await {
            Ok(stream) => stream,
            Err(error) => return Broken::Lost(Closed::of(&error).reason),
        };
        let mut messages = Incoming::new(stream, allowed);
        loop {
            match messages.next().await {
                Ok(Some(message)) => service.message(remote, class, message.payload).await,
                Ok(None) => break,
                Err(broken) => return broken,
            }
        }
    }
}

/// Accepts streams, each of which is worked on by itself. What is wrong with one is told by ending it.
async fn streams<S: Service>(service: &Arc<S>, class: Class, connection: &Connection, remote: &Remote) -> Broken {
    let uploads = Arc::new(Semaphore::new(MAX_CREDIT / UPLOAD_WINDOW as usize));
    loop {
        let (send, receive) = match connection.accept_bi().await {
            Ok(stream) => stream,
            Err(error) => return Broken::Lost(Closed::of(&error).reason),
        };
        let (service, remote, uploads, connection) =
            (service.clone(), remote.clone(), uploads.clone(), connection.clone());
        tokio::spawn(async move {
            let work = async {
                match class {
                    Class::Control => request(&*service, &remote, send, receive).await,
                    Class::Data => bulk(&*service, &remote, &uploads, send, receive).await,
                }
            };
            let broken = tokio::select! {
                done = work => done.err(),
                // What belongs to a connection that is gone is dropped where it waits.
                _ = connection.closed() => None,
            };
            match broken {
                Some(broken @ Broken::Frame(_)) => drop(Closed::here(&connection, Code::Misbehaved, broken)),
                Some(broken) => debug!("a stream of node {} is given up: {broken}", remote.node),
                None => {}
            }
        });
    }
}

async fn request<S: Service>(
    service: &S,
    remote: &Remote,
    send: SendStream,
    receive: RecvStream,
) -> Result<(), Broken> {
    let frame = Incoming::new(receive, REQUESTS).expect().await?;
    let gone = send.stopped();
    let answer = tokio::select! {
        answer = service.request(remote, frame.payload) => answer,
        _ = gone => return Err(Broken::Dropped),
    };
    let mut out = Outgoing::new(send);
    match answer {
        Ok(answer) if answer.len() > MAX_REQUEST => {
            let refusal = crate::refusal::Refusal::new(
                0,
                format!("an answer of {} bytes: at most {MAX_REQUEST} are sent", answer.len()),
            );
            out.send(Kind::Refused, refusal.encode()).await?;
        }
        Ok(answer) => out.send(Kind::Answer, answer).await?,
        Err(refusal) => out.send(Kind::Refused, refusal.encode()).await?,
    }
    out.finish();
    Ok(())
}

async fn bulk<S: Service>(
    service: &S,
    remote: &Remote,
    uploads: &Arc<Semaphore>,
    send: SendStream,
    receive: RecvStream,
) -> Result<(), Broken> {
    let mut incoming = Incoming::new(receive, BULK);
    let Frame { kind, payload } = incoming.expect().await?;
    match kind {
        Kind::Download => download(service, remote, payload, Outgoing::new(send), incoming).await,
        _ => upload(service, remote, payload, uploads, Outgoing::new(send), incoming).await,
    }
}

async fn download<S: Service>(
    service: &S,
    remote: &Remote,
    mut head: Bytes,
    out: Outgoing,
    mut back: Incoming,
) -> Result<(), Broken> {
    let window =
        head.try_get_u32_le().ok().filter(|window| (WINDOW.0..=WINDOW.1).contains(window)).ok_or(Broken::Ended)?;
    back.allow(DOWNLOAD_BACK);
    let mut parts = Sender::new(out, back, u64::from(window));
    let how = service.download(remote, head, &mut parts).await;
    // Who does not wait for the end does not want it.
    let _ = parts.end(how).await;
    Ok(())
}

async fn upload<S: Service>(
    service: &S,
    remote: &Remote,
    head: Bytes,
    uploads: &Arc<Semaphore>,
    mut out: Outgoing,
    mut parts: Incoming,
) -> Result<(), Broken> {
    let permit = uploads.clone().acquire_owned().await.expect("it is not closed");
    parts.allow(PARTS);
    out.push(Kind::Credit, credit(UPLOAD_WINDOW));
    let mut parts = Receiver::new(parts, out, UPLOAD_WINDOW, Some(permit));
    let answer = service.upload(remote, head, &mut parts).await;
    let mut out = parts.into_back();
    match answer {
        Ok(answer) => out.send(Kind::Answer, answer).await?,
        Err(refusal) => out.send(Kind::Refused, refusal.encode()).await?,
    }
    out.finish();
    Ok(())
}
