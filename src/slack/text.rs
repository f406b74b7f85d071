//! The one place that makes text from people and from Marketo safe for Slack: nothing in it becomes a mention, a link,
//! an emoji or formatting, nothing in it is invisible, and it is cut to the length that Slack accepts.
//!
//! Slack shows `plain_text` objects and rich-text elements as they are, but interprets `mrkdwn`, which includes the
//! top-level `text` of a message. Text from people goes into one of the first two wherever it can. This module does not
//! know what the text means.

use slack_morphism::blocks::{SlackBlockPlainText, SlackBlockPlainTextOnly};

use crate::domain::text::{Email, is_invisible};

/// Shows nothing, and keeps the characters next to it from forming markup.
const JOINER: char = '\u{2060}';
const ELLIPSIS: char = '…';
/// The longest label, title, hint or button, in characters. Each kind of element has a lower limit of its own.
const LABEL_MAX: usize = 2000;

/// A fixed text of the bot for a title, a label, a hint or a button.
pub(super) fn label(text: &str) -> SlackBlockPlainTextOnly {
    plain(text, LABEL_MAX).into()
}

/// `text` for a `plain_text` object of at most `max` characters, without emoji. Slack refuses an empty one, so that
/// empty text becomes a dash.
pub fn plain(text: &str, max: usize) -> SlackBlockPlainText {
    let text = literal(text, max);
    SlackBlockPlainText::new(if text.is_empty() { "–".to_owned() } else { text }).with_emoji(false)
}

/// As [`plain`], but what is too long is cut in the middle: long names often differ at their ends.
pub fn plain_cut_in_the_middle(text: &str, max: usize) -> SlackBlockPlainText {
    let whole = literal(text, usize::MAX);
    if whole.encode_utf16().count() <= max {
        return plain(&whole, max);
    }
    let kept = max.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let mut units = 0;
    let from_start = |c: &char| {
        units += c.len_utf16();
        units <= head
    };
    let start: String = whole.chars().take_while(from_start).collect();
    let mut units = 0;
    let from_end = |c: &char| {
        units += c.len_utf16();
        units <= tail
    };
    let end: Vec<char> = whole.chars().rev().take_while(from_end).collect();
    let end: String = end.into_iter().rev().collect();
    SlackBlockPlainText::new(format!("{start}{ELLIPSIS}{end}")).with_emoji(false)
}

/// `text` for a rich-text element, which Slack does not interpret: at most `max` characters, with its line breaks.
pub fn literal(text: &str, max: usize) -> String {
    let visible = text.chars().map(|c| if c == '\t' { ' ' } else { c });
    join(visible.filter(|c| *c == '\n' || !is_invisible(*c)).map(String::from), max)
}

/// `text` for `mrkdwn` and for top-level text: one line, at most `max` characters after escaping; see "Escaping text"
/// in Slack's "Formatting message text". Characters that could be markup get an invisible neighbor; an ordinary email
/// address stays as it is.
pub fn mrkdwn(text: &str, max: usize) -> String {
    let one_line: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let visible: Vec<char> = one_line.chars().filter(|c| !is_invisible(*c)).take(max + 1).collect();
    let mut pieces = Vec::with_capacity(visible.len());
    let mut start = 0;
    for word in visible.split_inclusive(|c| *c == ' ') {
        let bare: String = word.iter().collect();
        let is_email = Email::parse(bare.trim_matches([' ', '(', ')', ',', ';', '.'])).is_ok();
        pieces.extend((start..start + word.len()).map(|index| escape(&visible, index, is_email)));
        start += word.len();
    }
    join(pieces, max)
}

/// The character at `index`, escaped, and defused where it could be markup.
fn escape(text: &[char], index: usize, is_email: bool) -> String {
    let before = index.checked_sub(1).and_then(|index| text.get(index));
    let after = text.get(index + 1);
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    match text[index] {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        // A quote, at the start of a line.
        '>' if text[..index].iter().all(|c| *c == ' ') => format!("{JOINER}&gt;"),
        '>' => "&gt;".to_owned(),
        // Bold, italic and struck text begin and end at the edge of a word; within a word they are letters.
        mark @ ('*' | '_' | '~') if !(is_word(before) && is_word(after)) => format!("{JOINER}{mark}{JOINER}"),
        '`' => format!("{JOINER}`{JOINER}"),
        // `:smile:` and `https://`. What follows may come from another text, so only a time of day is left alone.
        ':' if after.is_some_and(|c| *c != ' ') && !(is_digit(before) && is_digit(after)) => {
            format!(":{JOINER}")
        }
        ':' if opens_emoji(&text[index + 1..]) => format!(":{JOINER}"),
        // `example.com` alone becomes a link.
        '.' if !is_email && is_word(before) && is_word(after) => format!(".{JOINER}"),
        other => other.to_string(),
    }
}

/// Whether `rest` continues a colon to `:smile:` or the like.
fn opens_emoji(rest: &[char]) -> bool {
    let end = rest.iter().position(|c| *c == ':' || *c == ' ');
    end.is_some_and(|end| end > 0 && rest[end] == ':')
}

