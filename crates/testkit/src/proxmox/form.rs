//! Parameters of requests: query strings, forms, JSON bodies.

use std::collections::BTreeMap;

use serde_json::Value;

/// `a=1&b=%20`, as a query or as the body of a form. Of several values of a key the last counts.
pub(super) fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                unescape(&key.replace('+', " ")),
                unescape(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// The parameters of a body; empty when it is neither of the two.
pub(super) fn body(content_type: &str, bytes: &[u8]) -> BTreeMap<String, String> {
    if !content_type.starts_with("application/json") {
        return pairs(&String::from_utf8_lossy(bytes));
    }
    let Ok(Value::Object(map)) = serde_json::from_slice(bytes) else {
        return BTreeMap::new();
    };
    map.into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        })
        .collect()
}

/// Resolves `%2B` and the like (RFC 3986, 2.1); a `%` without two hexadecimal digits stays.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let (b'%', [high, low, after @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_json_give_the_same_parameters() {
        let form = body(
            "application/x-www-form-urlencoded",
            b"username=a%40pve&password=x%2By+z",
        );
        let json = body(
            "application/json",
            br#"{"username": "a@pve", "password": "x+y z"}"#,
        );
        assert_eq!(form, json);
        assert_eq!(form["password"], "x+y z");
        assert!(body("application/json", b"[1]").is_empty());
    }

    #[test]
    fn a_lone_percent_sign_stays() {
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%41"), "%zzA");
        assert_eq!(unescape("%+1"), "%+1", "a sign is no digit");
    }
}
