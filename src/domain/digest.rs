//! The digest of a value, by which it can be compared with another one and not be read.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256, in lower-case hex, of the canonical JSON of `value`: keys in order, no spaces, as RFC 8785 (JCS) has it for
/// values with whole numbers only.
pub fn of_json(value: &Value) -> String {
    // serde_json's own text is that, since its objects keep their keys in order.
    hex::encode(Sha256::digest(value.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_and_what_wrote_them_does_not_matter() {
        let text = "{\"b\": 1, \"a\": {\"z\": null, \"y\": \"\\u00e9\\n\"}}";
        let value: Value = serde_json::from_str(text).unwrap();
        let canonical = "{\"a\":{\"y\":\"\u{e9}\\n\",\"z\":null},\"b\":1}";
        assert_eq!(value.to_string(), canonical);
        assert_eq!(of_json(&value), of_json(&json!({"a": {"y": "\u{e9}\n", "z": null}, "b": 1})));
        assert_eq!(of_json(&value), hex::encode(Sha256::digest(canonical)));
    }
}
