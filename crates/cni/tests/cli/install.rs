//! `install` and `uninstall`: whole at every moment, and nothing of anybody else is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::{PROGRAM, say};

const NAMES: [&str; 4] = ["cadastre-cni", "host-local", "kube-node", "node-annotation"];

fn bin() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn install(dir: &TempDir, more: &[&str]) -> String {
    say(&[
        ["cni", "install", "--dir", dir.path().to_str().unwrap()].as_slice(),
        more,
    ]
    .concat())
    .ok()
}

fn uninstall(dir: &TempDir) -> String {
    say(&["cni", "uninstall", "--dir", dir.path().to_str().unwrap()]).ok()
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn version_of(path: &Path) -> String {
    let output = Command::new(path)
        .env_clear()
        .env("CNI_COMMAND", "VERSION")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn all_names_are_one_file_that_works() {
    let dir = bin();
    install(&dir, &[]);
    assert_eq!(names(&dir), NAMES);
    let inode = fs::metadata(dir.path().join("cadastre-cni")).unwrap().ino();
    for name in NAMES {
        let file = fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(
            (file.ino(), file.permissions().mode() & 0o7777),
            (inode, 0o755),
            "{name}"
        );
    }
    for name in &NAMES[1..] {
        assert!(version_of(&dir.path().join(name)).contains("1.1.0"), "{name}");
    }
    let again = install(&dir, &[]);
    assert!(
        again.lines().all(|line| line.ends_with("is there already")),
        "{again}"
    );
    assert_eq!(fs::metadata(dir.path().join("host-local")).unwrap().ino(), inode);
    uninstall(&dir);
    assert_eq!(names(&dir), Vec::<String>::new());
}

#[test]
fn only_the_names_that_are_wanted_are_installed() {
    let dir = bin();
    install(&dir, &["--names", "kube-node"]);
    assert_eq!(names(&dir), ["cadastre-cni", "kube-node"]);
}

#[test]
fn the_host_local_of_somebody_else_stays_unless_asked_and_comes_back() {
    let dir = bin();
    let theirs = dir.path().join("host-local");
    fs::write(&theirs, "#!/bin/sh\necho theirs\n").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o711)).unwrap();
    let said = install(&dir, &[]);
    assert!(
        said.contains("host-local: somebody else's, left alone; --replace-host-local replaces it"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "#!/bin/sh\necho theirs\n");

    let said = install(&dir, &["--replace-host-local"]);
    assert!(
        said.contains("what was there is host-local.before-cadastre now"),
        "{said}"
    );
    assert!(version_of(&theirs).contains("1.1.0"));
    // Twice does not put our own file aside.
    install(&dir, &["--replace-host-local"]);
    let said = uninstall(&dir);
    assert!(
        said.contains("host-local: what was there before is back"),
        "{said}"
    );
    assert_eq!(names(&dir), ["host-local"]);
    let file = fs::metadata(&theirs).unwrap();
    assert_eq!(
        (
            file.permissions().mode() & 0o7777,
            fs::read_to_string(&theirs).unwrap().as_str()
        ),
        (0o711, "#!/bin/sh\necho theirs\n")
    );
}

#[test]
fn the_plugins_we_replace_are_kept_aside_and_a_link_stays_a_link() {
    let dir = bin();
    fs::write(dir.path().join("kube-node"), "the original").unwrap();
    symlink("/usr/lib/cni/host-local", dir.path().join("host-local")).unwrap();
    install(&dir, &["--replace-host-local"]);
    assert_eq!(
        fs::read_to_string(dir.path().join("kube-node.before-cadastre")).unwrap(),
        "the original"
    );
    uninstall(&dir);
    assert_eq!(names(&dir), ["host-local", "kube-node"]);
    assert_eq!(
        fs::read_link(dir.path().join("host-local")).unwrap(),
        Path::new("/usr/lib/cni/host-local")
    );
}

#[test]
fn uninstall_knows_its_files_by_what_is_in_them() {
    let dir = bin();
    install(&dir, &[]);
    // A package manager has put another program there since.
    fs::remove_file(dir.path().join("kube-node")).unwrap();
    fs::write(dir.path().join("kube-node"), "somebody else's").unwrap();
    let said = uninstall(&dir);
    assert!(said.contains("kube-node: somebody else's, left alone"), "{said}");
    assert_eq!(names(&dir), ["kube-node"]);
}

#[test]
fn another_build_of_ours_is_replaced_and_removed() {
    let dir = bin();
    let mut older = fs::read(PROGRAM).unwrap();
    older.extend(b"another build");
    for name in ["cadastre-cni", "host-local"] {
        fs::write(dir.path().join(name), &older).unwrap();
    }
    uninstall(&dir);
    assert_eq!(names(&dir), Vec::<String>::new());
    fs::write(dir.path().join("host-local"), &older).unwrap();
    // What an installer that was killed has left.
    fs::write(dir.path().join(".host-local.cadastre-new"), "half").unwrap();
    let said = install(&dir, &[]);
    assert!(said.contains("host-local: installed\n"), "{said}");
    assert_eq!(names(&dir), NAMES);
    assert_eq!(
        fs::metadata(dir.path().join("host-local")).unwrap().len(),
        fs::metadata(PROGRAM).unwrap().len()
    );
}

#[test]
fn a_name_is_whole_at_every_moment() {
    let dir = bin();
    let path = dir.path().join("host-local");
    fs::write(&path, "theirs").unwrap();
    let sizes = [6, fs::metadata(PROGRAM).unwrap().len()];
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let size = fs::metadata(&path).expect("the name is there").len();
                assert!(sizes.contains(&size), "{size} bytes");
                looks += 1;
            }
            looks
        });
        for _ in 0..5 {
            install(&dir, &["--replace-host-local"]);
            uninstall(&dir);
        }
        done.store(true, Ordering::SeqCst);
        assert!(watcher.join().unwrap() > 100);
    });
}

#[test]
fn a_directory_in_the_way_is_named() {
    let dir = bin();
    fs::create_dir(dir.path().join("kube-node")).unwrap();
    let said = say(&["cni", "install", "--dir", dir.path().to_str().unwrap()]);
    said.failed(2, &["kube-node", "it is no file"]);
}
