//! Slack's limits (see the Block Kit reference), with the longest texts that the domain accepts.

use super::*;

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Checks everything within `value` against Slack's limits.
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
                other => panic!("no limit is known for the element {other}"),
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
fn messages_stay_within_limits_with_the_longest_texts() {
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
fn long_lists_of_approvers_are_truncated() {
    let many: Vec<Principal> =
        (0..500).map(|index| Principal::User(format!("U{index:010}").as_str().into())).collect();
    let request = request(State::pending());
    let approvers = ApproverSet { approvers: many.clone(), ..approver_set() };
    for message in [
        messages::card(&request, &approvers, true),
        messages::reminder(&request, &approvers),
        replies::refusal(&Refusal::NotApprover, &many, &"U0REQ".into()),
        replies::not_eligible(NotRequester::NotListed, &many, &many),
    ] {
        check_message("many", &message);
        assert!(read(&message).contains(" or 490 more"));
    }
    let terms = Terms { approval: Approval::Required { approvers: many, needed: 1 }, ..terms() };
    check(&modal(&allowed(1, 1, "x"), &terms, ""), "many");
}

#[test]
fn forms_stay_within_limits_with_long_names_and_many_options() {
    let long = "&".repeat(300);
    for (roles, workspaces) in [(0, 0), (1, 1), (2, 2), (100, 100), (101, 101), (150, 150), (9_999, 1)] {
        let options = allowed(roles, workspaces, &long);
        check(&modal(&options, &terms(), &"a".repeat(1000)), "form");
        let revised = revised(&"&".repeat(100), State::pending());
        check(&review(&revised, &options, true), "review");
        check(&edit(&revised, &options), "edit");
        for (field, count) in [(Field::Role, roles), (Field::Workspace, workspaces)] {
            let suggested = views::options(&options, field, "");
            assert_eq!(suggested["options"].as_array().unwrap().len(), count.min(100));
            check(&suggested, "options");
        }
    }
    let names: Vec<String> = (0..100).map(|index| format!("{index:03}{}", "&".repeat(72))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for options in [
        SelectOptions::Offered(&allowed(101, 101, &long)),
        SelectOptions::Loading,
        SelectOptions::Unavailable,
    ] {
        check(&modal_of(&names, options, &terms(), &with_email(&"a".repeat(1000))), "instances");
    }
    let request = request_with_text(&"&".repeat(100), State::pending());
    check(&json!(views::deny_modal(&request, &"m".repeat(3000))), "deny");
    check(&json!(views::loading_modal("{}")), "loading");
    check(&json!(views::unavailable_modal(&long)), "unavailable");
}

#[test]
fn forms_about_a_request_stay_within_limits_with_the_longest_texts() {
    for text in ["&".repeat(1000), "&".repeat(100), "😀 *a*".repeat(16), "é".repeat(300)] {
        let mut revised = revised(&text, State::pending());
        revised.revisions = revised.revisions.iter().cycle().take(300).cloned().collect();
        for (roles, workspaces) in [(0, 0), (1, 1), (100, 100), (150, 150)] {
            let options = allowed(roles, workspaces, &text);
            check(&review(&revised, &options, true), "review");
            check(&edit(&revised, &options), "edit");
        }
        let card = messages::card(&revised, &approver_set(), true);
        check_message("card", &card);
        assert!(read(&card).contains("Earlier changes not shown: 295"), "{}", read(&card));
    }
}

#[test]
fn review_offers_requested_values_and_the_allowed_options() {
    let named = |review: &Value, label: &str| -> Option<(String, usize)> {
        let block = review["blocks"].as_array()?.iter().find(|block| block["label"]["text"] == label)?;
        let options = block["element"]["options"].as_array().map_or(0, Vec::len);
        Some((block["element"]["initial_option"]["value"].as_str()?.to_owned(), options))
    };
    let request = request(State::pending());
    let nothing = review(&request, &allowed(0, 0, "x"), false);
    assert_eq!((named(&nothing, "Role"), named(&nothing, "Workspace")), (Some(("101".into(), 1)), None));
    // The requested workspace has the id 1.
    let own = review(&request, &allowed(2, 1, "x"), false);
    assert_eq!((named(&own, "Role"), named(&own, "Workspace")), (Some(("101".into(), 3)), None));
    let more = review(&request, &allowed(101, 2, "x"), false);
    assert_eq!(named(&more, "Role"), Some(("101".into(), 0)), "searched for by name");
    assert_eq!(named(&more, "Workspace"), Some(("1".into(), 2)));
}

#[test]
fn selects_are_shown_only_where_there_is_a_choice() {
    let labels = |form: &Value| -> Vec<String> {
        let blocks = form["blocks"].as_array().unwrap();
        blocks.iter().filter_map(|block| block["label"]["text"].as_str()).map(str::to_owned).collect()
    };
    let six = ["Email", "First name", "Last name", "Reason", "Access expiration", "Role"];
    assert_eq!(labels(&modal(&allowed(1, 1, "x"), &terms(), "")), six);
    let several = modal(&allowed(2, 101, "x"), &terms(), "");
    assert_eq!(labels(&several)[6], "Workspace");
    assert_eq!(several["blocks"][7]["element"]["type"], "external_select");
    assert_eq!(several["blocks"][7]["element"]["min_query_length"], 0);
    let only = modal(&allowed(1, 100, "x"), &terms(), "");
    assert_eq!(only["blocks"][7]["element"]["type"], "static_select");
    assert_eq!(only["blocks"][6]["element"]["initial_option"], only["blocks"][6]["element"]["options"][0]);
}
