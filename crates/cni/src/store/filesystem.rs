use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{StatFs, fstatfs, statfs};

/// Magic numbers (statfs(2), linux/magic.h) of file systems that several machines may have mounted at once. FUSE and
/// shared folders of hypervisors may be anything, so they count as well.
const SHARED: [u32; 16] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x0102_1997, // 9P
    0x6573_5546, // FUSE, virtiofs
    0x0bd0_0bd0, // Lustre
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
    0x7375_7245, // Coda
    0x4750_4653, // GPFS
    0x786f_4256, // vboxsf
    0xbacb_acbc, // vmhgfs
];

/// Of the file that a network namespace is (linux/magic.h).
const NSFS: u32 = 0x6e73_6673;

/// Whether other machines may see the same files. What cannot be asked counts as shared.
pub(super) fn is_shared(dir: BorrowedFd<'_>) -> bool {
    fstatfs(dir).map_or(true, |found| is_shared_type(magic(&found)))
}

/// Whether a path leads to a namespace, and not to the plain file that one is mounted on elsewhere.
pub(super) fn is_namespace(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| magic(&found) == NSFS)
}

fn is_shared_type(magic: u32) -> bool {
    SHARED.contains(&magic)
}

/// The type of the field differs between architectures; the magic numbers have 32 bits.
fn magic(found: &StatFs) -> u32 {
    u32::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::path::Path;

    use super::{is_namespace, is_shared, is_shared_type};

    #[test]
    fn what_machines_may_share_is_told_from_what_is_their_own() {
        for (name, magic) in [
            ("nfs", 0x6969),
            ("smb", 0x517b),
            ("cifs", 0xff53_4d42),
            ("smb2", 0xfe53_4d42),
            ("ceph", 0x00c3_6400),
            ("afs", 0x5346_414f),
            ("9p", 0x0102_1997),
            ("fuse and virtiofs", 0x6573_5546),
            ("lustre", 0x0bd0_0bd0),
            ("gfs2", 0x0116_1970),
            ("ocfs2", 0x7461_636f),
        ] {
            assert!(is_shared_type(magic), "{name}");
        }
        for (name, magic) in [
            ("ext4", 0xef53),
            ("xfs", 0x5846_5342),
            ("btrfs", 0x9123_683e),
            ("tmpfs", 0x0102_1994),
            ("overlay", 0x794c_7630),
            ("f2fs", 0xf2f5_2010),
            ("zfs", 0x2fc1_2fc1),
        ] {
            assert!(!is_shared_type(magic), "{name}");
        }
    }

    #[test]
    fn a_file_system_of_this_machine_is_its_own() {
        // In memory, whatever the folder for temporary files is on.
        let own = std::fs::File::open("/proc").unwrap();
        assert!(!is_shared(own.as_fd()));
    }

    #[test]
    fn a_namespace_is_told_from_the_file_it_would_be_mounted_on() {
        assert!(is_namespace(Path::new("/proc/self/ns/net")));
        assert!(!is_namespace(Path::new("/proc/self/comm")));
        assert!(!is_namespace(Path::new("/nowhere/at/all")));
    }
}
