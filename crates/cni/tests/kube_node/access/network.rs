//! Addresses and proxies.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{Api, Authority, BOTH, Bench, Secure, add, node};

#[test]
fn a_server_with_an_ipv6_address() {
    let authority = Authority::new();
    let tls = authority.server_config(&authority.server(&["::1"]));
    let api = Api::start("[::1]:0", &[node("n1")], Some(tls));
    let mut bench = Bench::new("kube-node");
    bench.set("NODE_NAME", "n1");
    bench.write("ca.crt", &authority.pem);
    let kubeconfig = bench.kubeconfig(&api.url(), ", certificate-authority: ca.crt", "");
    assert!(api.url().starts_with("https://[::1]:"));
    add(&bench, &kubeconfig).ok(&BOTH);
}

#[test]
fn plain_http_spoken_to_a_tls_port_and_the_reverse_is_explained() {
    let secure = Secure::local();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let served = thread::spawn(move || {
        let mut client = accept(&plain);
        // What the Go server says to a TLS hello.
        client
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
            .unwrap();
        let _ = io::copy(&mut client, &mut io::sink());
    });
    secure.bench.kubeconfig(
        &format!("https://{address}"),
        ", certificate-authority: pki/ca.crt",
        "",
    );
    let details = add(&secure.bench, &secure.bench.path("kubeconfig")).failed(100, "Get the own node object");
    assert!(details.contains("does not speak TLS"), "{details}");
    served.join().unwrap();
    secure
        .bench
        .kubeconfig(&secure.api.url().replace("https:", "http:"), "", "");
    let details = add(&secure.bench, &secure.bench.path("kubeconfig")).failed(100, "Get the own node object");
    assert!(details.contains("not HTTP"), "{details}");
}

/// The next client, who may not be too late, nor silent.
fn accept(listener: &TcpListener) -> TcpStream {
    let limit = Duration::from_secs(60);
    let clients = listener.try_clone().unwrap();
    let (found, client) = mpsc::channel();
    thread::spawn(move || found.send(clients.accept()));
    let (client, _) = client
        .recv_timeout(limit)
        .expect("somebody connects within a minute")
        .unwrap();
    client.set_read_timeout(Some(limit)).unwrap();
    client
}

/// A proxy that knows one request, and then copies.
fn proxy(expected: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || {
        let mut client = accept(&listener);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        if !head.contains(expected) {
            client
                .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            return head;
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut server = TcpStream::connect(target).unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\nX-Y: z\r\n\r\n")
            .unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        // The end of either side is the end of the tunnel.
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
        });
        let _ = io::copy(&mut server, &mut client);
        head
    });
    (address, served)
}

#[test]
fn an_http_proxy_is_asked_for_a_tunnel() {
    let secure = Secure::local();
    let (address, served) = proxy("Proxy-Authorization: Basic bWU6aHVudGVyMg==");
    let cluster = format!(", certificate-authority: pki/ca.crt, proxy-url: 'http://me:hunter2@{address}'");
    secure.add_with(&cluster, "").ok(&BOTH);
    assert!(
        served
            .join()
            .unwrap()
            .starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", secure.api.port()))
    );
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let secure = Secure::local();
    let (address, served) = proxy("something else");
    let cluster = format!(", certificate-authority: pki/ca.crt, proxy-url: 'http://{address}'");
    let details = secure
        .add_with(&cluster, "")
        .failed(100, "Get the own node object");
    assert!(
        details.contains(&format!("proxy http://{address} answered 407")),
        "{details}"
    );
    served.join().unwrap();
}
