//! A process that ends in the middle of a change, at any moment.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use handler::backend::{NetBackend as _, NetworkManager, Recovery};
use testkit::eventually;
use testkit::network_manager::{Options, inside};

use super::ground::{DEADLINE, LONG, Node, Stranger, change, changed, everything, prepare, resolv_conf};

/// Folder of the handler, for the process that is to be killed.
const VICTIM: &str = "CADASTRE_VICTIM";

/// Moments after the start of a change. It is open after about 1.2 s.
const MOMENTS: [u64; 8] = [0, 20, 60, 120, 200, 350, 600, 1000];

/// Begins a change, says so in files, and never ends by itself.
async fn be_the_victim(folder: &Path) {
    let backend = NetworkManager::new(folder).unwrap();
    fs::write(folder.join("begins"), "").unwrap();
    let begun = backend.begin(&change(everything(), LONG)).await;
    fs::write(folder.join("open"), format!("{begun:?}")).unwrap();
    std::future::pending::<()>().await;
}

#[test]
fn case_44_a_process_killed_at_any_moment_leaves_the_former_network() {
    inside(&Options::default(), async || {
        if let Some(folder) = env::var_os(VICTIM) {
            return be_the_victim(Path::new(&folder)).await;
        }
        let node = Node::start();
        let before = prepare(&node.backend()).await;
        for moment in MOMENTS.map(Some).into_iter().chain([None]) {
            kill_at(&node.folder(), moment).await;
            let backend = node.backend();
            let recovery = backend.recover().await.unwrap();
            let when = format!("killed after {moment:?} ms: {recovery:?}");
            match &recovery {
                Recovery::RolledBack { outcome, policy, .. } => {
                    assert_eq!(policy, "p", "{when}");
                    assert_eq!(outcome.differs, Vec::<String>::new(), "{when}");
                }
                Recovery::Nothing => assert!(moment.is_some(), "{when}"),
                Recovery::Committed { .. } => panic!("{when}"),
            }
            assert_eq!(
                Stranger::new().await.checkpoints().await,
                Vec::<String>::new(),
                "{when}"
            );
            assert_eq!(changed(&backend, &before).await, Vec::<String>::new(), "{when}");
            eventually(DEADLINE, "the name servers are back", || async {
                let text = resolv_conf();
                let right = text.contains("192.0.2.53") && !text.contains("203.0.113.53");
                right.then_some(()).ok_or(format!("{when}: {text}"))
            })
            .await;
        }
        // And then the policy is applied again.
        let backend = node.backend();
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
        assert!(backend.plan(&everything()).await.unwrap().is_no_op());
    });
}

/// Starts a victim in this folder, and kills it so many milliseconds after it began, or once the change is open.
async fn kill_at(folder: &Path, moment: Option<u64>) {
    for file in ["begins", "open"] {
        let _ = fs::remove_file(folder.join(file));
    }
    let test: Vec<String> = env::args().skip(1).collect();
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(test)
        .env(VICTIM, folder)
        .spawn()
        .unwrap();
    exists(&folder.join("begins")).await;
    match moment {
        Some(moment) => tokio::time::sleep(Duration::from_millis(moment)).await,
        None => exists(&folder.join("open")).await,
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
}

async fn exists(file: &Path) {
    eventually(DEADLINE, "the victim has come that far", || async {
        file.exists()
            .then_some(())
            .ok_or_else(|| format!("{} is not there", file.display()))
    })
    .await;
}
