//! A way between a node that is dialled and those that dial it, which loses, delays and reorders datagrams, in each direction by itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::LOOPBACK;

/// What becomes of datagrams in one direction.
#[derive(Default)]
pub struct Way {
    /// Of a thousand so many are lost.
    pub lost: AtomicU32,
    /// Each takes up to so many milliseconds, so that they overtake each other.
    pub delay: AtomicU32,
    /// How many have gone this way.
    pub passed: AtomicU64,
    dice: AtomicU64,
}

/// What lies between.
pub struct Proxy {
    pub address: SocketAddr,
    /// To the node that is dialled.
    pub there: Arc<Way>,
    /// From it.
    pub back: Arc<Way>,
    target: Arc<Mutex<Option<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Way {
    /// The next throw of a die of that many sides: the same ones in each run.
    fn throw(&self, sides: u32) -> u32 {
        let number = self.dice.fetch_add(1, Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (number ^ number >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u32::try_from((mixed >> 33) % u64::from(sides)).unwrap()
    }

    /// Sends a datagram, or does not.
    async fn pass(&self, from: &Arc<UdpSocket>, to: SocketAddr, datagram: &[u8]) {
        if self.throw(1000) < self.lost.load(Relaxed) {
            return;
        }
        self.passed.fetch_add(1, Relaxed);
        let delay = self.delay.load(Relaxed);
        if delay == 0 {
            let _ = from.send_to(datagram, to).await;
            return;
        }
        let (from, datagram, delay) = (from.clone(), datagram.to_vec(), self.throw(delay));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay.into())).await;
            let _ = from.send_to(&datagram, to).await;
        });
    }
}

impl Proxy {
    /// To nowhere yet.
    pub async fn new() -> Proxy {
        let socket = Arc::new(UdpSocket::bind(LOOPBACK).await.unwrap());
        let address = socket.local_addr().unwrap();
        let (there, back) = (Arc::<Way>::default(), Arc::<Way>::default());
        let target = Arc::<Mutex<Option<SocketAddr>>>::default();
        let task = tokio::spawn(carry(socket, there.clone(), back.clone(), target.clone()));
        Proxy { address, there, back, target, task }
    }

    pub fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = Some(target);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries datagrams from each client by a socket of its own.
async fn carry(socket: Arc<UdpSocket>, there: Arc<Way>, back: Arc<Way>, target: Arc<Mutex<Option<SocketAddr>>>) {
    let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, Task)> = HashMap::new();
    let mut datagram = vec![0; 1 << 16];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
        let Some(target) = *target.lock().unwrap() else { continue };
        let onward = match clients.entry(client) {
            Entry::Occupied(known) => known.get().0.clone(),
            Entry::Vacant(new) => {
                let onward = Arc::new(UdpSocket::bind(LOOPBACK).await.unwrap());
                let task = tokio::spawn(carry_back(onward.clone(), socket.clone(), client, back.clone()));
                new.insert((onward, Task(task))).0.clone()
            }
        };
        there.pass(&onward, target, &datagram[..length]).await;
    }
}

async fn carry_back(onward: Arc<UdpSocket>, socket: Arc<UdpSocket>, client: SocketAddr, back: Arc<Way>) {
    let mut datagram = vec![0; 1 << 16];
    loop {
        let Ok((length, _)) = onward.recv_from(&mut datagram).await else { continue };
        back.pass(&socket, client, &datagram[..length]).await;
    }
}

/// Ends with the proxy.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
