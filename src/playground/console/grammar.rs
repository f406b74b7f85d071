//! What can be said to the demo, a line at a time. Pure: nothing is known here of who there is or what they see.

/// A line that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Empty,
    Help,
    ShowEverything,
    /// A channel's name without `#`.
    ShowChannel(&'a str),
    ShowPerson(&'a str),
    Marketo,
    Restart,
    Quit,
    Person(&'a str, Act<'a>),
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// Types a command, in the usual channel or in the one with this name.
    Types(&'a str, Option<&'a str>),
    /// Fills fields, by their labels.
    Fills(Vec<(&'a str, &'a str)>),
    Submits,
    Clicks(&'a str),
    Closes,
}

/// What can be said, for those who ask.
pub(super) const HELP: &str = "\
<who> types /marketo-api-user [e-mail]        add \"in #marketo-approvals\" for another channel
<who> fills Email = a@b.com; Role = API Only  fields of the open form, by their labels
<who> submits                                 the open form
<who> clicks Approve                          the newest button of that name that they see
<who> closes                                  the open form, without sending it
show [#channel | <who>]                       what all see, a channel, or what only one person sees
marketo                                       the users that Marketo has
restart                                       stops the bot and starts it on the same database
quit                                          ends the demo
";

const FIELDS: &str = "Write fields as: rae fills Email = a@b.com; First name = Svc";
const UNKNOWN: &str =
    "I do not know that. Try: rae types /marketo-api-user svc@example.com (help shows the rest)";

/// Reads a line, or says what to write in its place.
pub(super) fn read(line: &str) -> Result<Line<'_>, String> {
    let line = line.trim();
    let (first, rest) = cut(line);
    match (first.to_lowercase().as_str(), rest) {
        ("", _) => Ok(Line::Empty),
        ("help" | "?", _) => Ok(Line::Help),
        ("marketo", "") => Ok(Line::Marketo),
        ("restart", "") => Ok(Line::Restart),
        ("quit" | "exit", "") => Ok(Line::Quit),
        ("show", "") => Ok(Line::ShowEverything),
        ("show", who) => {
            Ok(who.strip_prefix('#').map_or(Line::ShowPerson(who), |name| Line::ShowChannel(name.trim())))
        }
        (_, rest) => Ok(Line::Person(first, act(rest)?)),
    }
}

fn act(text: &str) -> Result<Act<'_>, String> {
    let (verb, rest) = cut(text);
    match (verb.to_lowercase().as_str(), rest) {
        ("types" | "type", rest) if rest.starts_with('/') => Ok(match rest.rsplit_once(" in #") {
            Some((line, channel)) => Act::Types(line.trim(), Some(channel.trim())),
            None => Act::Types(rest, None),
        }),
        ("types" | "type", _) => {
            Err("Only commands can be typed, such as: rae types /marketo-api-user svc@example.com".to_owned())
        }
        ("fills" | "fill", rest) => fields(rest).map(Act::Fills),
        ("submits" | "submit", "") => Ok(Act::Submits),
        ("closes" | "close", "") => Ok(Act::Closes),
        ("clicks" | "click" | "presses" | "press", "") => {
            Err("Say which button, such as: ada clicks Approve".to_owned())
        }
        ("clicks" | "click" | "presses" | "press", label) => {
            Ok(Act::Clicks(label.trim_matches(|c| "[] \"".contains(c))))
        }
        _ => Err(UNKNOWN.to_owned()),
    }
}

fn fields(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let fields: Option<Vec<_>> = parts
        .map(|part| part.split_once('=').map(|(label, value)| (label.trim(), value.trim())))
        .map(|field| field.filter(|(label, _)| !label.is_empty()))
        .collect();
    fields.filter(|fields| !fields.is_empty()).ok_or_else(|| FIELDS.to_owned())
}

/// The first word, and the rest.
fn cut(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        for (line, expected) in [
            ("", Line::Empty),
            ("  HELP ", Line::Help),
            ("show", Line::ShowEverything),
            ("show  #marketo-approvals", Line::ShowChannel("marketo-approvals")),
            ("show rae", Line::ShowPerson("rae")),
            ("marketo", Line::Marketo),
            ("restart", Line::Restart),
            ("exit", Line::Quit),
            (
                "rae types /marketo-api-user svc@example.com",
                Line::Person("rae", Act::Types("/marketo-api-user svc@example.com", None)),
            ),
            (
                "Ada type /marketo-api-user in #marketo-approvals",
                Line::Person("Ada", Act::Types("/marketo-api-user", Some("marketo-approvals"))),
            ),
            (
                "rae fills Email = a@b.com; First name=Svc; Reason = a = b;",
                Line::Person(
                    "rae",
                    Act::Fills(vec![("Email", "a@b.com"), ("First name", "Svc"), ("Reason", "a = b")]),
                ),
            ),
            ("rae fills Reason =", Line::Person("rae", Act::Fills(vec![("Reason", "")]))),
            ("rae submits", Line::Person("rae", Act::Submits)),
            ("ada clicks Approve", Line::Person("ada", Act::Clicks("Approve"))),
            ("rae presses [ Cancel request ]", Line::Person("rae", Act::Clicks("Cancel request"))),
            ("rae closes", Line::Person("rae", Act::Closes)),
        ] {
            assert_eq!(read(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn whoever_writes_something_else_is_told_what_to_write() {
        for (line, told) in [
            ("please", "Try: rae types"),
            ("rae", "Try: rae types"),
            ("rae sings", "Try: rae types"),
            ("restart now", "Try: rae types"),
            ("rae types hello", "Only commands"),
            ("rae types", "Only commands"),
            ("rae fills", "Write fields as"),
            ("rae fills Email", "Write fields as"),
            ("rae fills = a@b.com", "Write fields as"),
            ("ada clicks", "which button"),
        ] {
            let answer = read(line).unwrap_err();
            assert!(answer.contains(told), "{line}: {answer}");
        }
    }
}
