//! Secrets in documents and messages.

use serde_json::Value;

/// What stands in place of a secret: nmstate's own word, so that a masked document may be applied again and keeps
/// what is configured.
pub const MASK: &str = "<_password_hid_by_nmstate>";

/// Keys of nmstate's schema whose text is a secret: 802.1X, MACsec, IPsec.
const KEYS: [&str; 4] = ["password", "private-key-password", "mka-cak", "psk"];

/// The document with every secret replaced by [`MASK`].
#[must_use]
pub fn masked(document: &Value) -> Value {
    match document {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let hide = is_secret(key, value);
                    let value = if hide { MASK.into() } else { masked(value) };
                    (key.clone(), value)
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(masked).collect()),
        other => other.clone(),
    }
}

/// The text with every secret of `document` replaced by [`MASK`]. nmstate quotes values in its messages.
#[must_use]
pub fn masked_text(document: &Value, text: &str) -> String {
    let mut found = Vec::new();
    collect(document, &mut found);
    // Longest first: one secret may be part of another.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
        .into_iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

fn collect<'a>(document: &'a Value, found: &mut Vec<&'a str>) {
    match document {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if is_secret(key, value) => found.push(text),
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_secret(key: &str, value: &Value) -> bool {
    KEYS.contains(&key)
        && value
            .as_str()
            .is_some_and(|text| !text.is_empty() && text != MASK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn case_42_secrets_are_masked_in_documents_and_messages() {
        let document = json!({"interfaces": [{
            "name": "eth1",
            "802.1x": {"identity": "node", "password": "open", "private-key-password": "opensesame"},
        }]});
        let hidden = masked(&document).to_string();
        assert!(!hidden.contains("open"), "{hidden}");
        assert!(hidden.contains("node"), "{hidden}");
        assert_eq!(
            masked_text(&document, "desire 'opensesame' current 'open'"),
            format!("desire '{MASK}' current '{MASK}'")
        );
    }

    #[test]
    fn a_mask_is_not_a_secret() {
        let document = json!({"password": MASK, "psk": ""});
        assert_eq!(masked(&document), document);
        assert_eq!(masked_text(&document, "nothing to hide"), "nothing to hide");
    }
}
