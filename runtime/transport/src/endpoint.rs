//! Sockets, and how QUIC is set on them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Once};

use quinn::congestion::CubicConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TokioRuntime, TransportConfig, VarInt};
use quinn_proto::HashedConnectionIdGenerator;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::warn;

use crate::class::Class;
use crate::limits::{IDLE, KEEP_ALIVE, MAX_BULK, MAX_REQUESTS, SOCKET_BUFFER};

/// What makes a started node's packets those of the same node, kept in its folder: a connection to the former process is then answered with a
/// reset instead of silence.
#[derive(Clone)]
pub struct ResetKey(pub [u8; 32]);

/// A socket with large buffers: what finds no room in them looks like loss by congestion.
pub(crate) fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Refused where they are beyond what the system allows, which the check tells.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    let granted = socket.recv_buffer_size()?.min(socket.send_buffer_size()?);
    if granted < SOCKET_BUFFER {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            warn!(
                "sockets have buffers of {granted} bytes where {SOCKET_BUFFER} were asked for, and lose packets under load: \
                 sysctl -w net.core.rmem_max={SOCKET_BUFFER} net.core.wmem_max={SOCKET_BUFFER}"
            );
        });
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// An endpoint that dials one address, from a port that nobody has seen: what on the way remembers a former connection does not know it.
pub(crate) fn dialling(to: SocketAddr, class: Class) -> io::Result<Endpoint> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    Endpoint::new(sized(EndpointConfig::default(), class), None, socket(any)?, Arc::new(TokioRuntime))
}

/// An endpoint that is dialled.
pub(crate) fn listening(
    at: SocketAddr,
    class: Class,
    key: &ResetKey,
    server: quinn::ServerConfig,
) -> io::Result<Endpoint> {
    let mut config = EndpointConfig::new(Arc::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key.0)));
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(number)));
    Endpoint::new(sized(config, class), Some(server), socket(at)?, Arc::new(TokioRuntime))
}

fn sized(mut config: EndpointConfig, class: Class) -> EndpointConfig {
    if class == Class::Data {
        config.max_udp_payload_size(JUMBO).expect("it is a size of packets");
    }
    config
}

/// The largest packets that are tried on data, for networks that take them.
const JUMBO: u16 = 8952;

/// How a connection is set.
pub(crate) fn transport(class: Class, dialled: bool) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.max_idle_timeout(Some(IdleTimeout::try_from(IDLE).expect("it is short")));
    // What it sends is answered, which keeps the other end's time, too.
    config.keep_alive_interval(dialled.then_some(KEEP_ALIVE));
    config.initial_rtt(std::time::Duration::from_millis(10));
    let mut cubic = CubicConfig::default();
    cubic.initial_window(1 << 20);
    config.congestion_controller_factory(Arc::new(cubic));
    let (stream, connection) = class.windows();
    config.stream_receive_window(VarInt::from_u32(stream));
    config.receive_window(VarInt::from_u32(connection));
    config.send_window(u64::from(connection));
    // Only who dials begins streams: one of messages, one of the hello, and those of requests, downloads and uploads.
    let streams = match (dialled, class) {
        (true, _) => 0,
        (false, Class::Control) => 1 + MAX_REQUESTS as u32,
        (false, Class::Data) => 1 + MAX_BULK as u32,
    };
    config.max_concurrent_bidi_streams(VarInt::from_u32(streams));
    config.max_concurrent_uni_streams(VarInt::from_u32(u32::from(!dialled)));
    match class {
        Class::Control => {
            config.datagram_receive_buffer_size(Some(64 << 10));
            config.datagram_send_buffer_size(16 << 10);
        }
        Class::Data => {
            config.datagram_receive_buffer_size(None);
            let mut mtu = MtuDiscoveryConfig::default();
            mtu.upper_bound(JUMBO);
            config.mtu_discovery_config(Some(mtu));
        }
    }
    Arc::new(config)
}
