//! The official archive of test binaries, when the network lets us have it.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};

use super::cache::Slot;
use super::{step, tools};

const ENV_URL: &str = "CADASTRE_ENVTEST_URL";
const ENV_SHA512: &str = "CADASTRE_ENVTEST_SHA512";

/// Where an archive is and what it must hash to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pin {
    url: String,
    /// Lower-case hexadecimal SHA-512.
    sha512: String,
}

/// Fetches the archive and places `programs` in the slot. `false` when there is no archive for this machine, the
/// network does not serve it, or it is not the one we pinned: then the caller builds instead.
pub(super) fn try_fetch(slot: &Slot, programs: &[&str], progress: &mut dyn FnMut(&str)) -> Result<bool> {
    let Some(pin) = pin()? else { return Ok(false) };
    if !reachable(&pin.url) {
        progress("the archive of test binaries cannot be reached from here; building them instead");
        return Ok(false);
    }
    let draft = slot.draft("archive.tar.gz");
    let fetched = download(&pin, &draft, slot, progress).and_then(|()| unpack(&draft, slot, programs));
    let _ = fs::remove_file(&draft);
    if let Err(error) = &fetched {
        progress(&format!(
            "not using the archive of test binaries: {error:#}; building them instead"
        ));
    }
    Ok(fetched.is_ok())
}

/// The pin for this machine: the environment's, else the file's.
fn pin() -> Result<Option<Pin>> {
    let var = |name| env::var(name).ok().filter(|value| !value.is_empty());
    match (var(ENV_URL), var(ENV_SHA512)) {
        (Some(url), _) if url == "none" => Ok(None),
        (Some(url), Some(sha512)) => Ok(Some(Pin {
            url,
            sha512: sha512.to_ascii_lowercase(),
        })),
        (None, None) => {
            let path = tools().join("control-plane/archive.pins");
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            parse_pins(&text, &platform())
        }
        (Some(_), None) => bail!("{ENV_URL} is set without {ENV_SHA512}; set both or neither"),
        (None, Some(_)) => bail!("{ENV_SHA512} is set without {ENV_URL}; set both or neither"),
    }
}

/// The name Go and the archives give this machine, such as `linux/amd64`.
fn platform() -> String {
    let arch = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{arch}", env::consts::OS)
}

/// The line of `archive.pins` for `platform`: `os/arch SHA-512 URL`, `#` starts a comment line.
pub(super) fn parse_pins(text: &str, platform: &str) -> Result<Option<Pin>> {
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, sha512, url] = fields.as_slice() else {
            bail!("archive.pins: {line:?} is not `os/arch SHA-512 URL`");
        };
        if sha512.len() != 128 || !sha512.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("archive.pins: {sha512:?} is not a SHA-512 in hexadecimal");
        }
        if *name == platform {
            return Ok(Some(Pin {
                url: (*url).to_owned(),
                sha512: sha512.to_ascii_lowercase(),
            }));
        }
    }
    Ok(None)
}

/// One byte within 5 seconds; also `false` without `curl`.
fn reachable(url: &str) -> bool {
    Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--location",
            "--max-time",
            "5",
            "--range",
            "0-0",
            "--output",
            "/dev/null",
        ])
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn download(pin: &Pin, to: &Path, slot: &Slot, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--connect-timeout",
        "5",
    ]);
    curl.args(["--max-time", "900", "--output"]).arg(to).arg(&pin.url);
    step::run(
        &curl,
        "fetching the archive of test binaries",
        &slot.dir().join("archive.log"),
        progress,
    )?;
    let mut hash = Sha512::new();
    let mut file = File::open(to).with_context(|| format!("cannot read {}", to.display()))?;
    io::copy(&mut file, &mut hash).with_context(|| format!("cannot read {}", to.display()))?;
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != pin.sha512 {
        bail!("{} has SHA-512 {found}, pinned is {}", pin.url, pin.sha512);
    }
    Ok(())
}

/// Places the wanted programs, whatever folder of the archive they are in.
pub(super) fn unpack(archive: &Path, slot: &Slot, programs: &[&str]) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    let mut found = Vec::new();
    for entry in tar.entries().context("cannot read the archive")? {
        let mut entry = entry.context("cannot read the archive")?;
        let path = entry.path().context("the archive names a bad path")?.into_owned();
        let Some(name) = programs
            .iter()
            .find(|name| path.file_name().is_some_and(|n| n == **name))
        else {
            continue;
        };
        entry
            .unpack(slot.draft(name))
            .with_context(|| format!("cannot unpack {name}"))?;
        found.push(*name);
    }
    for name in programs {
        if !found.contains(name) {
            bail!("the archive holds no {name}");
        }
        slot.publish(name)?;
    }
    Ok(())
}
