//! Downloads and uploads, and who is slow with them.

use bytes::Bytes;
use dag_transport::limits::{MAX_CREDIT, UPLOAD_WINDOW, WINDOW};
use dag_transport::{BulkError, Class, Download, OpenError, SendError};

use crate::support::inn::part;
use crate::support::{Node, PATIENCE, Town, soon};

const WINDOW_64K: u32 = 64 << 10;

async fn download(from: &Node, of: &Node, head: &'static str, window: u32) -> Download {
    soon(from.to(of).download(head.into(), window)).await.unwrap()
}

/// Reads parts to their end.
async fn read(download: &mut Download, many: usize, size: usize) {
    for number in 0..many {
        assert_eq!(soon(download.next()).await.unwrap(), Some(part(number, size)), "part {number}");
    }
    assert_eq!(soon(download.next()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_arrive_as_they_were_sent_below_and_beyond_the_window() {
    let [a, b] = Town::new().nodes();
    for (head, many, size) in [("1000 100", 1000, 100), ("5 1000000", 5, 1_000_000), ("3 0", 3, 0), ("0 0", 0, 0)] {
        read(&mut download(&a, &b, head, WINDOW.0).await, many, size).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_refused_midway_is_no_whole_one() {
    let [a, b] = Town::new().nodes();
    let mut parts = download(&a, &b, "3 13", WINDOW.0).await;
    for number in 0..3 {
        assert_eq!(soon(parts.next()).await.unwrap(), Some(part(number, 13)));
    }
    let BulkError::Refused(refusal) = soon(parts.next()).await.unwrap_err() else { panic!("another error") };
    assert_eq!((refusal.code, &*refusal.text), (13, "thirteen is enough"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_a_node_that_goes_is_no_whole_one() {
    let [a, b] = Town::new().nodes();
    let mut parts = download(&a, &b, "1000000 1000", WINDOW.0).await;
    soon(parts.next()).await.unwrap();
    b.transport.stop().await;
    let mut outcome = soon(parts.next()).await;
    while let Ok(Some(_)) = outcome {
        outcome = soon(parts.next()).await;
    }
    assert!(matches!(outcome, Err(BulkError::Broken(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_answered() {
    let [a, b] = Town::new().nodes();
    let mut upload = soon(a.to(&b).upload("count".into())).await.unwrap();
    for number in 0..40 {
        soon(upload.send(part(number, UPLOAD_WINDOW as usize / 7))).await.unwrap();
    }
    assert_eq!(soon(upload.finish()).await.unwrap(), format!("40 {}", 40 * (UPLOAD_WINDOW as usize / 7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_answered_or_refused_early_sends_no_more() {
    let [a, b] = Town::new().nodes();
    for head in ["refuse", "enough"] {
        let mut upload = soon(a.to(&b).upload(head.into())).await.unwrap();
        let error = loop {
            if let Err(error) = soon(upload.send(part(1, 1 << 20))).await {
                break error;
            }
        };
        let answer = soon(upload.finish()).await;
        if head == "enough" {
            assert_eq!((error, answer), (BulkError::Answered, Ok(Bytes::from_static(b"1 1048576"))));
        } else {
            assert_eq!(error.to_string(), "one is enough");
            assert_eq!(answer.unwrap_err().to_string(), "one is enough");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_back_only_itself() {
    let [a, b] = Town::new().nodes();
    // None of these is read, and each has more to come than its window and any buffer on the way holds.
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(download(&a, &b, "10 100000", WINDOW_64K).await);
    }
    // Another reader gets all of its parts, several times what all the others hold unread.
    read(&mut download(&a, &b, "600 100000", 1 << 20).await, 600, 100_000).await;
    // So do messages, uploads and requests.
    for number in 0..50_u8 {
        a.to(&b).send(Class::Data, vec![number; 1 << 20].into()).unwrap();
    }
    for number in 0..50_u8 {
        assert_eq!(b.heard.message().await.2, vec![number; 1 << 20]);
    }
    let mut upload = soon(a.to(&b).upload("count".into())).await.unwrap();
    soon(upload.send(part(0, 20 << 20))).await.unwrap();
    assert_eq!(soon(upload.finish()).await.unwrap(), "1 20971520");
    assert!(a.to(&b).request("who".into(), PATIENCE).await.is_ok());
    // And the slow ones have lost nothing.
    for parts in &mut slow {
        read(parts, 10, 100_000).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_messages_slowly_holds_back_only_messages() {
    let [a, b] = Town::new().nodes();
    b.heard.takes.send_replace(false);
    let message = Bytes::from(vec![5; 1 << 20]);
    let mut sent = 0;
    let error = loop {
        match a.to(&b).send(Class::Data, message.clone()) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        // Until the queue is full and stays so.
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, SendError::Full { most, .. } if most == Class::Data.most_queued()), "{error}");
    read(&mut download(&a, &b, "300 100000", 1 << 20).await, 300, 100_000).await;
    a.to(&b).send(Class::Control, "control".into()).unwrap();
    assert_eq!(b.heard.message().await.2, "control");
    b.heard.takes.send_replace(true);
    for _ in 0..sent {
        assert_eq!(b.heard.message().await.2, message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_share_what_may_be_unread_and_who_finds_none_is_told() {
    let [a, b] = Town::new().nodes();
    let mut held = Vec::new();
    for _ in 0..MAX_CREDIT / WINDOW.1 as usize {
        held.push(download(&a, &b, "1 1", WINDOW.1).await);
    }
    let error = a.to(&b).download("1 1".into(), WINDOW.0).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "downloads of node 2 may hold 50331648 bytes unread, and with 8192 more it would be more than 50331648"
    );
    held.pop();
    read(&mut download(&a, &b, "1 1", WINDOW.1).await, 1, 1).await;
    for window in [WINDOW.0 - 1, WINDOW.1 + 1] {
        let error = a.to(&b).download("1 1".into(), window).await.err().unwrap();
        assert!(matches!(error, OpenError::Window(_)), "{error}");
    }
}
