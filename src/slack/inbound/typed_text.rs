//! Decodes what a person typed after a command: Slack escapes three characters, turns addresses into links, and clients put
//! in typographic characters. See "Escaping text" and "Links" in Slack's "Formatting message text". It does not know what
//! the text means.

use std::borrow::Cow;

/// The text as the person meant it.
pub(super) fn decode(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() && !text.contains(['<', '&']) {
        return text;
    }
    Cow::Owned(without_entities(&without_links(&text)).chars().filter_map(plain).collect())
}

/// Replaces each `<mailto:a@b.c|a@b.c>` by the address and each `<https://b.c|b.c>` by its text. Mentions stay.
fn without_links(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link, after)) = next_link(rest) {
        decoded.push_str(before);
        let (target, shown) =
            link.split_once('|').map_or((link, None), |(target, shown)| (target, Some(shown)));
        match target.strip_prefix("mailto:") {
            Some(address) => {
                decoded.push_str(if address.is_empty() { shown.unwrap_or_default() } else { address })
            }
            None => decoded.push_str(shown.filter(|shown| !shown.is_empty()).unwrap_or(target)),
        }
        rest = after;
    }
    decoded.push_str(rest);
    decoded
}

/// The text before the next link, the inside of the link, and the text after it.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find('<')?;
        let end = start + text[start..].find('>')?;
        let inside = &text[start + 1..end];
        // Mentions begin with `@`, `#` or `!`.
        if inside.starts_with("mailto:") || inside.contains("://") {
            return Some((&text[..start], inside, &text[end + 1..]));
        }
        from = start + 1;
    }
}

/// The three entities that Slack uses, each decoded once.
fn without_entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A plain character in place of a typographic one; `None` for an invisible one.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => return None,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn typed_text_is_decoded() {
        for (text, expected) in [
            ("svc@example.com", "svc@example.com"),
            ("<mailto:svc@example.com|svc@example.com>", "svc@example.com"),
            ("<mailto:svc@example.com>", "svc@example.com"),
            ("svc@<http://example.com|example.com>", "svc@example.com"),
            ("<https://example.com>", "https://example.com"),
            ("q&amp;a@example.com", "q&a@example.com"),
            ("&amp;lt;", "&lt;"),
            ("a &lt;b&gt;", "a <b>"),
            ("\u{2014}help", "-help"),
            ("\u{201c}status\u{201d}", "\"status\""),
            ("status\u{a0}2", "status 2"),
            ("\u{feff}help\u{200b}", "help"),
            ("<@U0REQ> <#C0OPS|ops> <!here>", "<@U0REQ> <#C0OPS|ops> <!here>"),
            ("<mailto:a@b.c|a@b.c> <mailto:d@e.f|d@e.f>", "a@b.c d@e.f"),
            ("<mailto:", "<mailto:"),
        ] {
            assert_eq!(decode(Cow::Borrowed(text)), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_decoded_without_a_panic(text in "(<|>|mailto:|\\||&amp;|&|;|://|[a-c@ \u{2014}\u{a0}]){0,12}") {
            let decoded = decode(Cow::Borrowed(&text)).into_owned();
            prop_assert!(decoded.chars().count() <= text.chars().count());
        }
    }
}
