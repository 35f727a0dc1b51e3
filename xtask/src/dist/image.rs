//! An OCI image archive (image-spec 1.1) written without a container daemon.
//!
//! The same input gives the same bytes: no clock, no user names, sorted entries.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::sums::hex;
use crate::manifest::IMAGE;

/// The user every distroless image calls `nonroot`; the Deployment asks for the same number.
const USER: u32 = 65532;

/// Names of replaced programs; called by one, ours behaves like it.
const NAMES: [&str; 2] = ["manager", "proxmox-cloud-controller-manager"];

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Static programs and the machine they are for.
#[derive(Debug)]
pub(super) struct Platform {
    /// `GOARCH` name.
    pub(super) architecture: &'static str,
    /// The cluster program.
    pub(super) binary: Vec<u8>,
    /// The CNI plugins, which a DaemonSet of this image puts on its node.
    pub(super) plugins: Vec<u8>,
}

/// Writes the archive to `path`; `tag` becomes the image's reference name.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, tag: &str, platforms: &[Platform]) -> Result<()> {
    let mut blobs = Vec::new();
    let mut manifests = Vec::new();
    for platform in platforms {
        let mut manifest = add_platform(&mut blobs, tag, platform)?;
        manifest["platform"] = json!({"os": "linux", "architecture": platform.architecture});
        manifests.push(manifest);
    }
    // One platform stands in index.json directly; several share an index, so that the tag names them all.
    let mut tagged = match <[Value; 1]>::try_from(manifests) {
        Ok([only]) => only,
        Err(several) => add_json(
            &mut blobs,
            INDEX,
            &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": several}),
        )?,
    };
    tagged["annotations"] = json!({
        "org.opencontainers.image.ref.name": tag,
        "io.containerd.image.name": format!("{IMAGE}:{tag}"),
    });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [tagged]});
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut archive = Builder::new(file);
    add_file(
        &mut archive,
        "oci-layout",
        0o644,
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    add_file(&mut archive, "index.json", 0o644, &serde_json::to_vec(&index)?)?;
    blobs.sort();
    blobs.dedup();
    for (digest, content) in &blobs {
        add_file(&mut archive, &format!("blobs/sha256/{digest}"), 0o644, content)?;
    }
    archive.into_inner()?.sync_all()?;
    Ok(())
}

/// Content by its digest.
type Blob = (String, Vec<u8>);

/// Adds layer, configuration and manifest of one machine; returns the manifest's descriptor.
fn add_platform(blobs: &mut Vec<Blob>, tag: &str, platform: &Platform) -> Result<Value> {
    let layer = layer(platform)?;
    let diff_id = format!("sha256:{}", hex(&layer));
    // Plain gzip without name and time: the header is then always the same.
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&layer)?;
    let layer = add_blob(blobs, LAYER, gzip.finish()?);
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "os": "linux",
        "architecture": platform.architecture,
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/manager"],
            "WorkingDir": "/",
            "Labels": labels(tag),
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": "cargo xtask dist"}],
    });
    let config = add_json(blobs, CONFIG, &config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [layer],
        "annotations": labels(tag),
    });
    add_json(blobs, MANIFEST, &manifest)
}

fn labels(tag: &str) -> Value {
    json!({
        "org.opencontainers.image.title": "Cadastre",
        "org.opencontainers.image.description": "The register of a cluster's addresses",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": tag,
    })
}

/// The root file system: the program under all its names, the plugins, the user it runs as, public authorities, and a
/// folder for temporary files.
///
/// No `nsswitch.conf`: a static program must not load foreign name-service modules. The authorities are for the cloud
/// controller, which asks Proxmox VE under whatever certificate it has; people mount their own over the file.
fn layer(platform: &Platform) -> Result<Vec<u8>> {
    let mut tree = Builder::new(Vec::new());
    add_file(&mut tree, "cadastre", 0o755, &platform.binary)?;
    add_file(&mut tree, "cadastre-cni", 0o755, &platform.plugins)?;
    for name in NAMES {
        let mut link = header(EntryType::Symlink, 0o777, 0);
        tree.append_link(&mut link, name, "cadastre")?;
    }
    add_folder(&mut tree, "etc/", 0o755)?;
    let group = format!("root:x:0:\nnonroot:x:{USER}:\n");
    add_file(&mut tree, "etc/group", 0o644, group.as_bytes())?;
    let passwd =
        format!("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/:/sbin/nologin\n");
    add_file(&mut tree, "etc/passwd", 0o644, passwd.as_bytes())?;
    for folder in ["etc/ssl/", "etc/ssl/certs/"] {
        add_folder(&mut tree, folder, 0o755)?;
    }
    add_file(
        &mut tree,
        "etc/ssl/certs/ca-certificates.crt",
        0o644,
        authorities().as_bytes(),
    )?;
    add_folder(&mut tree, "tmp/", 0o1777)?;
    Ok(tree.into_inner()?)
}

/// The public certificate authorities Mozilla trusts, as PEM (RFC 7468).
fn authorities() -> String {
    let mut text = String::new();
    for certificate in TLS_SERVER_ROOT_CERTS {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = BASE64_STANDARD.encode(certificate);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

fn add_json(blobs: &mut Vec<Blob>, media_type: &str, value: &Value) -> Result<Value> {
    Ok(add_blob(blobs, media_type, serde_json::to_vec(value)?))
}

/// Keeps some content and returns its descriptor.
fn add_blob(blobs: &mut Vec<Blob>, media_type: &str, content: Vec<u8>) -> Value {
    let digest = hex(&content);
    let descriptor =
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()});
    blobs.push((digest, content));
    descriptor
}

pub(super) fn add_file<W: Write>(
    archive: &mut Builder<W>,
    name: &str,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    let mut header = header(EntryType::Regular, mode, u64::try_from(content.len())?);
    archive.append_data(&mut header, name, content)?;
    Ok(())
}

fn add_folder<W: Write>(archive: &mut Builder<W>, name: &str, mode: u32) -> Result<()> {
    archive.append_data(&mut header(EntryType::Directory, mode, 0), name, std::io::empty())?;
    Ok(())
}

/// A header that depends on nothing but its arguments: owned by root, dated 1970.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests;
