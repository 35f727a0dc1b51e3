//! Links that systemd-networkd looks after: it would undo what we do, or we what it does (specification §19).

use std::fs;
use std::path::Path;

/// The key in its file that says whether it does.
const KEY: &str = "ADMIN_STATE=";
/// Its word for links it leaves alone.
const LEFT_ALONE: &str = "unmanaged";

/// The state systemd-networkd gives the link with this number, unless it leaves it alone. `folder` is
/// `/run/systemd/netif/links` of the host, with a file per link.
pub(super) fn owner_state(folder: &Path, index: u32) -> Option<String> {
    let text = fs::read_to_string(folder.join(index.to_string())).ok()?;
    let state = text.lines().find_map(|line| line.strip_prefix(KEY))?.trim();
    (state != LEFT_ALONE).then(|| state.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_with_another_state_than_unmanaged_is_an_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = |index: u32, text: &str| fs::write(folder.path().join(index.to_string()), text).unwrap();
        file(
            2,
            "# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\n",
        );
        file(3, "ADMIN_STATE=unmanaged\n");
        file(4, "OPER_STATE=routable\n");
        assert_eq!(owner_state(folder.path(), 2).as_deref(), Some("configured"));
        for index in 3..=5 {
            assert_eq!(owner_state(folder.path(), index), None, "{index}");
        }
    }
}
