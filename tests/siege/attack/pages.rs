//! What pages of others make a browser send: requests without an origin that had effects.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::Client;

const HEADERS: [&str; 4] = [
    "Sec-Fetch-Site: cross-site\r\n",
    "Sec-Fetch-Site: same-site\r\n",
    "Origin: http://evil.example\r\n",
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
];

pub fn make(client: &mut Client) {
    let address = client.url.strip_prefix("http://").unwrap_or_default().to_owned();
    let (headers, cursor) = (client.one(&HEADERS), client.below(100));
    let request = match client.below(3) {
        0 => format!("GET /v1/subscribe?expr=work&cursor=page{cursor} HTTP/1.1\r\n"),
        1 => format!("GET /v1/subscribe?expr=count(work,{}ms,every=1ms) HTTP/1.1\r\n", 2 + cursor),
        _ => "POST /v1/streams/work/records?seal=true HTTP/1.1\r\nContent-Length: 0\r\n".to_owned(),
    };
    let Ok(mut socket) = TcpStream::connect(&address) else { return };
    let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = socket.write_all(format!("{request}Host: {address}\r\n{headers}\r\n").as_bytes());
    let mut answer = [0; 12];
    let answered = socket.read_exact(&mut answer).is_ok();
    let refused = answer.ends_with(b"403");
    assert!(!answered || refused, "{headers}{request}: {}", String::from_utf8_lossy(&answer));
}
