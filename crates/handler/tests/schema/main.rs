//! What `nodenet` says about documents of nmstate, held against the nmstate crate.
//!
//! - the table of known keys is what the crate says (`UPDATE_KEYS=1` writes it anew);
//! - captures and templates give what the crate's give, where both know the form.

mod captures;
mod table;

use serde_json::Value;

/// The table as it is compiled into `nodenet`.
const KEYS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../nodenet/src/plan/schema/keys.json"
);

#[test]
fn the_table_of_keys_is_what_the_crate_says() {
    let found = table::table();
    if std::env::var_os("UPDATE_KEYS").is_some() {
        let mut text = nodenet::plan::schema::pretty(&found);
        text.push('\n');
        std::fs::write(KEYS, text).expect("the table can be written");
        return;
    }
    let text = std::fs::read_to_string(KEYS).expect("the table is in the repository");
    let written: Value = serde_json::from_str(&text).expect("the table is JSON");
    assert_eq!(
        written, found,
        "the nmstate crate knows other keys than the table: run this test with UPDATE_KEYS=1 and look at the difference"
    );
}
