//! Namespaces and volumes of our own: apart from everybody else's, and gone afterwards.

use std::fs;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use testkit::cni::Volume;
use testkit::netns::Netns;

#[test]
fn a_namespace_has_loopback_and_nothing_else() {
    let namespace = Netns::new("lo").expect("namespaces can be made");
    let links = namespace
        .ip(&["-oneline", "link", "show"])
        .expect("ip runs inside");
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(links.contains("lo:") && links.contains("UP"), "{links}");
}

#[test]
fn a_namespace_is_gone_after_drop_even_when_its_work_panics() {
    let namespace = Netns::new("panic").expect("namespaces can be made");
    let path = namespace.path().to_owned();
    assert!(path.exists());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let namespace = namespace;
        namespace.run(|| panic!("inside")).expect("it can be entered");
    }));
    assert!(outcome.is_err(), "the panic is passed on");
    assert!(!path.exists());
}

#[test]
fn a_volume_is_seen_through_its_path_only_and_can_be_closed_for_writing() {
    let mut volume = Volume::tmpfs("size=64k").expect("a tmpfs can be mounted");
    let file = volume.path().join("file");
    fs::write(&file, "text").expect("it is writable");
    let big = fs::write(volume.path().join("big"), vec![0; 1 << 20]).expect_err("64 KiB do not hold 1 MiB");
    assert_eq!(big.kind(), ErrorKind::StorageFull);
    volume.set_read_only(true).expect("it can be remounted");
    let refused = fs::write(&file, "other").expect_err("it is read-only");
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(fs::read_to_string(&file).expect("it is readable"), "text");
    let path = volume.path().to_owned();
    drop(volume);
    assert!(!path.exists(), "nobody holds it any more");
}
