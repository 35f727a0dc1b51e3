//! The plugin's own file (spec cni-ipam §6.2).

use std::{
    env,
    ffi::OsStr,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use crate::{
    delegate::NextIpam,
    file::read_small,
    json::{Json, Object},
    node,
    protocol::warn,
};

/// Where it is when `$NODE_ANNOTATION_CFG` does not say.
const DEFAULT_PATH: &str = "/etc/cni/node-annotation.conf";

/// Larger than any such file; a bound, because the environment may name any.
const SIZE_LIMIT: u64 = 1 << 20;

/// What the file says; nothing when it does not exist.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Path of the kubeconfig.
    pub(super) kubeconfig: Option<String>,
    /// Who allocates, if not the built-in allocator.
    pub(super) next: Option<NextIpam>,
    log: Option<PathBuf>,
}

impl Config {
    /// Reads the file. Whatever is wrong with it is a warning, never an error.
    pub(super) fn load() -> Self {
        let named = env::var_os("NODE_ANNOTATION_CFG").filter(|path| !path.is_empty());
        let path = named.map_or_else(|| PathBuf::from(DEFAULT_PATH), PathBuf::from);
        let bytes = match read_small(&path, SIZE_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    warn(&format!("cannot read {}: {error}; ignored", path.display()));
                }
                return Self::default();
            }
        };
        match serde_json::from_slice::<Json>(&bytes) {
            Ok(Json::Object(file)) => Self::from_object(&file),
            Ok(other) => {
                warn(&format!(
                    "{} is a JSON {}, not an object; ignored",
                    path.display(),
                    other.kind()
                ));
                Self::default()
            }
            Err(error) => {
                warn(&format!("{} is not JSON ({error}); ignored", path.display()));
                Self::default()
            }
        }
    }

    fn from_object(file: &Object) -> Self {
        let text = |key: &str| match file.get(key) {
            Some(Json::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            None => None,
            Some(other) => {
                warn(&format!(
                    "{key} in the configuration file is a {}, not a string; ignored",
                    other.kind()
                ));
                None
            }
        };
        // The replaced program exports it as KUBECONFIG, which is a list.
        let kubeconfig = text("kubeconfig").and_then(|list| node::first_existing(OsStr::new(&list)));
        Self {
            kubeconfig: kubeconfig.map(|path| path.to_string_lossy().into_owned()),
            next: text("nextipam").as_deref().and_then(NextIpam::parse),
            log: text("log").map(PathBuf::from),
        }
    }

    /// Appends a line to the log, if there is one. Never an error.
    pub(super) fn log(&self, line: &str) {
        let Some(path) = &self.log else { return };
        // Not to hang on a pipe that nobody reads.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .custom_flags(flags)
            .open(path);
        if let Ok(mut file) = opened {
            let line = format!("{}\n", line.replace('\n', " "));
            let _ = file.write_all(line.as_bytes());
        }
    }
}
