//! Makes Marketo's words fit for logs and cards: no control characters, no e-mail address, none of the values
//! that must not be repeated, and not too long. Pure text; it knows nothing of calls.

/// How many characters of Marketo's message are kept.
const LONGEST: usize = 200;
/// A value shorter than this, in bytes, may well be part of an ordinary word.
const SHORT: usize = 8;

/// Takes `hidden` values, control characters and e-mail addresses out of `text` and cuts it.
pub(super) fn redact(text: &str, hidden: &[&str]) -> String {
    let mut text: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !unprintable(*c)).collect();
    let mut hidden: Vec<&str> = hidden.iter().map(|value| value.trim()).filter(|v| !v.is_empty()).collect();
    // The longest first, so that a value inside another one does not leave the rest of it behind.
    hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in hidden {
        text = hide_word(&text, value);
    }
    let text = mask_emails(&text);
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}

/// Control characters, and those that turn the direction of text or are invisible.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Replaces `value`; a short one only where it stands as a word, so that the name "Al" does not spoil "Already".
fn hide_word(text: &str, value: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(value) {
        let (before, from) = rest.split_at(place);
        let after = &from[value.len()..];
        masked.push_str(before);
        let joined = masked.chars().next_back().is_some_and(char::is_alphanumeric)
            || after.chars().next().is_some_and(char::is_alphanumeric);
        masked.push_str(if joined && value.len() < SHORT { value } else { "…" });
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Replaces whatever looks like an e-mail address, its `@` written plainly or percent-encoded, by `…@…`.
fn mask_emails(text: &str) -> String {
    let text = text.replace("%40", "@");
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let local = before.rfind(ends_address).map_or(0, |end| end + char_len(before, end));
        let domain = after.find(ends_address).unwrap_or(after.len());
        if local == at && domain == 0 {
            masked.push_str(&rest[..=at]);
            rest = after;
        } else {
            masked.push_str(&before[..local]);
            masked.push_str("…@…");
            rest = &after[domain..];
        }
    }
    masked.push_str(rest);
    masked
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || "<>()[]\",;:\\".contains(c)
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}
