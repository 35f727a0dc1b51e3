//! Telling our own files from those of others.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Stands in every build of the plugins, so that any version recognises any other.
#[used]
static MARK: [u8; 64] = *b"cadastre-cni: cni install and uninstall may replace this file\0\0\0";

/// Every plugin is executable by all and writable by root alone.
pub(super) const MODE: u32 = 0o755;

/// What has a name in the directory.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Exactly what is to be installed.
    Current(Metadata),
    /// Another build of ours, or with other permissions.
    Ours,
    /// Somebody else's.
    Foreign,
}

/// How much of a file is looked at in one go, in bytes.
const CHUNK: usize = 64 << 10;

/// Looks at a name; `program` is what is to be installed, and nothing is [`Found::Current`] without it.
///
/// # Errors
/// It cannot be read, or is a directory.
pub(super) fn look(path: &Path, program: Option<&Path>) -> io::Result<Found> {
    let link = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        link => link?,
    };
    let file = match fs::metadata(path) {
        // A link to nowhere was put there by somebody.
        Err(e) if link.is_symlink() && e.kind() == io::ErrorKind::NotFound => return Ok(Found::Foreign),
        file => file?,
    };
    if !file.is_file() {
        return Err(io::Error::other("it is no file; move it away"));
    }
    if let Some(program) = program
        && !link.is_symlink()
        && file.permissions().mode() & 0o7777 == MODE
        && has_same_content(path, program)?
    {
        return Ok(Found::Current(file));
    }
    let is_ours = has_mark(&mut BufReader::with_capacity(CHUNK, File::open(path)?))?;
    Ok(if is_ours { Found::Ours } else { Found::Foreign })
}

/// Whether two names are one file.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// A piece at a time: whoever stays for weeks should not have held whole programs.
fn has_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let open = |path| Ok::<_, io::Error>(BufReader::with_capacity(CHUNK, File::open(path)?));
    let (mut one, mut other) = (open(one)?, open(other)?);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left.get(..length) != right.get(..length) || left.is_empty() != right.is_empty() {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        one.consume(length);
        other.consume(length);
    }
}

/// Whether a file is a build of ours.
fn has_mark(file: &mut impl io::BufRead) -> io::Result<bool> {
    // Not to be folded into the code around it, which would leave no mark in the program.
    let mark = std::hint::black_box(&MARK).as_slice();
    let mut seen: Vec<u8> = Vec::with_capacity(CHUNK + mark.len());
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(false);
        }
        let length = piece.len();
        seen.extend_from_slice(piece);
        file.consume(length);
        if contains(&seen, mark) {
            return Ok(true);
        }
        // A mark may lie across two pieces.
        seen.drain(..seen.len().saturating_sub(mark.len()));
    }
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    let first = mark.first();
    let starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| Some(*byte) == first)
        .map(|(at, _)| at);
    starts
        .into_iter()
        .any(|at| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_mark(bytes: &[u8], piece: usize) -> bool {
        super::has_mark(&mut BufReader::with_capacity(piece, bytes)).unwrap()
    }

    #[test]
    fn a_build_of_ours_is_known_by_its_mark_and_nothing_else_is() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(has_mark(&own, CHUNK), "the mark was left out of the program");
        let mut near = MARK.to_vec();
        near[40] = b'X';
        for piece in [1, 7, 64, 100, CHUNK] {
            assert!(!has_mark(&near, piece));
            assert!(
                has_mark(&[near.as_slice(), &MARK, b"more"].concat(), piece),
                "in pieces of {piece}"
            );
            assert!(!has_mark(&MARK[..40], piece));
        }
    }

    #[test]
    fn contents_are_compared_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let long = vec![7; 3 * CHUNK + 5];
        let (one, same) = (write("one", &long), write("same", &long));
        let (shorter, other) = (
            write("shorter", &long[1..]),
            write("other", &[&long[1..], b"x"].concat()),
        );
        assert!(has_same_content(&one, &same).unwrap());
        for different in [shorter, other, write("empty", b"")] {
            assert!(
                !has_same_content(&one, &different).unwrap() && !has_same_content(&different, &one).unwrap()
            );
        }
    }
}
