//! Files that are whole at every moment, and only root's.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a folder that only root may enter.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file for root only; after this the new content outlives a loss of power.
///
/// # Errors
/// When it cannot be written; the old content is still there then.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write_beside(path, content, 0o600)?;
    sync_folder(path)
}

/// Removes a file, if it is there, for good.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        done => done?,
    }
    sync_folder(path)
}

/// The content, or none when there is no such file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// The same, as text.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_text(path: &Path) -> io::Result<Option<String>> {
    Ok(read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Replaces a file everybody may read, also one behind a symbolic link, also one that is mounted on its own and so
/// cannot be replaced by another file, only overwritten.
///
/// # Errors
/// When it cannot be written.
pub(super) fn replace_text(path: &Path, content: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if write_beside(&path, content.as_bytes(), 0o644).is_ok() {
        return sync_folder(&path);
    }
    let mut file = OpenOptions::new().write(true).truncate(true).open(&path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn write_beside(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let new = beside(path);
    let written = write_new(&new, content, mode).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What is left would only be in the way of the next one.
        let _ = fs::remove_file(&new);
    }
    written
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
