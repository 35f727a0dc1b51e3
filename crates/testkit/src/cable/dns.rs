//! A small name server on port 53 that knows two things.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::netns::Netns;

/// How often the server looks whether it shall stop.
const TICK: Duration = Duration::from_millis(50);

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// NS questions with `a.root-servers.net`, A questions with 192.0.2.80, everything else with no records.
    Knowing,
    /// Everything with NXDOMAIN.
    Denying,
    /// Everything with a good answer to another question.
    Confused,
    /// Nothing.
    Silent,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct NameServer {
    questions: Arc<Mutex<Vec<(String, u16)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// On port 53 of `address`, which the namespace must have.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn start(namespace: &Netns, address: IpAddr, manner: Manner) -> Result<Self> {
        let socket = namespace
            .run(|| UdpSocket::bind(SocketAddr::from((address, 53))))?
            .with_context(|| format!("cannot listen on port 53 of {address}"))?;
        socket.set_read_timeout(Some(TICK))?;
        let questions = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (noted, stopped) = (Arc::clone(&questions), Arc::clone(&stop));
        let thread = thread::spawn(move || serve(&socket, manner, &noted, &stopped));
        Ok(Self {
            questions,
            stop,
            thread: Some(thread),
        })
    }

    /// The names asked for so far, each with the number of the kind of record, in order.
    #[must_use]
    pub fn questions(&self) -> Vec<(String, u16)> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already.
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, manner: Manner, noted: &Mutex<Vec<(String, u16)>>, stop: &AtomicBool) {
    let mut buffer = [0; 512];
    while !stop.load(Ordering::Relaxed) {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => panic!("the name server cannot receive: {error}"),
        };
        let Some(question) = buffer.get(..length).and_then(Question::read) else {
            continue;
        };
        noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((question.name.clone(), question.kind));
        if let Some(answer) = question.answer(manner) {
            // Whoever asked may be gone.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The one question of a message.
struct Question<'a> {
    id: [u8; 2],
    name: String,
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Question<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let (id, bytes) = (*message.first_chunk::<2>()?, message.get(12..)?);
        let (mut labels, mut rest) = (Vec::new(), bytes);
        while let Some((&length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
            let (label, after) = after.split_at_checked(length.into())?;
            labels.push(String::from_utf8_lossy(label).into_owned());
            rest = after;
        }
        let kind = rest.get(1..3)?.try_into().ok()?;
        Some(Self {
            id,
            name: labels.join("."),
            kind: u16::from_be_bytes(kind),
            bytes,
        })
    }

    fn answer(&self, manner: Manner) -> Option<Vec<u8>> {
        let record = match (manner, self.kind) {
            (Manner::Silent, _) => return None,
            (Manner::Denying, _) => None,
            (_, 1) => Some(vec![192, 0, 2, 80]),
            (_, 2) => Some(b"\x01a\x0croot-servers\x03net\0".to_vec()),
            _ => None,
        };
        let code = if manner == Manner::Denying { 3 } else { 0 };
        let count = u8::from(record.is_some());
        let mut answer = [
            &self.id[..],
            &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0],
            self.bytes,
        ]
        .concat();
        if manner == Manner::Confused {
            // The first letter of the name.
            answer
                .iter_mut()
                .skip(13)
                .take(1)
                .for_each(|letter| *letter ^= 0x03);
        }
        if let Some(record) = record {
            answer.extend([0xc0, 12]);
            answer.extend(self.kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60, 0]);
            answer.push(u8::try_from(record.len()).expect("both are short"));
            answer.extend(record);
        }
        Some(answer)
    }
}
