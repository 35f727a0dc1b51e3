//! A small API server for nodes, over HTTP or HTTPS, which counts requests and misbehaves when told to.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// How one request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// A status with headers, such as `Retry-After: 1`.
    Status(u16, &'static str),
    /// Nothing, until the client goes away.
    Hang,
    /// The body ends in the middle.
    Truncate,
    /// The right answer in chunks of seven bytes.
    Chunks,
    /// The right answer, a piece at a time.
    Slow,
    /// Something that is no JSON.
    Garbage,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    /// Whether the client showed a certificate.
    pub(crate) certificate: bool,
}

#[derive(Default)]
struct State {
    nodes: Vec<Value>,
    requests: Vec<Request>,
    faults: Vec<Fault>,
    forever: Option<Fault>,
    forbid_get: bool,
    token: Option<String>,
}

/// A server that stops when it is dropped.
pub(crate) struct Api {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Api {
    pub(crate) fn http(nodes: &[Value]) -> Self {
        Self::start("127.0.0.1:0", nodes, None)
    }

    pub(crate) fn https(nodes: &[Value], tls: Arc<ServerConfig>) -> Self {
        Self::start("127.0.0.1:0", nodes, Some(tls))
    }

    pub(crate) fn start(listen: &str, nodes: &[Value], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(listen).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(State {
            nodes: nodes.to_vec(),
            ..State::default()
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), state, tls) = (stream, Arc::clone(&shared), tls.clone()) else {
                    continue;
                };
                // A client that goes away, or a handshake that fails, is part of the tests.
                thread::spawn(move || serve(stream, tls, &state));
            }
        });
        Self {
            address,
            scheme,
            state,
            stop,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set_nodes(&self, nodes: &[Value]) {
        self.state.lock().unwrap().nodes = nodes.to_vec();
    }

    /// Answers the next requests in these ways.
    pub(crate) fn next(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults = faults.to_vec();
    }

    /// Answers every request so.
    pub(crate) fn always(&self, fault: Fault) {
        self.state.lock().unwrap().forever = Some(fault);
    }

    /// Refuses GET by name, as for the rights that the replaced program needs.
    pub(crate) fn forbid_get(&self) {
        self.state.lock().unwrap().forbid_get = true;
    }

    /// Refuses requests without this value of `Authorization`.
    pub(crate) fn require(&self, authorization: &str) {
        self.state.lock().unwrap().token = Some(authorization.to_owned());
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which closes the listener.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let Some(config) = tls else {
        return answer(stream, false, state);
    };
    let mut stream = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    let certificate = stream.conn.peer_certificates().is_some();
    answer(&mut stream, certificate, state)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn answer(stream: impl Read + Write, certificate: bool, state: &Mutex<State>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let authorization = head
        .iter()
        .find_map(|line| line.strip_prefix("Authorization: "))
        .map(str::to_owned);
    let (fault, status, body) = {
        let mut state = state.lock().unwrap();
        state.requests.push(Request {
            path: path.clone(),
            authorization: authorization.clone(),
            certificate,
        });
        let fault = if state.faults.is_empty() {
            state.forever.clone()
        } else {
            Some(state.faults.remove(0))
        };
        let (status, body) = state.answer(&path, authorization.as_deref());
        (fault, status, serde_json::to_vec(&body)?)
    };
    let out = stream.get_mut();
    let head = |status: u16, rest: &str| {
        format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{rest}\r\n")
    };
    let length = format!("Content-Length: {}\r\n", body.len());
    match fault {
        None => out.write_all(&[head(status, &length).as_bytes(), &body].concat())?,
        Some(Fault::Status(status, headers)) => {
            let body = json!({"kind": "Status", "message": "as told"}).to_string();
            let rest = format!("{headers}Content-Length: {}\r\n", body.len());
            out.write_all(format!("{}{body}", head(status, &rest)).as_bytes())?;
        }
        Some(Fault::Hang) => {
            out.flush()?;
            let _ = out.read(&mut [0])?;
        }
        Some(Fault::Truncate) => {
            out.write_all(head(status, &length).as_bytes())?;
            out.write_all(&body[..body.len() / 2])?;
        }
        Some(Fault::Chunks) => {
            out.write_all(head(status, "Transfer-Encoding: chunked\r\n").as_bytes())?;
            for chunk in body.chunks(7) {
                out.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                out.write_all(chunk)?;
                out.write_all(b"\r\n")?;
            }
            out.write_all(b"0\r\n\r\n")?;
        }
        Some(Fault::Slow) => {
            for piece in [head(status, &length).as_bytes(), &body].concat().chunks(200) {
                out.write_all(piece)?;
                out.flush()?;
                thread::sleep(Duration::from_millis(5));
            }
        }
        Some(Fault::Garbage) => out
            .write_all(
                head(200, "Content-Length: 5\r\n")
                    .replace("json", "html")
                    .as_bytes(),
            )
            .and_then(|()| out.write_all(b"<html"))?,
    }
    out.flush()
}

impl State {
    fn answer(&self, path: &str, authorization: Option<&str>) -> (u16, Value) {
        if self.token.is_some() && self.token.as_deref() != authorization {
            return (401, json!({"kind": "Status", "message": "Unauthorized"}));
        }
        let path = path.strip_prefix("/prefix").unwrap_or(path);
        if let Some(name) = path.strip_prefix("/api/v1/nodes/") {
            if self.forbid_get {
                return (403, json!({"kind": "Status", "message": "nodes is forbidden"}));
            }
            let found = self.nodes.iter().find(|node| node["metadata"]["name"] == name);
            return found.map_or((404, json!({"kind": "Status", "message": "not found"})), |node| {
                (200, node.clone())
            });
        }
        let wanted = path.strip_prefix("/api/v1/nodes?fieldSelector=metadata.name%3D");
        if wanted.is_none() && path != "/api/v1/nodes" {
            return (404, json!({"kind": "Status", "message": "no such path"}));
        }
        let items: Vec<&Value> = self
            .nodes
            .iter()
            .filter(|node| wanted.is_none_or(|name| node["metadata"]["name"] == name))
            .collect();
        (
            200,
            json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}),
        )
    }
}
