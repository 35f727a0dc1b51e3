//! How a region is reached, and as whom (cases 131 to 133, 135 to 137).

use std::time::Duration;

use testkit::proxmox::{Guest, Privileges, Release, Template, Vm};

use crate::ground::{New, Site, TOKEN, addresses};
use crate::initialising::assert_std;

const USER: (&str, &str) = ("kubernetes@pve", "secret-of-a-test");

/// One machine with an address, and an account of each kind; the user may do what it is given. Release 8, because 9 refuses
/// a question for groups that comes before the version is known, and here no request may be refused.
async fn open(name: &str, user: Privileges) -> Site {
    let vm = Vm::new(100, name).guest(Guest::eth0(&["10.0.0.5/24"]));
    let site = Site::build(|builder| {
        let builder = builder
            .region("cluster-1")
            .release(Release::V8)
            .host("pve-1")
            .vm(vm);
        builder
            .token(TOKEN.0, TOKEN.1, Privileges::all())
            .user(USER.0, USER.1, user)
    })
    .await;
    site.node(New::tainted(name, 100)).await;
    site
}

fn token() -> String {
    format!("token_id: \"{}\", token_secret: \"{}\"", TOKEN.0, TOKEN.1)
}

/// A file with one region whose entry is this.
fn file(cluster: &str) -> String {
    format!("features: {{network: {{mode: qemu}}}}\nclusters:\n{cluster}")
}

/// The only Node gets everything with this file.
async fn initialises(site: &Site, case: &str, name: &str, file: &str) {
    let controller = site.start_with(file, |_, _| {}).await;
    let node = site.has_addresses(name, &format!("H {name}, I 10.0.0.5")).await;
    assert_std(case, &node, 100, "pve-1");
    site.event(name, "Synced").await;
    assert_eq!(site.events(name).await.len(), 1, "{case}");
    controller.stop().await;
}

/// Every request was taken, and all were of this account.
fn assert_only(site: &Site, case: &str, who: &str) {
    let log = site.pve.log();
    assert!(!log.is_empty(), "{case}");
    for entry in log {
        assert_eq!((entry.who.as_str(), entry.status), (who, 200), "{case}: {entry}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_131_a_user_without_password_beside_a_token() {
    let site = open("c131", Privileges::all()).await;
    let cluster = site.cluster("cluster-1", &format!("username: \"{}\", {}", USER.0, token()));
    initialises(&site, "case_131", "c131", &file(&cluster)).await;
    assert_only(&site, "case_131", TOKEN.0);
    assert_eq!(site.pve.count(Template::Ticket), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_132_white_space_around_tokens_in_files() {
    let site = open("c132", Privileges::all()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (id, secret) = (folder.path().join("id"), folder.path().join("secret"));
    std::fs::write(&id, format!("  {} \n", TOKEN.0)).expect("the file is written");
    std::fs::write(&secret, format!("\t{}\r\n\n", TOKEN.1)).expect("the file is written");
    let files = format!(
        "token_id_file: \"{}\", token_secret_file: \"{}\"",
        id.display(),
        secret.display()
    );
    initialises(
        &site,
        "case_132",
        "c132",
        &file(&site.cluster("cluster-1", &files)),
    )
    .await;
    assert_only(&site, "case_132", TOKEN.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_133_a_slash_at_the_end_of_the_url() {
    let site = open("c133", Privileges::all()).await;
    let url = site.pve.url("cluster-1");
    let slashed = site
        .cluster("cluster-1", &token())
        .replace(&url, &format!("{url}/"));
    assert!(slashed.contains("/api2/json/\""), "{slashed}");
    initialises(&site, "case_133", "c133", &file(&slashed)).await;
    assert_only(&site, "case_133", TOKEN.0);
    assert_eq!(site.pve.count(Template::Other), 0, "{}", site.pve.log_tail());
}

fn as_user(site: &Site) -> String {
    let user = format!("username: \"{}\", password: \"{}\"", USER.0, USER.1);
    file(&site.cluster("cluster-1", &user))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_135_a_user_logs_in_first() {
    let site = open("c135", Privileges::all()).await;
    initialises(&site, "case_135", "c135", &as_user(&site)).await;
    let log = site.pve.log();
    assert_eq!(
        log.first().map(|entry| entry.template),
        Some(Template::Ticket),
        "{}",
        site.pve.log_tail()
    );
    assert_eq!(site.pve.count(Template::Ticket), 1, "{}", site.pve.log_tail());
    for entry in &log[1..] {
        assert_eq!((entry.who.as_str(), entry.status), (USER.0, 200), "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_136_a_refusal_with_a_young_ticket() {
    let user = Privileges::all()
        .without("VM.GuestAgent.Audit")
        .without("VM.Monitor");
    let site = open("c136", user).await;
    let controller = site.start_with(&as_user(&site), |_, _| {}).await;
    let node = site.initialised("c136").await;
    assert_std("case_136", &node, 100, "pve-1");
    let text = site.event("c136", "GuestAddressesUnavailable").await;
    assert!(
        text.contains("403") || text.contains("Permission check failed"),
        "{text}"
    );
    controller.stop().await;
    assert_eq!(addresses(&site.get("c136").await), "H c136");
    let counts = site.pve.counts();
    assert_eq!(
        counts.get(&(Template::GuestInterfaces, 403)),
        Some(&1),
        "{counts:?}"
    );
    assert_eq!(site.pve.count(Template::GuestInterfaces), 1, "{counts:?}");
    assert_eq!(
        site.pve.count(Template::Ticket),
        1,
        "no new log-in: {}",
        site.pve.log_tail()
    );
}

/// An hour in which nothing goes wrong: the old ticket is good for another hour, and is never seen to fail.
#[tokio::test]
async fn case_137_a_ticket_is_renewed_at_half_life() {
    let site = open("c137", Privileges::all()).await;
    let controller = site.start_with(&as_user(&site), |_, _| {}).await;
    site.has_addresses("c137", "H c137, I 10.0.0.5").await;
    assert_eq!(site.pve.count(Template::Ticket), 1);
    later(Duration::from_secs(59 * 60)).await;
    let before = site.pve.count(Template::Resources);
    site.asked(Template::Resources, before + 1).await;
    assert_eq!(
        site.pve.count(Template::Ticket),
        1,
        "not yet: {}",
        site.pve.log_tail()
    );
    later(Duration::from_secs(2 * 60)).await;
    site.asked(Template::Ticket, 2).await;
    let before = site.pve.count(Template::Resources);
    site.asked(Template::Resources, before + 1).await;
    controller.stop().await;
    for entry in site.pve.log() {
        assert_eq!(entry.status, 200, "{entry}\n{}", site.pve.log_tail());
    }
    assert_eq!(site.pve.count(Template::Ticket), 2, "{}", site.pve.log_tail());
    assert_eq!(addresses(&site.get("c137").await), "H c137, I 10.0.0.5");
}

/// Lets the controller's clock jump; those of the servers go on as they are.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
