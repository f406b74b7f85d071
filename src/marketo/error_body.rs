//! Reads error bodies: the code that Marketo gives, and every word with which it explains the error. Pure.
//!
//! The shapes, as Adobe's pages and gateways in front of Marketo send them: `{"errors":[{"code":603,"message":"…"}]}`, with
//! or without `"success":false`; `{"error":"…","error_description":"…"}` from the identity endpoint; `{"message":"…"}`,
//! `{"detail":"…"}`, `{"title":"…"}`; a JSON string; a bare text.

use serde_json::Value;

/// The fields of an error in which words stand.
const FIELDS: [&str; 5] = ["message", "error_description", "detail", "title", "error"];
/// A longer body is a page and not a sentence.
const LONGEST_TEXT: usize = 2_000;

/// Whether the body is an error, whatever the HTTP status.
pub(super) fn is_error(json: &Value) -> bool {
    let has_errors = errors(json).is_some_and(|errors| !errors.is_empty());
    let has_error = json.get("error").is_some_and(|error| !error.is_null());
    has_errors || has_error || json.get("success") == Some(&Value::Bool(false))
}

/// The code of the first error, a number in one of Adobe's descriptions and a string in another.
pub(super) fn code(json: &Value) -> Option<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let errors = errors(json).into_iter().flatten();
    let codes = errors.chain([json]).filter_map(|error| error.get("code"));
    codes.filter_map(number).next()
}

/// All words of the body, in its order, each once; empty if it has none.
pub(super) fn words(json: Option<&Value>, body: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    match json {
        None => words.extend(bare_text(body)),
        Some(Value::String(text)) => words.push(text.trim().to_owned()),
        Some(Value::Bool(value)) => words.push(value.to_string()),
        Some(json) => {
            for part in errors(json).into_iter().flatten().chain([json]) {
                words.extend(part.as_str().map(|text| text.trim().to_owned()));
                let fields = FIELDS.iter().filter_map(|field| part.get(field)?.as_str());
                words.extend(fields.map(|text| text.trim().to_owned()));
            }
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for word in words {
        if !word.is_empty() && !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join("; ")
}

fn errors(json: &Value) -> Option<&Vec<Value>> {
    json.get("errors").and_then(Value::as_array)
}

/// A text that is meant for people: no page, no binary data.
fn bare_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_sentence = !text.starts_with(['<', '{', '[']) && text.len() <= LONGEST_TEXT;
    is_sentence.then(|| text.to_owned())
}

#[cfg(test)]
#[path = "tests/error_body.rs"]
mod tests;
