//! Digests of JSON values: two values can be compared without storing either.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256, in lower-case hex, of the canonical JSON of `value`: sorted keys, no spaces. The same as RFC 8785 (JCS) for
/// values whose numbers are integers.
pub fn of_json(value: &Value) -> String {
    // serde_json keeps the keys of its objects sorted.
    hex::encode(Sha256::digest(value.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digest_ignores_key_order_and_formatting() {
        let text = "{\"b\": 1, \"a\": {\"z\": null, \"y\": \"\\u00e9\\n\"}}";
        let value: Value = serde_json::from_str(text).unwrap();
        let canonical = "{\"a\":{\"y\":\"\u{e9}\\n\",\"z\":null},\"b\":1}";
        assert_eq!(value.to_string(), canonical);
        assert_eq!(of_json(&value), of_json(&json!({"a": {"y": "\u{e9}\n", "z": null}, "b": 1})));
        assert_eq!(of_json(&value), hex::encode(Sha256::digest(canonical)));
    }
}
