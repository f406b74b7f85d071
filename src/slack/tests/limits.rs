//! Slack's limits (Block Kit reference; SLACK.md §4), under the longest texts that the domain lets through.

use super::*;

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Holds everything within `value` against Slack's limits.
fn check(value: &Value, within: &str) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| check(value, within)),
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str).unwrap_or("option");
            let text = |key: &str| map.get(key).map(|text| text["text"].as_str().unwrap());
            let count = |key: &str| map.get(key).map_or(0, |list| list.as_array().unwrap().len());
            let at_most = |key: &str, max: usize| {
                if let Some(text) = text(key) {
                    assert!((1..=max).contains(&units(text)), "{within} > {kind}.{key}: {}", units(text));
                }
            };
            match kind {
                "plain_text" | "mrkdwn" => {
                    assert!((1..=3000).contains(&units(map["text"].as_str().unwrap())), "{within} > {kind}");
                    assert!(kind == "mrkdwn" || map["emoji"] == json!(false), "{within}");
                    assert!(kind == "plain_text" || map["verbatim"] == json!(true), "{within}");
                }
                "text" => {
                    assert!((1..=3000).contains(&units(map["text"].as_str().unwrap())), "{within}");
                }
                "option" if map.contains_key("value") => {
                    at_most("text", 75);
                    assert!(units(map["value"].as_str().unwrap()) <= 75);
                }
                "button" => {
                    at_most("text", 75);
                    assert!(units(map["value"].as_str().unwrap()) <= 2000);
                }
                "header" => at_most("text", 150),
                "modal" => {
                    ["title", "submit", "close"].iter().for_each(|key| at_most(key, 24));
                    assert!((1..=100).contains(&count("blocks")));
                    assert!(
                        map.get("private_metadata").map_or(0, |data| data.as_str().unwrap().len()) <= 3000
                    );
                    let json = value.to_string();
                    assert!(json.len() < 250_000, "{} bytes", json.len());
                    assert!(json.matches(r#""focus_on_load":true"#).count() <= 1);
                    assert!(map.contains_key("submit") || !json.contains(r#""type":"input""#));
                }
                "static_select" => {
                    assert!(count("options") <= 100 && count("option_groups") <= 100);
                    assert_eq!(u8::from(count("options") > 0) + u8::from(count("option_groups") > 0), 1);
                }
                "context" => assert!((1..=10).contains(&count("elements"))),
                "actions" => assert!((1..=25).contains(&count("elements"))),
                "input" => {
                    at_most("label", 2000);
                    at_most("hint", 2000);
                }
                "rich_text" | "rich_text_section" | "rich_text_quote" | "rich_text_list" => {
                    assert!(count("elements") > 0, "{within} > {kind}");
                }
                "link" => assert!(units(map["url"].as_str().unwrap()) <= 3000),
                "user" | "usergroup" | "channel" | "date" | "option" | "email_text_input"
                | "plain_text_input" | "datepicker" | "external_select" => {}
                other => panic!("an element without a known limit: {other}"),
            }
            for key in ["block_id", "action_id", "callback_id"] {
                assert!(map.get(key).is_none_or(|id| (1..=255).contains(&units(id.as_str().unwrap()))));
            }
            map.iter().filter(|(key, _)| *key != "style").for_each(|(_, value)| check(value, kind));
        }
        _ => {}
    }
}

pub(super) fn check_message(name: &str, message: &Message) {
    assert!((1..=4000).contains(&units(&message.text)), "{name}: {}", units(&message.text));
    assert!((1..=50).contains(&message.blocks.len()), "{name}");
    assert!(!message.text.contains('\n'), "{name}");
    check(&json!(message.blocks), name);
    let ids: Vec<Value> =
        json!(message.blocks).as_array().unwrap().iter().filter_map(|b| b.get("block_id").cloned()).collect();
    assert!(ids.len() <= 1, "{name}");
}

#[test]
fn messages_hold_with_the_longest_texts() {
    for text in ["&".repeat(1000), "&".repeat(100), "😀 *a*".repeat(16), "é".repeat(300)] {
        for (name, message) in messages(&text) {
            check_message(&name, &message);
        }
    }
    for (name, message) in messages("").into_iter().chain(answers()) {
        check_message(&name, &message);
    }
}

#[test]
fn a_long_list_of_approvers_is_cut() {
    let many: Vec<Principal> =
        (0..500).map(|at| Principal::User(format!("U{at:010}").as_str().into())).collect();
    let request = request(State::pending());
    let panel = ApproverSet { approvers: many.clone(), ..panel() };
    for message in [
        views::card(&request, &panel, true),
        views::reminder(&request, &panel),
        replies::refusal(&Refusal::NotApprover, &many, &"U0REQ".into()),
        replies::not_eligible(NotRequester::NotListed, &many, &many),
    ] {
        check_message("many", &message);
        assert!(read(&message).contains(" or 490 more"));
    }
    let terms = Terms { approval: Approval::Required { approvers: many, needed: 1 }, ..terms() };
    check(&modal(&offer(1, 1, "x"), &terms, ""), "many");
}

#[test]
fn forms_hold_with_long_names_and_many_choices() {
    let long = "&".repeat(300);
    for (roles, workspaces) in [(0, 0), (1, 1), (2, 2), (100, 100), (101, 101), (150, 150), (9_999, 1)] {
        let offer = offer(roles, workspaces, &long);
        check(&modal(&offer, &terms(), &"a".repeat(1000)), "form");
        let asked = amended(&"&".repeat(100), State::pending());
        check(&review(&asked, &offer, true), "review");
        check(&edit(&asked, &offer), "edit");
        for (field, count) in [(Field::Role, roles), (Field::Workspace, workspaces)] {
            let options = views::options(&offer, field, "");
            assert_eq!(options["options"].as_array().unwrap().len(), count.min(100));
            check(&options, "options");
        }
    }
    let names: Vec<String> = (0..100).map(|at| format!("{at:03}{}", "&".repeat(72))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for choices in
        [SelectOptions::Offered(&offer(101, 101, &long)), SelectOptions::Loading, SelectOptions::Unavailable]
    {
        check(&modal_of(&names, choices, &terms(), &initially(&"a".repeat(1000))), "instances");
    }
    let request = request_saying(&"&".repeat(100), State::pending());
    check(&json!(views::deny_modal(&request, &"m".repeat(3000))), "deny");
    check(&json!(views::loading_modal("{}")), "loading");
    check(&json!(views::unavailable_modal(&long)), "unavailable");
}

#[test]
fn forms_about_a_request_hold_with_the_longest_texts() {
    for text in ["&".repeat(1000), "&".repeat(100), "😀 *a*".repeat(16), "é".repeat(300)] {
        let mut asked = amended(&text, State::pending());
        // However often it was changed.
        asked.revisions = asked.revisions.iter().cycle().take(300).cloned().collect();
        for (roles, workspaces) in [(0, 0), (1, 1), (100, 100), (150, 150)] {
            let offer = offer(roles, workspaces, &text);
            check(&review(&asked, &offer, true), "review");
            check(&edit(&asked, &offer), "edit");
        }
        let card = views::card(&asked, &panel(), true);
        check_message("card", &card);
        assert!(read(&card).contains("Earlier changes that are not shown: 295"), "{}", read(&card));
    }
}

#[test]
fn a_review_offers_what_was_asked_for_and_what_there_is_besides() {
    let named = |review: &Value, label: &str| -> Option<(String, usize)> {
        let block = review["blocks"].as_array()?.iter().find(|block| block["label"]["text"] == label)?;
        let options = block["element"]["options"].as_array().map_or(0, Vec::len);
        Some((block["element"]["initial_option"]["value"].as_str()?.to_owned(), options))
    };
    let asked = request(State::pending());
    let nothing = review(&asked, &offer(0, 0, "x"), false);
    assert_eq!((named(&nothing, "Role"), named(&nothing, "Workspace")), (Some(("101".into(), 1)), None));
    // The workspace 1 is the one that was asked for.
    let own = review(&asked, &offer(2, 1, "x"), false);
    assert_eq!((named(&own, "Role"), named(&own, "Workspace")), (Some(("101".into(), 3)), None));
    let more = review(&asked, &offer(101, 2, "x"), false);
    assert_eq!(named(&more, "Role"), Some(("101".into(), 0)), "searched for by name");
    assert_eq!(named(&more, "Workspace"), Some(("1".into(), 2)));
}

#[test]
fn a_choice_is_offered_where_there_is_one() {
    let labels = |form: &Value| -> Vec<String> {
        let blocks = form["blocks"].as_array().unwrap();
        blocks.iter().filter_map(|block| block["label"]["text"].as_str()).map(str::to_owned).collect()
    };
    let six = ["Email", "First name", "Last name", "Reason", "Access expiration", "Role"];
    assert_eq!(labels(&modal(&offer(1, 1, "x"), &terms(), "")), six);
    let with = modal(&offer(2, 101, "x"), &terms(), "");
    assert_eq!(labels(&with)[6], "Workspace");
    assert_eq!(with["blocks"][7]["element"]["type"], "external_select");
    assert_eq!(with["blocks"][7]["element"]["min_query_length"], 0);
    let only = modal(&offer(1, 100, "x"), &terms(), "");
    assert_eq!(only["blocks"][7]["element"]["type"], "static_select");
    assert_eq!(only["blocks"][6]["element"]["initial_option"], only["blocks"][6]["element"]["options"][0]);
}
