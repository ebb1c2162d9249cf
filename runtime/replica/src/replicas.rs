//! All replicas of a node: promises of many streams share a transaction, and what goes to one node shares a frame.

use std::collections::BTreeMap;

use dag_model::{NodeId, StreamId};

use crate::append::Append;
use crate::command::{Command, Question, Read, Request, RequestId};
use crate::disk::{Opened, Row, Write};
use crate::limits::Limits;
use crate::message::{Frame, MAX_FRAME, MAX_STREAMS, Message};
use crate::point::Moment;
use crate::replica::Replica;
use crate::set::Assignment;

/// The bytes from which on a frame takes no more messages.
const FULL_FRAME: usize = MAX_FRAME / 16;

/// All replicas of a node.
#[derive(Debug)]
pub struct Replicas {
    node: NodeId,
    boot: u64,
    limits: Limits,
    replicas: BTreeMap<StreamId, Replica>,
    /// What the replicas that were touched want done: in order, then rows, then what comes after these, then messages.
    actions: Vec<Action>,
    rows: BTreeMap<StreamId, (u64, Row)>,
    after: Vec<(StreamId, Command)>,
    /// The frames for each node, with their sizes.
    frames: BTreeMap<NodeId, Vec<(Frame, usize)>>,
}

/// What a node has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// These rows change, in one transaction; each is the write of this number of its stream, and of any row before it that is not here.
    Rows(Vec<(StreamId, u64, Row)>),
    /// A frame for a node.
    Send(NodeId, Frame),
    /// Anything else that a stream's replica wants.
    Of(StreamId, Command),
}

impl Replicas {
    /// Of a node in this start of its process, without a stream.
    pub fn new(node: NodeId, boot: u64, limits: Limits) -> Replicas {
        let (replicas, rows, frames) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Replicas { node, boot, limits, replicas, actions: Vec::new(), rows, after: Vec::new(), frames }
    }

    /// A stream's replica, of what lies on disk.
    pub fn open(&mut self, stream: StreamId, opened: Opened) {
        let replica = Replica::open(self.node, self.boot, self.limits, opened);
        self.replicas.insert(stream, replica);
        self.take(stream);
    }

    /// A stream's replica.
    pub fn get(&self, stream: StreamId) -> Option<&Replica> {
        self.replicas.get(&stream)
    }

    /// The plan has these rows. Streams that somebody waits for come first (M17), and all that they promise is one transaction.
    pub fn assign(
        &mut self,
        now: Moment,
        mut rows: Vec<(StreamId, Assignment)>,
        is_waited_for: impl Fn(StreamId) -> bool,
    ) {
        rows.sort_by_key(|(stream, _)| (!is_waited_for(*stream), *stream));
        for (stream, row) in rows {
            self.with(stream, |replica| replica.assign(now, row));
        }
    }

    /// A frame of another node.
    pub fn receive(&mut self, now: Moment, from: NodeId, frame: Frame) {
        for (stream, message) in frame.0 {
            self.with(stream, |replica| replica.receive(now, from, message));
        }
    }

    /// Something is to be appended to a stream. Says false where the node has no replica of it.
    pub fn request(&mut self, now: Moment, stream: StreamId, id: RequestId, request: Request) -> bool {
        self.with(stream, |replica| replica.request(now, id, request))
    }

    /// Something is asked of a stream. Says false where the node has no replica of it.
    pub fn question(&mut self, now: Moment, stream: StreamId, id: RequestId, question: Question) -> bool {
        self.with(stream, |replica| replica.question(now, id, question))
    }

    /// All writes of a stream up to this one are durable.
    pub fn done(&mut self, now: Moment, stream: StreamId, number: u64) {
        self.with(stream, |replica| replica.done(now, number));
    }

    /// A transaction of rows is durable.
    pub fn rows_done(&mut self, now: Moment, rows: &[(StreamId, u64, Row)]) {
        for (stream, number, _) in rows {
            self.done(now, *stream, *number);
        }
    }

    /// A write of a stream failed.
    pub fn failed(&mut self, now: Moment, stream: StreamId) {
        self.with(stream, |replica| replica.failed(now));
    }

    /// A stream's log was opened again.
    pub fn reopen(&mut self, now: Moment, stream: StreamId, opened: Opened) {
        self.with(stream, |replica| replica.reopen(now, opened));
    }

    /// What was to be read of a stream was read.
    pub fn read(&mut self, now: Moment, stream: StreamId, read: Read, appends: Vec<Append>) {
        self.with(stream, |replica| replica.read(now, read, appends));
    }

    /// There is a connection to a node.
    pub fn connected(&mut self, now: Moment, node: NodeId) {
        self.each(|replica| replica.connected(now, node));
    }

    /// It is `now`.
    pub fn tick(&mut self, now: Moment) {
        self.each(|replica| {
            if replica.deadline().is_some_and(|at| at <= now) {
                replica.tick(now);
            }
        });
    }

    /// When any of them wants a tick.
    pub fn deadline(&self) -> Option<Moment> {
        self.replicas.values().filter_map(Replica::deadline).min()
    }

    /// What is to be done, in order; the writes of a stream in the order of their numbers.
    pub fn actions(&mut self) -> Vec<Action> {
        self.flush();
        let mut actions = std::mem::take(&mut self.actions);
        for (node, frames) in std::mem::take(&mut self.frames) {
            actions.extend(frames.into_iter().map(|(frame, _)| Action::Send(node, frame)));
        }
        actions
    }

    fn each(&mut self, act: impl Fn(&mut Replica)) {
        let streams: Vec<StreamId> = self.replicas.keys().copied().collect();
        for stream in streams {
            self.with(stream, &act);
        }
    }

    fn with(&mut self, stream: StreamId, act: impl FnOnce(&mut Replica)) -> bool {
        let Some(replica) = self.replicas.get_mut(&stream) else { return false };
        act(replica);
        self.take(stream);
        true
    }

    fn take(&mut self, stream: StreamId) {
        let commands = self.replicas.get_mut(&stream).map(Replica::commands).unwrap_or_default();
        for command in commands {
            match command {
                Command::Send { to, message } => self.send(stream, to, message),
                Command::Write { number, write: Write::Row(row) } => {
                    if self.after.iter().any(|(of, _)| *of == stream) {
                        self.flush();
                    }
                    self.rows.insert(stream, (number, row));
                }
                other if self.rows.contains_key(&stream) => self.after.push((stream, other)),
                other => self.actions.push(Action::Of(stream, other)),
            }
        }
    }

    /// The rows that were collected come now, and what has to come after them.
    fn flush(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            self.actions
                .push(Action::Rows(rows.into_iter().map(|(stream, (number, row))| (stream, number, row)).collect()));
        }
        let after = std::mem::take(&mut self.after);
        self.actions.extend(after.into_iter().map(|(stream, command)| Action::Of(stream, command)));
    }

    fn send(&mut self, stream: StreamId, to: NodeId, message: Message) {
        let frames = self.frames.entry(to).or_default();
        let size = message.size();
        match frames.last_mut() {
            Some((frame, filled)) if frame.0.len() < MAX_STREAMS && *filled + size <= FULL_FRAME => {
                *filled += size;
                frame.0.push((stream, message));
            }
            _ => frames.push((Frame(vec![(stream, message)]), size)),
        }
    }
}
