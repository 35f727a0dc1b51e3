//! The instance type as the replaced controller names it (§3.3, column U).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::plan::facts::{Sku, is_label_value};
use crate::plan::identity::Found;
use crate::plan::instance::{by_size, is_sku};

/// Its name for the machine's type.
pub(super) fn name(found: &Found) -> Option<String> {
    sku(found).or_else(|| by_size(&found.machine))
}

/// It takes the SKU, and the API server refuses it as a label.
pub(super) fn is_refused(found: &Found) -> bool {
    sku(found).is_some_and(|name| !is_label_value(&name))
}

fn sku(found: &Found) -> Option<String> {
    decoded(found.config.config.sku.as_ref()?).filter(|name| is_sku(name))
}

/// A value with padding is lost, because items are split at every `=`; of the others whole groups are decoded.
fn decoded(sku: &Sku) -> Option<String> {
    if sku.text.contains('=') {
        return None;
    }
    let whole = sku.text.len() - sku.text.len() % 4;
    let bytes = STANDARD.decode(sku.text.get(..whole)?).ok()?;
    String::from_utf8(bytes).ok()
}
