//! Small files of others and of ours: read within a bound, replaced in one step.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::OFlags;

/// A draft of this age was left behind by a process that died: writing one takes a moment.
const DRAFT_AGE: Duration = Duration::from_secs(60);

/// How the name of a draft ends.
const DRAFT_END: &str = ".draft";

/// Random bytes in the name of a draft: process ids repeat across pid namespaces.
const RANDOM: usize = 8;

/// The content of a regular file of at most `limit` bytes.
///
/// Neither a pipe that nobody writes to nor a device without an end can hold a call up.
///
/// # Errors
/// It cannot be opened; `InvalidInput` when it is no regular file, `FileTooLarge` when there is more in it.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let problem = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(content)
}

/// The same as text.
///
/// # Errors
/// As above; `InvalidData` when it is not UTF-8.
pub(crate) fn read_small_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_small(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

/// A file that is to be replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    /// The folder in which the new content is made ready, on the same file system.
    pub(crate) workshop: &'a Path,
    /// Permissions of the new file, before the umask.
    pub(crate) mode: u32,
    /// Whether the content is on the disk before it gets its name.
    pub(crate) durable: bool,
}

impl Target<'_> {
    /// Replaces the file in one step: others see the old content or the new, never a part. Drafts of processes that
    /// died are removed.
    ///
    /// # Errors
    /// What failed; the old file is as it was then.
    pub(crate) fn replace(self, content: &[u8]) -> io::Result<()> {
        let name = self.path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let prefix = format!(".{}.", name.to_string_lossy());
        remove_old_drafts(self.workshop, &prefix);
        let (draft, mut file) = new_draft(self.workshop, &prefix, self.mode)?;
        let mut written = file.write_all(content);
        if self.durable {
            written = written.and_then(|()| file.sync_all());
        }
        let written = written.and_then(|()| fs::rename(&draft, self.path));
        if written.is_err() {
            // What is left of it is removed by the next one at the latest.
            let _ = fs::remove_file(&draft);
        }
        written
    }
}

fn new_draft(folder: &Path, prefix: &str, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut random = [0; RANDOM];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let number = u64::from_ne_bytes(random);
    let path = folder.join(format!("{prefix}{number:016x}{DRAFT_END}"));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)?;
    Ok((path, file))
}

/// Whatever cannot be removed is no reason not to write.
fn remove_old_drafts(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_draft = name.to_str().is_some_and(|name| is_draft(name, prefix));
        if is_draft && entry.metadata().is_ok_and(|file| file.is_file() && is_old(&file)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_draft(name: &str, prefix: &str) -> bool {
    let number = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(DRAFT_END));
    number.is_some_and(|number| {
        number.len() == 2 * RANDOM && number.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// By a clock that may have been set in between: one from the future is left alone until then.
fn is_old(file: &fs::Metadata) -> bool {
    let age = file
        .modified()
        .ok()
        .and_then(|written| SystemTime::now().duration_since(written).ok());
    age.is_some_and(|age| age > DRAFT_AGE)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::ErrorKind,
        os::unix::fs::PermissionsExt as _,
        path::Path,
        time::{Duration, SystemTime},
    };

    use rustix::fs::{CWD, Mode, mknodat};

    use super::{Target, read_small, read_small_text};

    #[test]
    fn what_has_no_end_or_never_begins_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
            let error = read_small(path, 10).unwrap_err();
            assert_eq!(error.to_string(), "not a regular file", "{}", path.display());
        }
    }

    #[test]
    fn the_bound_is_on_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(read_small(&path, 10).unwrap(), b"0123456789");
        assert_eq!(read_small(&path, 9).unwrap_err().kind(), ErrorKind::FileTooLarge);
        // A file that says it is empty, and is not.
        assert!(
            !read_small_text(Path::new("/proc/self/status"), 1 << 20)
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            read_small(Path::new("/proc/self/status"), 10).unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(
            read_small_text(&path, 9).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_old_drafts_of_it_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let target = Target {
            path: &path,
            workshop: folder.path(),
            mode: 0o600,
            durable: true,
        };
        let left = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            let then = SystemTime::now() - Duration::from_secs(age);
            file.set_modified(then).unwrap();
        };
        left(".a.json.0123456789abcdef.draft", 3600);
        left(".a.json.0123456789abcdee.draft", 0);
        left(".a.json.swp", 3600);
        left(".b.json.0123456789abcdef.draft", 3600);
        target.replace(b"one").unwrap();
        target.replace(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            names(folder.path()),
            [
                ".a.json.0123456789abcdee.draft",
                ".a.json.swp",
                ".b.json.0123456789abcdef.draft",
                "a.json"
            ]
        );
    }

    #[test]
    fn a_failure_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let target = Target {
            path: &path,
            workshop: folder.path(),
            mode: 0o600,
            durable: false,
        };
        assert!(target.replace(b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }
}
