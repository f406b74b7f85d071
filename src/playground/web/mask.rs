//! Masks secrets in the traffic that the page shows: by field name, and by the text of the secrets. This file must not know
//! where they come from.

use serde_json::Value;

const HIDDEN: &str = "•••";
/// Fields whose values are never shown.
const NAMES: [&str; 7] = [
    "token",
    "access_token",
    "client_secret",
    "response_url",
    "authorization",
    "signing_secret",
    "signature",
];

/// The secrets of one playground.
#[derive(Debug, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    pub(super) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.is_empty()).collect())
    }

    /// A text without the secrets.
    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
    }

    /// JSON without the secrets and without the fields that hold some.
    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => {
                let masked = fields.iter().map(|(name, value)| {
                    let is_secret = NAMES.contains(&name.to_lowercase().as_str()) && !value.is_null();
                    let shown = if is_secret { Value::from(HIDDEN) } else { self.json(value) };
                    (name.clone(), shown)
                });
                Value::Object(masked.collect())
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_by_field_name_and_by_text() {
        let mask = Mask::of(["xoxb-1".to_owned(), String::new()]);
        let shown =
            mask.json(&json!({ "token": "a", "x": [{ "Authorization": "b", "y": "is xoxb-1!" }], "n": 1 }));
        assert_eq!(
            shown,
            json!({ "token": "•••", "x": [{ "Authorization": "•••", "y": "is •••!" }], "n": 1 })
        );
    }
}
