//! Text from people and from Marketo that tries to be markup.

use proptest::prelude::*;

use super::*;
use crate::{domain::text::is_invisible, slack::text::tests::has_markup};

pub(super) const UNTRUSTED: &str =
    "<!channel> <@U1> *b* `c` _i_ :smile: <https://x|y> <!subteam^S1> http://evil.example \u{202E}gnp";

/// Removes the markup of the bot itself: mentions of these people and dates.
fn without_own_markup(text: &str) -> String {
    let own = ["<@U0REQ>", "<@U0APPROVE>", "<@U0BOSS>", "<!subteam^S0MOPS>", "<#C0ADMINS>"];
    let mut text = own.iter().fold(text.to_owned(), |text, own| text.replace(own, ""));
    while let Some(start) = text.find("<!date^") {
        let end = start + text[start..].find('>').unwrap();
        let date: Vec<&str> = text[start + 7..end].split(['^', '|']).collect();
        assert!(date.len() == 3 && date[0].parse::<i64>().is_ok(), "{date:?}");
        text.replace_range(start..=end, "");
    }
    text
}

/// Every text that Slack interprets has no markup, and no text has invisible characters.
fn check(value: &Value) {
    match value {
        Value::Object(map) => {
            if map.get("type") == Some(&json!("mrkdwn")) {
                let text = without_own_markup(map["text"].as_str().unwrap());
                assert!(!has_markup(&text), "{text:?}");
            }
            // The only links are permalinks of the bot's messages.
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

pub(super) fn check_message(name: &str, message: &Message) {
    let shown = without_own_markup(&message.text);
    assert!(!has_markup(&shown), "{name}: {shown:?}");
    check(&json_of(message));
}

fn check_all(text: &str) {
    for (name, message) in messages(text) {
        check_message(&name, &message);
    }
    let request = request_with_text(text, State::pending());
    check(&json!(views::deny_modal(&request, "")));
    check(&json!(views::unavailable_modal(text)));
    check(&modal(&allowed(2, 3, text), &terms(), text));
    let names = ["eu", "production"];
    check(&modal_of(&names, SelectOptions::Offered(&allowed(2, 3, text)), &terms(), &with_email(text)));
    check(&modal_of(&names, SelectOptions::Unavailable, &terms(), &with_email(text)));
    check(&views::options(&allowed(0, 3, text), Field::Workspace, ""));
    let revised = revised(text, State::pending());
    check(&review(&revised, &allowed(2, 3, text), true));
    check(&edit(&revised, &allowed(2, 3, text)));
}

#[test]
fn untrusted_text_is_shown_verbatim() {
    check_all(UNTRUSTED);
    let card = messages::card(&request_with_text(UNTRUSTED, State::pending()), &approver_set(), true);
    assert!(read(&card).contains("<!channel> <@U1> *b* `c` _i_ :smile:"), "shown as it was typed");
}

#[test]
fn approvers_are_warned_of_confusable_characters() {
    let request = request_with_text("\u{410}da", State::pending());
    let card = read(&messages::card(&request, &approver_set(), true));
    for field in ["name", "role", "workspace"] {
        let warning = format!(
            "Look closely: The {field} contains characters that look like other letters: “А” (Cyrillic, U+0410)."
        );
        assert!(card.contains(&warning), "{card}");
    }
    let mut encoded = request_with_text("Ada", State::pending());
    let Change::CreateUser(user) = &mut encoded.change;
    user.email = Email::parse("svc@xn--exmple-cua.com").unwrap();
    assert!(
        read(&messages::card(&encoded, &approver_set(), true)).contains("Look closely: The email's domain")
    );
    let ordinary = read(&messages::card(&request_with_text("Анна", State::pending()), &approver_set(), true));
    assert!(!ordinary.contains("Look closely"), "{ordinary}");
}

#[test]
fn replies_contain_no_markup_but_their_mentions() {
    for (name, message) in answers() {
        assert!(!has_markup(&without_own_markup(&message.text)), "{name}: {}", message.text);
        check(&json_of(&message));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_is_shown_verbatim(text in prop_oneof![any::<String>(), "[a-c<>&*_~`:/.!@|\u{202E}\n -]{0,80}"]) {
        check_all(&text);
    }
}
