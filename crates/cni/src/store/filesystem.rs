use std::os::fd::BorrowedFd;

use rustix::fs::fstatfs;

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

/// Whether other machines may see the same files. What cannot be asked counts as shared.
pub(super) fn is_shared(dir: BorrowedFd<'_>) -> bool {
    let Ok(found) = fstatfs(dir) else {
        return true;
    };
    // The type of the field differs between architectures; the magic numbers have 32 bits.
    SHARED
        .iter()
        .any(|magic| i128::from(found.f_type) & 0xffff_ffff == i128::from(*magic))
}
