//! Makes Marketo's messages safe for logs and cards: no control characters, no email address, no personal or secret
//! value, and bounded in length. It knows nothing of calls.

/// How many characters of a message are kept.
const MAX_CHARS: usize = 400;
/// A value shorter than this, in bytes, is likely to be part of an ordinary word.
const SHORT: usize = 8;

/// Removes control characters, `values` and email addresses from `text`, and truncates it.
pub(super) fn redact(text: &str, values: &[&str]) -> String {
    let mut text: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_unprintable(*c))
        .collect();
    let mut values: Vec<&str> = values.iter().map(|value| value.trim()).filter(|v| !v.is_empty()).collect();
    // Longest first: a value inside a longer one must not leave the rest of it behind.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        text = redact_value(&text, value);
    }
    let text = redact_emails(&text);
    let text = text.trim();
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}

/// Whether `c` is a control character, is invisible, or changes the direction of text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Replaces `value` by `…`; a short one only if it is a whole word, so that the name "Al" does not spoil "Already".
fn redact_value(text: &str, value: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find(value) {
        let (before, from) = rest.split_at(index);
        let after = &from[value.len()..];
        redacted.push_str(before);
        let is_inside_word = redacted.chars().next_back().is_some_and(char::is_alphanumeric)
            || after.chars().next().is_some_and(char::is_alphanumeric);
        redacted.push_str(if is_inside_word && value.len() < SHORT { value } else { "…" });
        rest = after;
    }
    redacted.push_str(rest);
    redacted
}

/// Replaces everything that looks like an email address, with a plain or percent-encoded `@`, by `…@…`.
fn redact_emails(text: &str) -> String {
    let text = text.replace("%40", "@");
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let local = before.rfind(ends_address).map_or(0, |end| end + char_len(before, end));
        let domain = after.find(ends_address).unwrap_or(after.len());
        if local == at && domain == 0 {
            redacted.push_str(&rest[..=at]);
            rest = after;
        } else {
            redacted.push_str(&before[..local]);
            redacted.push_str("…@…");
            rest = &after[domain..];
        }
    }
    redacted.push_str(rest);
    redacted
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || "<>()[]\",;:\\".contains(c)
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}
