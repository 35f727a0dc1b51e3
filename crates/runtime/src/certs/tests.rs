use super::*;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

/// Writes a pair the way a kubelet does: a new directory, then the link `..data` swapped over to it.
fn mount(dir: &Path, version: &str, cert: &str, key: &str) {
    let data = dir.join(version);
    fs::create_dir(&data).unwrap();
    fs::write(data.join("tls.crt"), cert).unwrap();
    fs::write(data.join("tls.key"), key).unwrap();
    let (fresh, link) = (dir.join("..data_tmp"), dir.join("..data"));
    symlink(version, &fresh).unwrap();
    fs::rename(&fresh, &link).unwrap();
    for file in ["tls.crt", "tls.key"] {
        let visible = dir.join(file);
        if !visible.exists() {
            symlink(Path::new("..data").join(file), visible).unwrap();
        }
    }
}

fn pair() -> Issued {
    issue(&["webhook.ns.svc".to_owned()], Timestamp::now()).unwrap()
}

fn served(certificates: &Certificates) -> Option<Vec<u8>> {
    let current = certificates.resolver.current.load_full()?;
    Some(current.cert[0].to_vec())
}

fn der(issued: &Issued) -> Vec<u8> {
    pem::certificates(&issued.cert_pem).unwrap()[0].to_vec()
}

async fn until(certificates: &Certificates, what: &str, test: impl Fn(&CertStatus) -> bool) {
    let mut status = certificates.status();
    let waited = timeout(Duration::from_secs(60), status.wait_for(|status| test(status))).await;
    assert!(waited.is_ok(), "never {what}: {:?}", certificates.now());
}

#[tokio::test(start_paused = true)]
async fn mounted_files_are_followed_and_a_broken_pair_keeps_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let source = CertSource::Mounted {
        dir: dir.path().into(),
        cert_name: "tls.crt".into(),
        key_name: "tls.key".into(),
    };
    let certificates = Certificates::start(source, &tasks);
    until(&certificates, "missing", |status| status.problem.is_some()).await;
    let problem = certificates.now().problem.unwrap();
    assert!(
        problem.contains("tls.crt") && problem.contains("--webhook-cert-dir"),
        "{problem}"
    );
    assert_eq!(served(&certificates), None);

    let (first, second) = (pair(), pair());
    mount(dir.path(), "..1", &first.cert_pem, &first.key_pem);
    until(&certificates, "served", |status| {
        status.serving && status.problem.is_none()
    })
    .await;
    assert_eq!(served(&certificates), Some(der(&first)));

    mount(dir.path(), "..2", &second.cert_pem, &first.key_pem);
    until(&certificates, "warned", |status| status.problem.is_some()).await;
    assert!(certificates.now().serving);
    assert_eq!(
        served(&certificates),
        Some(der(&first)),
        "the old one is served on"
    );

    mount(dir.path(), "..3", &second.cert_pem, &second.key_pem);
    until(&certificates, "repaired", |status| status.problem.is_none()).await;
    assert_eq!(served(&certificates), Some(der(&second)));

    let long_ago = Timestamp::now() - jiff::SignedDuration::from_hours(24 * 365);
    let old = issue(&["webhook.ns.svc".to_owned()], long_ago).unwrap();
    mount(dir.path(), "..4", &old.cert_pem, &old.key_pem);
    until(&certificates, "expired", |status| {
        status
            .problem
            .as_ref()
            .is_some_and(|problem| problem.contains("expired at"))
    })
    .await;
    assert_eq!(
        served(&certificates),
        Some(der(&old)),
        "better than nothing for clients that do not check"
    );
    assert_eq!(tasks.drain(Duration::from_secs(5)).await, 0);
    assert_eq!(tasks.failure(), None);
}

#[tokio::test]
async fn a_certificate_in_memory_is_there_at_once() {
    let source = CertSource::InMemory {
        names: vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
    };
    let certificates = Certificates::start(source, &Tasks::new());
    let status = certificates.now();
    assert!(status.serving && status.problem.is_none());
    let facts = pem::facts(&served(&certificates).unwrap().into()).unwrap();
    assert_eq!(facts.names, ["127.0.0.1", "::1", "localhost"]);
    let ca = pem::certificates(&status.ca_bundle.unwrap()).unwrap().remove(0);
    assert!(pem::is_signed_by(&served(&certificates).unwrap().into(), &ca));
}

#[tokio::test]
async fn a_name_no_certificate_can_carry_is_reported() {
    let certificates = Certificates::start(
        CertSource::InMemory {
            names: vec!["naïve.example".into()],
        },
        &Tasks::new(),
    );
    let status = certificates.now();
    assert!(!status.serving && status.problem.unwrap().contains("naïve.example"));
}

#[test]
fn bad_pem_is_refused_with_the_part_that_is_bad() {
    let good = pair();
    let table = [
        ("", good.key_pem.as_str(), "no certificate"),
        (good.cert_pem.as_str(), "", "private key"),
        (
            good.cert_pem.as_str(),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "private key",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
            good.key_pem.as_str(),
            "certificate",
        ),
    ];
    for (cert, key, want) in table {
        let error = pem::certified_key(cert, key).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    assert!(!format!("{good:?}").contains("PRIVATE"), "keys are not printed");
}
