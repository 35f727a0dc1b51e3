//! What `gc`, `release` and `metrics` say about files that are no reservations, and to programs.

use std::fs::{self, File};
use std::time::SystemTime;

use crate::yard::Yard;

#[test]
fn a_torn_file_from_before_the_boot_is_counted_once() {
    let yard = Yard::new();
    yard.put("net/10.0.0.2", "");
    let file = File::open(yard.data().join("net/10.0.0.2")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    for (args, said) in [
        (
            ["gc", "--before-boot", "--dry-run"].as_slice(),
            "1 reservation would be released, 0 kept\n",
        ),
        (&["gc", "--before-boot"], "1 reservation released, 0 kept\n"),
    ] {
        let text = yard.say(args).ok();
        assert!(text.ends_with(said), "{text}");
        assert_eq!(text.matches("10.0.0.2").count(), 1, "{text}");
    }
    assert!(yard.reservations("net").is_empty());
}

#[test]
fn release_tells_programs_what_it_has_done() {
    let yard = Yard::new();
    yard.put("net/10.0.0.2", "container-one\r\neth0");
    yard.put("net/10.0.0.3", "container-one\r\nnet1");
    let said = yard
        .say(&["release", "container-one", "--yes", "-o", "json"])
        .json();
    let released = said["released"].as_array().unwrap();
    let addresses: Vec<&str> = released
        .iter()
        .map(|held| held["address"].as_str().unwrap())
        .collect();
    assert_eq!(addresses, ["10.0.0.2", "10.0.0.3"]);
    assert_eq!(released[1]["ifname"], "net1");
    assert!(yard.reservations("net").is_empty());
}

#[test]
fn what_is_no_file_has_to_be_removed_by_hand() {
    let yard = Yard::new();
    fs::create_dir_all(yard.data().join("net/10.0.0.2")).unwrap();
    yard.say(&["release", "10.0.0.2", "--yes"])
        .failed(1, &["net/10.0.0.2 is no regular file", "by hand"]);
}

#[test]
fn metrics_are_what_list_tells() {
    let yard = Yard::new();
    yard.configure(&yard.network("net", "10.0.0.0/29"));
    yard.put("net/10.0.0.2", "container-one\r\neth0");
    yard.put("net/10.0.0.9", "container-two\r\neth0");
    let before = yard.everything();
    let text = yard.say(&["metrics"]).ok();
    let labels = format!(r#"network="net",data_dir="{}""#, yard.data().display());
    let range = format!(r#"{labels},range="10.0.0.1-10.0.0.6""#);
    for line in [
        "# TYPE cadastre_cni_range_free_addresses gauge".to_owned(),
        format!("cadastre_cni_range_addresses{{{range}}} 5"),
        format!("cadastre_cni_range_used_addresses{{{range}}} 1"),
        format!("cadastre_cni_range_free_addresses{{{range}}} 4"),
        format!(r#"cadastre_cni_reservations{{{labels},sandbox="unknown"}} 2"#),
        format!(r#"cadastre_cni_reservations{{{labels},sandbox="gone"}} 0"#),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    let age = format!("cadastre_cni_range_oldest_reservation_seconds{{{range}}} ");
    assert!(text.contains(&age), "{text}");
    assert_eq!(yard.everything(), before);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cadastre.prom");
    assert_eq!(yard.say(&["metrics", "--file", file.to_str().unwrap()]).ok(), "");
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains("cadastre_cni_range_free_addresses")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let nowhere = folder.path().join("nowhere/x.prom");
    yard.say(&["metrics", "--file", nowhere.to_str().unwrap()])
        .failed(2, &["nowhere/x.prom", "No such file"]);
}
