//! Reads archives back the way a container runtime does.

use std::{collections::BTreeMap, fs, io::Read};

use flate2::read::GzDecoder;
use tar::Archive;

use super::*;

fn amd64(binary: &[u8]) -> Platform {
    Platform {
        architecture: "amd64",
        binary: binary.to_vec(),
        plugins: b"plugins".to_vec(),
    }
}

fn bytes(platforms: &[Platform]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.tar");
    write(&path, "v1.2.3", platforms).unwrap();
    fs::read(path).unwrap()
}

fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = Archive::new(archive);
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(
            files.insert(name.clone(), content).is_none(),
            "{name} is there twice"
        );
    }
    files
}

/// Follows a descriptor, checking digest and size.
fn follow(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let content = files
        .get(&format!("blobs/sha256/{digest}"))
        .unwrap_or_else(|| panic!("no blob {digest}"));
    assert_eq!(hex(content), digest);
    assert_eq!(descriptor["size"], content.len());
    content.clone()
}

fn object(content: &[u8]) -> Value {
    serde_json::from_slice(content).unwrap()
}

/// Checks one machine's image and returns its unpacked root file system.
fn root_of(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
    assert_eq!(descriptor["mediaType"], MANIFEST);
    let manifest = object(&follow(files, descriptor));
    let config = object(&follow(files, &manifest["config"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/manager"]));
    assert_eq!(
        config["config"]["Labels"]["org.opencontainers.image.version"],
        "v1.2.3"
    );
    assert_eq!(config["architecture"], descriptor["platform"]["architecture"]);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    let mut root = Vec::new();
    GzDecoder::new(&*follow(files, &manifest["layers"][0]))
        .read_to_end(&mut root)
        .unwrap();
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([format!("sha256:{}", hex(&root))])
    );
    root
}

#[test]
fn every_digest_and_size_holds() {
    let files = files(&bytes(&[amd64(b"program")]));
    assert_eq!(object(&files["oci-layout"])["imageLayoutVersion"], "1.0.0");
    let index = object(&files["index.json"]);
    let descriptor = &index["manifests"][0];
    assert_eq!(
        descriptor["annotations"]["org.opencontainers.image.ref.name"],
        "v1.2.3"
    );
    root_of(&files, descriptor);
    // oci-layout, index.json, manifest, configuration, layer: nothing that no one refers to.
    assert_eq!(files.len(), 5);
}

#[test]
fn the_file_system_holds_the_program_under_all_its_names() {
    let files = files(&bytes(&[amd64(b"program")]));
    let root = root_of(&files, &object(&files["index.json"])["manifests"][0]);
    let mut seen = Vec::new();
    for entry in Archive::new(&*root).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!(
            (
                header.mtime().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap()
            ),
            (0, 0, 0)
        );
        let name = entry.path().unwrap().display().to_string();
        let target = entry
            .link_name()
            .unwrap()
            .map(|target| target.display().to_string());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        match name.as_str() {
            "cadastre" => assert_eq!((content.as_str(), header.mode().unwrap()), ("program", 0o755)),
            "cadastre-cni" => assert_eq!((content.as_str(), header.mode().unwrap()), ("plugins", 0o755)),
            "manager" | "proxmox-cloud-controller-manager" => {
                assert_eq!(target.as_deref(), Some("cadastre"));
            }
            "etc/ssl/certs/ca-certificates.crt" => {
                let count = content.matches("-----BEGIN CERTIFICATE-----\n").count();
                assert!(count > 100, "{count} authorities");
                assert_eq!(content.matches("-----END CERTIFICATE-----\n").count(), count);
                assert!(content.lines().all(|line| (1..=64).contains(&line.len())));
            }
            "etc/passwd" => assert!(content.contains("nonroot:x:65532:65532:"), "{content}"),
            "tmp/" => assert_eq!(header.mode().unwrap(), 0o1777),
            _ => {}
        }
        seen.push(name);
    }
    assert_eq!(
        seen,
        [
            "cadastre",
            "cadastre-cni",
            "manager",
            "proxmox-cloud-controller-manager",
            "etc/",
            "etc/group",
            "etc/passwd",
            "etc/ssl/",
            "etc/ssl/certs/",
            "etc/ssl/certs/ca-certificates.crt",
            "tmp/"
        ]
    );
}

#[test]
fn the_same_program_gives_the_same_archive() {
    assert_eq!(bytes(&[amd64(b"program")]), bytes(&[amd64(b"program")]));
    assert_ne!(bytes(&[amd64(b"program")]), bytes(&[amd64(b"another")]));
}

#[test]
fn several_machines_share_one_tag() {
    let arm = Platform {
        architecture: "arm64",
        binary: b"other program".to_vec(),
        plugins: b"other plugins".to_vec(),
    };
    let files = files(&bytes(&[amd64(b"program"), arm]));
    let outer = object(&files["index.json"]);
    assert_eq!(outer["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(outer["manifests"][0]["mediaType"], INDEX);
    let inner = object(&follow(&files, &outer["manifests"][0]));
    let machines: Vec<_> = inner["manifests"].as_array().unwrap().clone();
    assert_eq!(machines.len(), 2);
    for (descriptor, name) in machines.iter().zip(["amd64", "arm64"]) {
        assert_eq!(
            descriptor["platform"],
            json!({"os": "linux", "architecture": name})
        );
        root_of(&files, descriptor);
    }
}