/// As many whole pieces as fit into `max` characters, with an ellipsis in place of the rest. Characters are counted
/// in UTF-16 units, which are never fewer than by any other way that Slack may count.
fn join(pieces: impl IntoIterator<Item = String>, max: usize) -> String {
    let (mut text, mut used, mut end) = (String::new(), 0, 0);
    for piece in pieces {
        used += piece.chars().map(char::len_utf16).sum::<usize>();
        if used > max {
            text.truncate(end);
            // A mark within a word would now be at the word's edge.
            text.truncate(text.trim_end_matches(['*', '_', '~', ':', '.']).len());
            text.push(ELLIPSIS);
            return text;
        }
        text.push_str(&piece);
        if used < max {
            end = text.len();
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str) -> usize {
        text.encode_utf16().count()
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in [
            "svc_crm@example.com",
            "svc.crm_sync+eu@mail.example.co.uk",
            "Svc Crm (svc_crm@example.com)",
            "Ada van Dyke-Müller",
            "at 12:30, five-fold",
            "2027-01-31",
        ] {
            assert_eq!(mrkdwn(text, 300), text);
        }
    }

    #[test]
    fn markup_is_defused() {
        for (text, expected) in [
            ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
            ("<!channel>", "&lt;!channel&gt;"),
            ("<@U1> <https://x|y>", "&lt;@U1&gt; &lt;https:\u{2060}//x|y&gt;"),
            ("> quoted", "\u{2060}&gt; quoted"),
            ("*b*", "\u{2060}*\u{2060}b\u{2060}*\u{2060}"),
            ("`c`", "\u{2060}`\u{2060}c\u{2060}`\u{2060}"),
            (":smile: 10:30", ":\u{2060}smile: 10:30"),
            ("see example.com", "see example.\u{2060}com"),
            ("a\u{202E}b\u{200B}\nc", "ab c"),
        ] {
            assert_eq!(mrkdwn(text, 300), expected, "{text}");
        }
    }

    #[test]
    fn truncation_keeps_escapes_whole() {
        assert_eq!(mrkdwn("&&&&", 20), "&amp;&amp;&amp;&amp;");
        assert_eq!(mrkdwn("&&&&&", 20), "&amp;&amp;&amp;…");
        assert_eq!(literal("ééé", 3), "ééé");
        assert_eq!(literal("éééé", 3), "éé…");
        assert_eq!(literal("😀😀", 3), "😀…");
    }

    #[test]
    fn long_name_is_cut_in_the_middle() {
        let cut = |text: &str, max| plain_cut_in_the_middle(text, max).text;
        assert_eq!(cut("API Only - EMEA", 75), "API Only - EMEA");
        assert_eq!(cut("abcdefghij", 7), "abc…hij");
        assert_eq!(cut("abcdefghij", 6), "abc…ij");
        assert_eq!(cut("\u{1F600}\u{1F600}\u{1F600}\u{1F600}", 6), "\u{1F600}…\u{1F600}");
    }

    #[test]
    fn empty_plain_text_becomes_a_dash() {
        assert_eq!(plain("\u{202E}", 10).text, "–");
        assert_eq!(plain(":smile:", 10).emoji, Some(false));
    }

    /// Whether Slack would interpret something in `text`.
    pub(in crate::slack) fn has_markup(text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let neighbors =
            |index: usize| (index.checked_sub(1).map(|index| chars[index]), chars.get(index + 1).copied());
        chars.iter().enumerate().any(|(index, c)| match c {
            '<' | '>' | '`' if *c != '`' => true,
            '*' | '_' | '~' | '`' => {
                let (before, after) = neighbors(index);
                let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                let is_defused = before == Some(JOINER) && after == Some(JOINER);
                !(is_defused || (is_word(before) && is_word(after)))
            }
            ':' => {
                chars[index + 1..].starts_with(&['/', '/']) || {
                    let name: String =
                        chars[index + 1..].iter().take_while(|c| **c != ':' && **c != ' ').collect();
                    !name.is_empty()
                        && !name.starts_with(JOINER)
                        && chars.get(index + 1 + name.chars().count()) == Some(&':')
                }
            }
            _ => is_invisible(*c) && *c != JOINER,
        })
    }

    proptest! {
        #[test]
        fn no_text_has_markup_or_is_too_long(
            text in prop_oneof![any::<String>(), "[a-c<>&*_~`:/. @!\u{202E}\n|#-]{0,60}"],
            max in 1_usize..80,
        ) {
            let safe = mrkdwn(&text, max);
            prop_assert!(!has_markup(&safe), "{safe:?}");
            prop_assert!(utf16(&safe) <= max);
            prop_assert!(utf16(&literal(&text, max)) <= max);
            let plain = plain(&text, max).text;
            prop_assert!((1..=max).contains(&utf16(&plain)));
            prop_assert!(!plain.chars().any(|c| c != '\n' && is_invisible(c)));
            prop_assert!(utf16(&plain_cut_in_the_middle(&text, max).text) <= max);
        }
    }
}
