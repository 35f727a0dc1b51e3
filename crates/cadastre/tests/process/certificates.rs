//! Webhook certificates from files.

use testkit::{Port, eventually, install::Webhooks};

use crate::{
    listening,
    replica::{Replica, get, home},
    rig::PATIENCE,
    tls,
};

/// Without a certificate it is not ready and says why; when the files are there it is. When they are replaced, the new
/// one is served without a restart, and a broken replacement changes nothing.
#[tokio::test]
async fn mounted_certificates_are_waited_for_and_rotated() {
    let (plane, _, ns) = home("certificates").await;
    let dir = tempfile::tempdir().expect("a folder");
    let port = Port::reserve().expect("a free port");
    let args = [
        format!("--webhook-port={}", port.number()),
        "--webhook-host=127.0.0.1".to_owned(),
        format!("--webhook-cert-dir={}", dir.path().display()),
        format!("--namespace={ns}"),
    ];
    let mut replica = Replica::start(plane.kubeconfig(), &args);
    let pid = replica.process.pid();
    replica
        .unready(&["webhook certificate", "tls.crt", "--webhook-cert-dir"])
        .await;
    assert_eq!(replica.probe("/healthz").await.expect("an answer").0, 200);

    let first = Webhooks::prepare(port.number(), dir.path()).expect("certificates");
    replica.ready().await;
    assert!(listening::ports(pid).contains(&port.number()));
    served(port.number(), &first.ca_pem).await;

    std::fs::write(dir.path().join("tls.crt"), "half of it").expect("a writable folder");
    replica.says("cannot be used").await;
    served(port.number(), &first.ca_pem).await;
    assert_eq!(replica.probe("/readyz").await.expect("an answer").0, 200);

    let second = Webhooks::prepare(port.number(), dir.path()).expect("certificates");
    served(port.number(), &second.ca_pem).await;
    assert!(
        tls::connect(port.number(), "localhost", &first.ca_pem)
            .await
            .is_err(),
        "the old one is gone"
    );
    assert_eq!(replica.process.pid(), pid);
    assert!(replica.process.exited().is_none());
    replica.dismiss().await;
}

/// Waits until the webhooks serve a certificate of this authority, for a request that a webhook answers.
async fn served(port: u16, ca_pem: &str) {
    eventually(PATIENCE, "the certificate is served", || async {
        let stream = tls::connect(port, "localhost", ca_pem)
            .await
            .map_err(|e| format!("{e:#}"))?;
        let (status, _) = get(stream, "/convert").await.map_err(|e| format!("{e:#}"))?;
        // It wants a POST.
        if status == 405 {
            Ok(())
        } else {
            Err(format!("status {status}"))
        }
    })
    .await;
}
