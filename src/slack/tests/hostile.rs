//! Texts of people and of Marketo that want to be more than texts.

use proptest::prelude::*;

use super::*;
use crate::{domain::text::is_invisible, slack::text::tests::acts};

pub(super) const HOSTILE: &str =
    "<!channel> <@U1> *b* `c` _i_ :smile: <https://x|y> <!subteam^S1> http://evil.example \u{202E}gnp";

/// What may act because it is ours: mentions of these people and moments.
fn without_ours(text: &str) -> String {
    let ours = ["<@U0REQ>", "<@U0APPROVE>", "<@U0BOSS>", "<!subteam^S0MOPS>", "<#C0ADMINS>"];
    let mut text = ours.iter().fold(text.to_owned(), |text, ours| text.replace(ours, ""));
    while let Some(start) = text.find("<!date^") {
        let end = start + text[start..].find('>').unwrap();
        let date: Vec<&str> = text[start + 7..end].split(['^', '|']).collect();
        assert!(date.len() == 3 && date[0].parse::<i64>().is_ok(), "{date:?}");
        text.replace_range(start..=end, "");
    }
    text
}

/// Looks at every text that Slack interprets, and for what nobody sees at every other.
fn check(value: &Value) {
    match value {
        Value::Object(map) => {
            if map.get("type") == Some(&json!("mrkdwn")) {
                let text = without_ours(map["text"].as_str().unwrap());
                assert!(!acts(&text), "{text:?}");
            }
            // The only links are to messages of the bot, as Slack gave them.
            if map.get("type") == Some(&json!("link")) {
                assert!(map["url"].as_str().unwrap().starts_with("https://example.slack.com/archives/"));
            }
            let kinds = ["emoji", "broadcast"];
            assert!(!map.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind)));
            map.values().for_each(check);
        }
        Value::Array(values) => values.iter().for_each(check),
        Value::String(text) => {
            let hidden = |c: char| is_invisible(c) && c != '\u{2060}' && c != '\n';
            assert!(!text.contains(hidden), "{text:?}");
        }
        _ => {}
    }
}

/// Looks at everything in a message.
pub(super) fn check_message(name: &str, message: &Message) {
    let shown = without_ours(&message.text);
    assert!(!acts(&shown), "{name}: {shown:?}");
    check(&json_of(message));
}

fn check_all(text: &str) {
    for (name, message) in messages(text) {
        check_message(&name, &message);
    }
    let request = request_saying(text, State::pending());
    check(&json!(views::deny_modal(&request, "")));
    check(&json!(views::unavailable_modal(text)));
    check(&modal(&offer(2, 3, text), &terms(), text));
    let names = ["eu", "production"];
    check(&modal_of(&names, SelectOptions::Offered(&offer(2, 3, text)), &terms(), &initially(text)));
    check(&modal_of(&names, SelectOptions::Unavailable, &terms(), &initially(text)));
    check(&views::options(&offer(0, 3, text), Field::Workspace, ""));
    let amended = amended(text, State::pending());
    check(&review(&amended, &offer(2, 3, text), true));
    check(&edit(&amended, &offer(2, 3, text)));
}

#[test]
fn a_hostile_text_is_only_shown() {
    check_all(HOSTILE);
    let card = views::card(&request_saying(HOSTILE, State::pending()), &panel(), true);
    assert!(read(&card).contains("<!channel> <@U1> *b* `c` _i_ :smile:"), "shown as it was typed");
}

/// Whoever decides is told of letters that pass for others, wherever the request is shown.
#[test]
fn letters_that_look_like_others_are_named() {
    let request = request_saying("\u{410}da", State::pending());
    let card = read(&views::card(&request, &panel(), true));
    for what in ["name", "role", "workspace"] {
        let told =
            format!("Look closely: the {what} has letters that look like others: “А” (Cyrillic, U+0410)");
        assert!(card.contains(&told), "{card}");
    }
    let mut encoded = request_saying("Ada", State::pending());
    let Change::CreateUser(user) = &mut encoded.change;
    user.email = Email::parse("svc@xn--exmple-cua.com").unwrap();
    assert!(read(&views::card(&encoded, &panel(), true)).contains("Look closely: the domain of the e-mail"));
    let ordinary = read(&views::card(&request_saying("Анна", State::pending()), &panel(), true));
    assert!(!ordinary.contains("Look closely"), "{ordinary}");
}

#[test]
fn the_answers_mention_only_whom_they_name() {
    for (name, message) in answers() {
        assert!(!acts(&without_ours(&message.text)), "{name}: {}", message.text);
        check(&json_of(&message));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_is_only_shown(text in prop_oneof![any::<String>(), "[a-c<>&*_~`:/.!@|\u{202E}\n -]{0,80}"]) {
        check_all(&text);
    }
}
