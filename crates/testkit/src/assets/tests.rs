use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cache::Slot;
use super::{Assets, CapiVersion, archive, capi, checked_env, go, tools};

fn read(path: &str) -> String {
    fs::read_to_string(tools().join(path)).expect("a file of this checkout")
}

#[test]
fn every_release_line_has_its_pin() {
    let sums = read("cluster-api/go.sum");
    for version in CapiVersion::ALL {
        let (_, sum) = capi::pinned(&sums, version).expect("a pin");
        assert!(sum.starts_with("h1:"), "{version:?}: {sum}");
    }
}

#[test]
fn a_pin_of_go_mod_is_not_taken_for_the_module() {
    let sums = "sigs.k8s.io/cluster-api v1.7.3/go.mod h1:a=\nsigs.k8s.io/cluster-api v1.7.3 h1:b=\n";
    assert_eq!(capi::pinned(sums, CapiVersion::V1_7), Some(("v1.7.3", "h1:b=")));
    assert_eq!(capi::pinned(sums, CapiVersion::V1_10), None);
}

#[test]
fn go_mod_names_the_versions_we_build() {
    let text = read("control-plane/go.mod");
    for module in ["k8s.io/kubernetes", "go.etcd.io/etcd/server/v3"] {
        assert!(go::required_version(&text, module).is_some(), "{module}");
    }
    assert_eq!(
        go::required_version("replace k8s.io/api => k8s.io/api v0.1.0", "k8s.io/api"),
        None
    );
}

#[test]
fn go_versions_compare_by_number() {
    assert!(go::at_least("go1.26.8", "1.26.0"));
    assert!(go::at_least("2:1.30~1", "1.26.0"));
    assert!(!go::at_least("go1.9", "1.26.0"), "9 is less than 26");
    assert!(!go::at_least("2:1.19~1", "1.26.0"));
    assert!(!go::at_least("(none)", "1.26.0"));
}

#[test]
fn archive_pins_are_well_formed_and_found_by_platform() {
    let text = read("control-plane/archive.pins");
    assert!(
        archive::parse_pins(&text, "linux/amd64")
            .expect("well formed")
            .is_some()
    );
    assert!(
        archive::parse_pins(&text, "plan9/mips")
            .expect("well formed")
            .is_none()
    );
    let error =
        archive::parse_pins("linux/amd64 abc https://example.org/x", "linux/amd64").expect_err("short sum");
    assert!(error.to_string().contains("SHA-512"), "{error}");
}

#[test]
fn programs_are_taken_from_any_folder_of_an_archive() {
    let dir = std::env::temp_dir().join(format!("cadastre-unpack-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("temporary folder");
    let archive_path = dir.join("a.tar.gz");
    let gz = flate2::write::GzEncoder::new(
        File::create(&archive_path).expect("file"),
        flate2::Compression::fast(),
    );
    let mut tar = tar::Builder::new(gz);
    for (path, content) in [
        ("x/bin/etcd", "E"),
        ("x/bin/kubectl", "K"),
        ("x/kube-apiserver", "A"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o755);
        tar.append_data(&mut header, path, content.as_bytes())
            .expect("append");
    }
    tar.into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .expect("finish");
    let slot = Slot::at(dir.join("slot"));
    let lock = slot
        .lock(|| false, &mut |_| ())
        .expect("lock")
        .expect("nobody else has it");

    archive::unpack(&archive_path, &slot, &["etcd", "kube-apiserver"]).expect("unpack");
    let assets = Assets::at(slot.dir()).expect("complete");
    assert_eq!(fs::read_to_string(assets.etcd()).expect("etcd"), "E");
    assert_eq!(assets.kube_controller_manager(), None);
    assert!(!slot.dir().join("kubectl").exists());
    let error = archive::unpack(&archive_path, &slot, &["no-such-program"]).expect_err("absent");
    assert!(error.to_string().contains("no-such-program"), "{error}");

    drop(lock);
    fs::remove_dir_all(&dir).expect("clean up");
}

#[test]
fn an_empty_assets_folder_is_refused_with_the_remedy() {
    let error = checked_env(&tools()).expect_err("no programs there").to_string();
    assert!(
        error.contains("KUBEBUILDER_ASSETS") && error.contains("unset"),
        "{error}"
    );
}

#[test]
fn who_waits_for_the_lock_is_told_and_stops_when_the_work_is_done() {
    let slot = Slot::at(std::env::temp_dir().join(format!("cadastre-lock-{}", std::process::id())));
    let lock = slot.lock(|| false, &mut |_| ()).expect("lock");
    let (done, told) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut progress = |line: &str| {
        assert!(line.starts_with("waiting for another process"), "{line}");
        told.store(true, Ordering::SeqCst);
        done.store(true, Ordering::SeqCst);
    };
    let second = slot
        .lock(|| done.load(Ordering::SeqCst), &mut progress)
        .expect("no error");
    assert!(second.is_none() && told.load(Ordering::SeqCst));
    drop(lock);
    fs::remove_dir_all(slot.dir()).expect("clean up");
}
