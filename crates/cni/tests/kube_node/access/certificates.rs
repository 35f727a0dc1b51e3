//! Certificates and keys, of the client and of the server.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use rcgen::KeyPair;

use super::{Authority, BOTH, Secure};

/// A new key as the command line tool writes it, and the same key in its older form. In the tree there is none: who
/// looks for secrets there should find nothing.
struct Key {
    pkcs8: String,
    traditional: String,
}

impl Key {
    fn ec() -> Self {
        let pkcs8 = openssl(
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ],
            "",
        );
        let traditional = openssl(&["ec"], &pkcs8);
        Self { pkcs8, traditional }
    }

    fn rsa() -> Self {
        let pkcs8 = openssl(
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "",
        );
        let traditional = openssl(&["rsa", "-traditional"], &pkcs8);
        Self { pkcs8, traditional }
    }
}

fn openssl(args: &[&str], stdin: &str) -> String {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs; install the Debian package openssl");
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn client_certificate_works(pkcs8: &str, as_written: &str) {
    let secure = Secure::local();
    let pair = secure
        .authority
        .client_with("system:node:n1", &KeyPair::from_pem(pkcs8).unwrap());
    secure.bench.write("pki/me.crt", &pair.certificate);
    secure.bench.write("pki/me.key", as_written);
    secure
        .add("client-certificate: pki/me.crt, client-key: pki/me.key")
        .ok(&BOTH);
    assert!(secure.api.requests()[0].certificate);
}

#[test]
fn a_client_certificate_with_an_ec_key_in_pkcs8() {
    let key = Key::ec();
    client_certificate_works(&key.pkcs8, &key.pkcs8);
}

#[test]
fn a_client_certificate_with_an_ec_key_in_sec1() {
    let key = Key::ec();
    client_certificate_works(&key.pkcs8, &key.traditional);
}

#[test]
fn a_client_certificate_with_an_rsa_key_in_pkcs8() {
    let key = Key::rsa();
    client_certificate_works(&key.pkcs8, &key.pkcs8);
}

#[test]
fn a_client_certificate_with_an_rsa_key_in_pkcs1() {
    let key = Key::rsa();
    client_certificate_works(&key.pkcs8, &key.traditional);
}

/// The kubelet writes certificate and key into one file and names it twice.
#[test]
fn certificate_and_key_may_be_one_file() {
    let secure = Secure::local();
    let pair = secure.authority.client("system:node:n1");
    secure
        .bench
        .write("pki/me.pem", &format!("{}{}", pair.certificate, pair.key));
    secure
        .add("client-certificate: pki/me.pem, client-key: pki/me.pem")
        .ok(&BOTH);
}

#[test]
fn the_node_is_known_by_the_client_certificate() {
    let mut secure = Secure::local();
    secure.bench.unset("NODE_NAME");
    let pair = secure.authority.client("system:node:n1");
    secure.bench.write("me.crt", &pair.certificate);
    secure.bench.write("me.key", &pair.key);
    secure
        .add("client-certificate: me.crt, client-key: me.key")
        .ok(&BOTH);
    assert_eq!(secure.api.paths(), ["/api/v1/nodes/n1"]);
}

#[test]
fn certificates_may_be_in_the_kubeconfig_itself() {
    let secure = Secure::local();
    let pair = secure.authority.client("me");
    let base64 = |text: &str| {
        let mut child = Command::new("base64");
        child.arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let cluster = format!(", certificate-authority-data: {}", base64(&secure.authority.pem));
    let (certificate, key) = (base64(&pair.certificate), base64(&pair.key));
    secure
        .add_with(
            &cluster,
            &format!("client-certificate-data: {certificate}, client-key-data: {key}"),
        )
        .ok(&BOTH);
    assert!(secure.api.requests()[0].certificate);
}

#[test]
fn a_certificate_of_another_authority_is_refused_at_once() {
    let secure = Secure::local();
    secure.bench.write("pki/ca.crt", &Authority::new().pem);
    let output = secure.add("");
    let details = output.failed(100, "Get the own node object");
    assert!(
        details.contains("not signed by the certificate authority"),
        "{details}"
    );
    secure.add_with(", insecure-skip-tls-verify: true", "").ok(&BOTH);
}

#[test]
fn a_certificate_for_another_name_is_refused_and_the_names_are_said() {
    let secure = Secure::new(&["api.example", "192.0.2.1"]);
    let details = secure.add("").failed(100, "Get the own node object");
    assert!(
        details.contains("127.0.0.1") && details.contains("api.example"),
        "{details}"
    );
    let cluster = ", certificate-authority: pki/ca.crt, tls-server-name: api.example";
    secure.add_with(cluster, "").ok(&BOTH);
}
