//! The one place that makes text of people, and of Marketo, harmless for Slack: nothing in it becomes a mention, a
//! link, an emoji or formatting, nothing in it is invisible, and it is cut to what Slack accepts.
//!
//! Three media: `plain_text` and rich-text elements, which Slack shows as they are, and `mrkdwn` (the top-level
//! `text` of a message as well), which it interprets. The last is the exception: where a text may stand in one of
//! the first two, it does. What the text means is not known here.

use slack_morphism::blocks::SlackBlockPlainText;

use crate::domain::text::{Email, is_invisible};

/// Shows nothing, and keeps the marks on its two sides from working together.
const JOINER: char = '\u{2060}';
const CUT: char = '…';

/// `text` for a `plain_text` object of at most `max` characters, without emoji. Slack refuses an empty one, so
/// that nothing is shown as a dash.
pub fn plain(text: &str, max: usize) -> SlackBlockPlainText {
    let text = literal(text, max);
    SlackBlockPlainText::new(if text.is_empty() { "–".to_owned() } else { text }).with_emoji(false)
}

/// `text` for a rich-text element, which Slack does not interpret: at most `max` characters, line breaks stay.
pub fn literal(text: &str, max: usize) -> String {
    let visible = text.chars().map(|c| if c == '\t' { ' ' } else { c });
    join(visible.filter(|c| *c == '\n' || !is_invisible(*c)).map(String::from), max)
}

/// `text` for `mrkdwn` and for top-level text, on one line, at most `max` characters after escaping; see
/// "Escaping text" in Slack's "Formatting message text". Marks that could act get an invisible neighbour; an
/// ordinary e-mail address stays byte for byte as it is.
pub fn mrkdwn(text: &str, max: usize) -> String {
    let one_line: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let visible: Vec<char> = one_line.chars().filter(|c| !is_invisible(*c)).take(max + 1).collect();
    let mut pieces = Vec::with_capacity(visible.len());
    let mut start = 0;
    for word in visible.split_inclusive(|c| *c == ' ') {
        let bare: String = word.iter().collect();
        let is_email = Email::parse(bare.trim_matches([' ', '(', ')', ',', ';', '.'])).is_ok();
        pieces.extend((start..start + word.len()).map(|at| harmless(&visible, at, is_email)));
        start += word.len();
    }
    join(pieces, max)
}

/// The character at `at`, escaped, and defused where it could act.
fn harmless(text: &[char], at: usize, is_email: bool) -> String {
    let (before, after) = (at.checked_sub(1).and_then(|at| text.get(at)), text.get(at + 1));
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    match text[at] {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        // A quote, at the start of a line.
        '>' if text[..at].iter().all(|c| *c == ' ') => format!("{JOINER}&gt;"),
        '>' => "&gt;".to_owned(),
        // Bold, italic and struck text begin and end at the edge of a word; within a word they are letters.
        mark @ ('*' | '_' | '~') if !(is_word(before) && is_word(after)) => format!("{JOINER}{mark}{JOINER}"),
        '`' => format!("{JOINER}`{JOINER}"),
        // `:smile:` and `https://`; what follows may come from another text, so that only a time of day is spared.
        ':' if after.is_some_and(|c| *c != ' ') && !(is_digit(before) && is_digit(after)) => {
            format!(":{JOINER}")
        }
        ':' if opens_emoji(&text[at + 1..]) => format!(":{JOINER}"),
        // `example.com` alone becomes a link.
        '.' if !is_email && is_word(before) && is_word(after) => format!(".{JOINER}"),
        other => other.to_string(),
    }
}

/// Whether what follows a colon makes it `:smile:` or the like.
fn opens_emoji(rest: &[char]) -> bool {
    let end = rest.iter().position(|c| *c == ':' || *c == ' ');
    end.is_some_and(|end| end > 0 && rest[end] == ':')
}

/// As many whole pieces as fit into `max` characters, and an ellipsis in place of the rest. Characters are counted
/// as UTF-16 does, which is never less than any other way that Slack may count.
fn join(pieces: impl IntoIterator<Item = String>, max: usize) -> String {
    let (mut text, mut used, mut end) = (String::new(), 0, 0);
    for piece in pieces {
        used += piece.chars().map(char::len_utf16).sum::<usize>();
        if used > max {
            text.truncate(end);
            // A mark that stood within a word would now stand at its edge.
            text.truncate(text.trim_end_matches(['*', '_', '~', ':', '.']).len());
            text.push(CUT);
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
    fn what_is_harmless_stays_as_it_is() {
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
    fn what_could_act_is_defused() {
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
    fn a_cut_never_halves_what_an_escape_stands_for() {
        assert_eq!(mrkdwn("&&&&", 20), "&amp;&amp;&amp;&amp;");
        assert_eq!(mrkdwn("&&&&&", 20), "&amp;&amp;&amp;…");
        assert_eq!(literal("ééé", 3), "ééé");
        assert_eq!(literal("éééé", 3), "éé…");
        assert_eq!(literal("😀😀", 3), "😀…");
    }

    #[test]
    fn nothing_is_shown_as_a_dash_where_slack_wants_something() {
        assert_eq!(plain("\u{202E}", 10).text, "–");
        assert_eq!(plain(":smile:", 10).emoji, Some(false));
    }

    /// Whether Slack would find something to interpret.
    pub(in crate::slack) fn acts(text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let pair = |at: usize| (at.checked_sub(1).map(|at| chars[at]), chars.get(at + 1).copied());
        chars.iter().enumerate().any(|(at, c)| match c {
            '<' | '>' | '`' if *c != '`' => true,
            '*' | '_' | '~' | '`' => {
                let (before, after) = pair(at);
                let within = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                let is_defused = before == Some(JOINER) && after == Some(JOINER);
                !(is_defused || (within(before) && within(after)))
            }
            ':' => {
                chars[at + 1..].starts_with(&['/', '/']) || {
                    let name: String =
                        chars[at + 1..].iter().take_while(|c| **c != ':' && **c != ' ').collect();
                    !name.is_empty()
                        && !name.starts_with(JOINER)
                        && chars.get(at + 1 + name.chars().count()) == Some(&':')
                }
            }
            _ => is_invisible(*c) && *c != JOINER,
        })
    }

    proptest! {
        #[test]
        fn no_text_acts_or_is_too_long(
            text in prop_oneof![any::<String>(), "[a-c<>&*_~`:/. @!\u{202E}\n|#-]{0,60}"],
            max in 1_usize..80,
        ) {
            let safe = mrkdwn(&text, max);
            prop_assert!(!acts(&safe), "{safe:?}");
            prop_assert!(utf16(&safe) <= max);
            prop_assert!(utf16(&literal(&text, max)) <= max);
            let plain = plain(&text, max).text;
            prop_assert!((1..=max).contains(&utf16(&plain)));
            prop_assert!(!plain.chars().any(|c| c != '\n' && is_invisible(c)));
        }
    }
}
