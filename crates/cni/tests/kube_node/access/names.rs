//! Host names: the hosts file, and name servers.

use std::{net::UdpSocket, thread, time::Duration};

use testkit::netns::Netns;

use super::{BOTH, Secure, add};

#[test]
fn a_name_is_found_in_the_hosts_file() {
    let mut secure = Secure::new(&["api.cluster.example"]);
    let hosts = secure
        .bench
        .write("hosts", "192.0.2.9 other\n127.0.0.1 x api.cluster.example\n");
    secure.bench.namespace = Some(format!("/bin/mount --bind '{hosts}' /etc/hosts"));
    let server = format!("https://api.cluster.example:{}", secure.api.port());
    secure
        .bench
        .kubeconfig(&server, ", certificate-authority: pki/ca.crt", "");
    add(&secure.bench, &secure.bench.path("kubeconfig")).ok(&BOTH);
}

/// A name server on the port of name servers, because `resolv.conf` has no others: only in a network namespace of its
/// own. It answers A for one name, and to AAAA for it what is wanted.
fn name_server(name: &'static str, aaaa: Option<u8>) {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let mut wanted: Vec<u8> = Vec::new();
            for label in name.split('.') {
                wanted.push(u8::try_from(label.len()).unwrap());
                wanted.extend(label.as_bytes());
            }
            let known = question[12..].starts_with(&wanted);
            let is_a = question[length - 3] == 1;
            let code = match (known, is_a) {
                (false, _) => Some(3),
                (true, true) => Some(0),
                (true, false) => aaaa,
            };
            let Some(code) = code else { continue };
            let mut reply = question.to_vec();
            (reply[2], reply[3]) = (0x81, 0x80 | code);
            if known && is_a {
                reply[7] = 1;
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&reply, client);
        }
    });
}

/// With a `resolv.conf` that names our server and has these lines besides.
fn asking(secure: &mut Secure, more: &str) {
    let hosts = secure.bench.write("hosts", "127.0.0.1 localhost\n");
    let resolv = secure
        .bench
        .write("resolv.conf", &format!("nameserver 127.0.0.1\n{more}\n"));
    secure.bench.namespace = Some(format!(
        "/bin/mount --bind '{hosts}' /etc/hosts\n/bin/mount --bind '{resolv}' /etc/resolv.conf"
    ));
}

#[test]
fn a_name_is_asked_of_the_name_server_with_the_search_list() {
    const SERVFAIL: u8 = 2;
    // An answer without addresses, a failure, and silence to the question for IPv6.
    for aaaa in [Some(0), Some(SERVFAIL), None] {
        let inside = || {
            name_server("api.cluster.example", aaaa);
            let mut secure = Secure::new(&["api"]);
            asking(&mut secure, "search wrong.example cluster.example");
            let cluster = ", certificate-authority: pki/ca.crt";
            secure
                .bench
                .kubeconfig(&format!("https://api:{}", secure.api.port()), cluster, "");
            add(&secure.bench, &secure.bench.path("kubeconfig")).ok(&BOTH);
        };
        Netns::new("names").unwrap().run(inside).unwrap();
    }
}

#[test]
fn a_name_nobody_knows_is_a_clear_error_in_time() {
    let inside = || {
        name_server("api.cluster.example", Some(0));
        let mut secure = Secure::new(&["api"]);
        asking(&mut secure, "");
        secure.bench.kubeconfig(
            "https://nowhere.example:6443",
            ", certificate-authority: pki/ca.crt",
            "",
        );
        let output = add(&secure.bench, &secure.bench.path("kubeconfig"));
        let details = output.failed(11, "Get the own node object");
        assert!(details.contains("no address for nowhere.example"), "{details}");
        assert!(output.took < Duration::from_secs(30), "{output:?}");
    };
    Netns::new("names").unwrap().run(inside).unwrap();
}
