//! Accepted and refused blocks, in one table for each surface.

use serde_json::{Value, json};

use super::*;

fn errors(result: Result<(), Vec<String>>) -> String {
    result.err().unwrap_or_default().join("\n")
}

fn message(blocks: Value) -> String {
    let mut blocks = blocks;
    errors(check_message(&mut blocks))
}

fn modal(blocks: Value) -> String {
    errors(check_view(&mut json!({
        "type": "modal",
        "title": plain("Title"),
        "submit": plain("Send"),
        "blocks": blocks,
    })))
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn long(length: usize) -> String {
    "é".repeat(length)
}

fn option(text: &str, value: &str) -> Value {
    json!({ "text": plain(text), "value": value })
}

fn actions(element: Value) -> Value {
    json!([{ "type": "actions", "elements": [element] }])
}

fn input(element: Value) -> Value {
    json!([{ "type": "input", "label": plain("Label"), "element": element }])
}

fn rich(elements: Value) -> Value {
    json!([{ "type": "rich_text", "elements": elements }])
}

#[test]
fn messages_within_the_limits_are_accepted() {
    let accepted = [
        json!([]),
        json!([{ "type": "header", "text": plain(&long(150)) }, { "type": "divider" }]),
        json!([{ "type": "section", "text": { "type": "mrkdwn", "text": long(3000), "verbatim": true } }]),
        json!([{ "type": "context", "elements": [plain("a"), { "type": "mrkdwn", "text": "b" },
                 { "type": "image", "image_url": "https://example.com/a.png", "alt_text": "a" }] }]),
        actions(json!({ "type": "button", "text": plain(&long(75)), "value": long(2000), "style": "primary",
                 "confirm": { "title": plain("Sure?"), "text": plain("Really?"), "confirm": plain("Yes") } })),
        actions(json!({ "type": "static_select", "options": [option("a", "1")],
                 "initial_option": option("a", "1") })),
        rich(json!([
            { "type": "rich_text_section", "elements": [
                { "type": "text", "text": "a", "style": { "bold": true } },
                { "type": "user", "user_id": "U1" }, { "type": "usergroup", "usergroup_id": "S1" },
                { "type": "channel", "channel_id": "C1" }, { "type": "emoji", "name": "tada" },
                { "type": "link", "url": "https://example.com" },
                { "type": "date", "timestamp": 1_700_000_000, "format": "{date}", "fallback": "then" }] },
            { "type": "rich_text_list", "style": "bullet", "elements": [
                { "type": "rich_text_section", "elements": [{ "type": "text", "text": "a" }] }] },
            { "type": "rich_text_quote", "elements": [{ "type": "text", "text": "a" }] },
            { "type": "rich_text_preformatted", "elements": [{ "type": "text", "text": "a" }] },
        ])),
    ];
    for blocks in accepted {
        assert_eq!(message(blocks.clone()), "", "{blocks}");
    }
}

#[test]
fn messages_beyond_the_limits_are_refused() {
    let dividers = vec![json!({ "type": "divider" }); 51];
    let same = json!({ "type": "divider", "block_id": "same" });
    let button = |id: &str| json!({ "type": "button", "text": plain("a"), "action_id": id });
    let section = |text: Value| json!([{ "type": "section", "text": text }]);
    let select = |more: Value| {
        let mut select = json!({ "type": "static_select" });
        select.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        actions(select)
    };
    let refused = [
        (json!(dividers), "no more than 50 items allowed [json-pointer:/blocks]"),
        (json!([same, same]), "block_id already exists: same"),
        (json!([{ "type": "fancy" }]), "unsupported type: fancy [json-pointer:/blocks/0]"),
        (json!(["text"]), "unsupported type:"),
        (json!([{ "type": "divider", "colour": 1 }]), "invalid additional property: colour"),
        (json!([{ "type": "divider", "block_id": long(256) }]), "must be less than 256 characters"),
        (json!([{ "type": "header", "text": plain(&long(151)) }]), "must be less than 151 characters"),
        (
            json!([{ "type": "header", "text": { "type": "mrkdwn", "text": "a" } }]),
            "unsupported type: mrkdwn",
        ),
        (json!([{ "type": "section" }]), "missing required field: text or fields"),
        (section(plain("")), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (section(plain(&long(3001))), "must be less than 3001 characters"),
        (section(json!({ "type": "plain_text", "text": "a", "verbatim": true })), "property: verbatim"),
        (section(json!("a")), "must be an object"),
        (json!([{ "type": "section", "fields": vec![plain("a"); 11] }]), "no more than 10 items"),
        (json!([{ "type": "section", "fields": [plain(&long(2001))] }]), "must be less than 2001"),
        (json!([{ "type": "context", "elements": vec![plain("a"); 11] }]), "no more than 10 items"),
        (json!([{ "type": "context", "elements": [button("a")] }]), "unsupported type: button"),
        (json!([{ "type": "actions", "elements": [] }]), "no less than 1 items allowed"),
        (json!([{ "type": "actions", "elements": [button("a"), button("a")] }]), "action_id already exists"),
        (actions(json!({ "type": "button", "text": plain(&long(76)) })), "must be less than 76 characters"),
        (actions(json!({ "type": "button", "text": plain("a"), "value": long(2001) })), "less than 2001"),
        (actions(json!({ "type": "button", "text": plain("a"), "style": "green" })), "primary, danger"),
        (actions(json!({ "type": "button" })), "missing required field: text"),
        (select(json!({})), "exactly one of options and option_groups"),
        (select(json!({ "options": [] })), "no less than 1 items"),
        (select(json!({ "options": vec![option("a", "1"); 101] })), "no more than 100 items"),
        (select(json!({ "options": [option(&long(76), "1")] })), "must be less than 76"),
        (select(json!({ "options": [option("a", &long(151))] })), "must be less than 151"),
        (
            select(json!({ "options": [option("a", "1")], "initial_option": option("A", "1") })),
            "initial_option must equal one of the options",
        ),
        (
            select(json!({ "options": [option("a", "1")], "placeholder": plain(&long(151)) })),
            "must be less than 151",
        ),
        (actions(json!({ "type": "plain_text_input" })), "unsupported type: plain_text_input"),
        (actions(json!({ "type": "datepicker", "initial_date": "2026-02-30" })), "must be a date"),
        (actions(json!({ "type": "datepicker", "initial_date": "20260201" })), "must be a date"),
        (actions(json!({ "type": "datetimepicker", "initial_date_time": 5 })), "must be an integer"),
        (input(json!({ "type": "email_text_input" })), "unsupported type: email_text_input"),
        (
            rich(json!([{ "type": "rich_text_section", "elements": [{ "type": "text", "text": "" }] }])),
            "more than 0",
        ),
        (rich(json!([{ "type": "rich_text_section", "elements": [{ "type": "bold" }] }])), "type: bold"),
        (rich(json!([{ "type": "rich_text_table" }])), "unsupported type: rich_text_table"),
        (
            rich(
                json!([{ "type": "rich_text_list", "style": "bullet", "elements": [{ "type": "text", "text": "a" }] }]),
            ),
            "unsupported type: text",
        ),
    ];
    for (blocks, expected) in refused {
        let errors = message(blocks.clone());
        assert!(
            errors.contains(expected) && errors.starts_with("[ERROR] "),
            "{blocks}\ngot {errors}\nexpected {expected}"
        );
    }
}

#[test]
fn modals_have_their_own_limits() {
    let email = input(json!({ "type": "email_text_input", "initial_value": "a@example.com" }));
    let text = |more: Value| {
        let mut text = json!({ "type": "plain_text_input" });
        text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input(text)
    };
    let focused = json!({ "type": "plain_text_input", "focus_on_load": true });
    let two: Vec<Value> = [input(focused.clone()), input(focused)].iter().map(|b| b[0].clone()).collect();
    let multi = json!({ "type": "multi_static_select", "options": [option("a", "1")],
        "initial_options": [option("b", "2")], "max_selected_items": 0 });
    assert_eq!(modal(email), "");
    assert_eq!(modal(text(json!({ "multiline": true, "max_length": 3000 }))), "");
    let refused = [
        (json!([]), "no less than 1 items"),
        (json!(vec![json!({ "type": "divider" }); 101]), "no more than 100 items"),
        (json!([{ "type": "markdown", "text": "a" }]), "unsupported type: markdown"),
        (text(json!({ "max_length": 3001 })), "must be an integer from 1 to 3000"),
        (text(json!({ "initial_value": null, "min_length": -1 })), "must be an integer"),
        (input(json!({ "type": "number_input" })), "missing required field: is_decimal_allowed"),
        (input(json!({ "type": "button", "text": plain("a") })), "unsupported type: button"),
        (input(multi.clone()), "initial_options must equal some of the options"),
        (input(multi.clone()), "must be an integer from 1 to 100"),
        (actions(multi), "unsupported type: multi_static_select"),
        (json!(two), "only one element can have focus_on_load"),
    ];
    for (blocks, expected) in refused {
        let errors = modal(blocks.clone());
        assert!(errors.contains(expected), "{blocks}\ngot {errors}\nexpected {expected}");
    }
}

#[test]
fn views_need_a_title_and_with_inputs_a_submit_button() {
    let view = |more: Value| {
        let mut view = json!({ "type": "modal", "title": plain("Title"),
            "blocks": input(json!({ "type": "plain_text_input" })) });
        view.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        errors(check_view(&mut view))
    };
    assert!(view(json!({})).contains("missing required field: submit [json-pointer:/view]"));
    assert_eq!(view(json!({ "submit": plain("Send") })), "");
    let refused = [
        (
            json!({ "title": plain(&long(25)) }),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (json!({ "title": null }), "must be an object"),
        (json!({ "close": plain(&long(25)) }), "must be less than 25"),
        (json!({ "private_metadata": long(3001) }), "must be less than 3001"),
        (json!({ "callback_id": long(256) }), "must be less than 256"),
        (json!({ "type": "dialog" }), "must be a valid view type"),
        (json!({ "colour": "red" }), "invalid additional property: colour"),
    ];
    for (more, expected) in refused {
        let errors = view(more.clone());
        assert!(errors.contains(expected), "{more}\ngot {errors}\nexpected {expected}");
    }
}

#[test]
fn missing_block_and_action_ids_are_generated() {
    let mut blocks = actions(json!({ "type": "button", "text": plain("a") }));
    check_message(&mut blocks).unwrap();
    assert!(blocks[0]["block_id"].is_string());
    assert!(blocks[0]["elements"][0]["action_id"].is_string());
    let before = blocks.clone();
    check_message(&mut blocks).unwrap();
    assert_eq!(blocks, before);
}
