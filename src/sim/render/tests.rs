//! The rendered text of each kind of block.

use serde_json::json;

use super::*;

fn names() -> Names {
    Names::of(&Setup::default())
}

fn shown(blocks: &Value) -> String {
    content("fallback", blocks, &names())
}

#[test]
fn mrkdwn_is_rendered_as_slack_shows_it() {
    let cases = [
        ("*Approved* by <@U0APPROVE>", "Approved by @Ada Approver"),
        ("*<@U0REQ>* and _~old~_", "@Rae Requester and old"),
        ("<!subteam^S0MOPS> in <#C0OPS|>", "@mops in #marketing-ops"),
        ("<!date^1392734382^{date}|February 18th> <!here>", "February 18th @here"),
        (
            "<https://example.com|docs> <https://example.com>",
            "docs (https://example.com) https://example.com",
        ),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("&lt;@U0REQ&gt; &amp;lt; R&amp;D", "<@U0REQ> &lt; R&D"),
        ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
        ("`*as is*`", "*as is*"),
        ("<@U0GONE> < 3", "@unknown user < 3"),
    ];
    for (text, read) in cases {
        assert_eq!(text::mrkdwn(text, &names()), read);
    }
}

#[test]
fn a_thread_is_rendered_from_top_to_bottom() {
    let blocks = json!([
        { "type": "header", "text": { "type": "plain_text", "text": "New *request*" } },
        { "type": "section", "text": { "type": "mrkdwn", "text": "*From* <@U0REQ>\nplease" },
          "fields": [{ "type": "mrkdwn", "text": "*Role:* API Only" }] },
        { "type": "rich_text", "elements": [
            { "type": "rich_text_section", "elements": [{ "type": "text", "text": "By " },
                { "type": "user", "user_id": "U0SECOND" }, { "type": "text", "text": " on " },
                { "type": "date", "timestamp": 0, "format": "{date}", "fallback": "2026-11-24" }] },
            { "type": "rich_text_list", "style": "ordered", "elements": [
                { "type": "rich_text_section", "elements": [{ "type": "text", "text": "one" }] },
                { "type": "rich_text_section", "elements": [{ "type": "usergroup", "usergroup_id": "S0MOPS" }] }] },
            { "type": "rich_text_quote", "elements": [{ "type": "text", "text": "a\n*b*" }] }] },
        { "type": "divider" },
        { "type": "hologram" },
        { "type": "actions", "elements": [
            { "type": "button", "text": { "type": "plain_text", "text": "Approve" } },
            { "type": "button", "text": { "type": "plain_text", "text": "Deny" } }] },
        { "type": "context", "elements": [{ "type": "mrkdwn", "text": "or" }, { "type": "plain_text", "text": "wait" }] },
    ]);
    let card = SimMessage {
        channel: "C0OPS".to_owned(),
        ts: "1.1".to_owned(),
        thread_ts: None,
        user: "UB0T".to_owned(),
        bot_id: None,
        text: "fallback".to_owned(),
        blocks,
        metadata: None,
        edits: 0,
    };
    let reply = SimMessage {
        ts: "1.2".to_owned(),
        thread_ts: Some("1.1".to_owned()),
        blocks: json!([]),
        text: "Still waiting, <@U0APPROVE>".to_owned(),
        ..card.clone()
    };
    insta::assert_snapshot!(transcript(&[card, reply], &names()), @r"
    Marketo Bot
    │ New *request*
    │ From @Rae Requester
    │ please
    │ Role: API Only
    │ By @Sam Second on 2026-11-24
    │ 1. one
    │ 2. @mops
    │ > a
    │ > *b*
    │ ──────
    │ [unsupported block: hologram]
    │ [ Approve ] [ Deny ]
    │ or wait
      Marketo Bot
      │ Still waiting, @Ada Approver
    ");
    assert_eq!(shown(&json!([])), "fallback");
}

#[test]
fn a_modal_is_rendered_with_values_and_errors() {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let input = |id: &str, label: &str, element: Value| json!({ "type": "input", "block_id": id, "label": plain(label), "element": element });
    let options =
        json!([{ "text": plain("API Only"), "value": "102" }, { "text": plain("Admin"), "value": "1" }]);
    let mut last = input("who", "Who", json!({ "type": "users_select", "action_id": "v" }));
    last["optional"] = json!(true);
    last["hint"] = plain("Somebody");
    let blocks = json!([
        { "type": "section", "text": plain("Fill in:") },
        input("email", "Email", json!({ "type": "email_text_input", "action_id": "v" })),
        input("name", "Name", json!({ "type": "plain_text_input", "action_id": "v", "placeholder": plain("Ada") })),
        input("role", "Role", json!({ "type": "static_select", "action_id": "v", "options": options,
            "initial_option": options[0] })),
        input("more", "More", json!({ "type": "checkboxes", "action_id": "v", "options": options,
            "initial_options": [options[1]] })),
        input("until", "Until", json!({ "type": "datepicker", "action_id": "v", "initial_date": "2027-01-31" })),
        last,
    ]);
    let mut shown = SimView {
        id: "V1".to_owned(),
        user: "U0REQ".to_owned(),
        hash: "1".to_owned(),
        root_id: "V1".to_owned(),
        previous_id: None,
        view: json!({ "title": plain("Marketo API user"), "submit": plain("Request"), "blocks": blocks }),
        typed: BTreeMap::new(),
        errors: BTreeMap::new(),
    };
    shown.typed.insert(("email".to_owned(), "v".to_owned()), json!("svc@"));
    shown.typed.insert(("who".to_owned(), "v".to_owned()), json!("U0APPROVE"));
    shown.errors.insert("email".to_owned(), "is no address".to_owned());
    insta::assert_snapshot!(view(&shown, &names()), @r"
    Marketo API user
    │ Fill in:
    │ Email: svc@
    │   ! is no address
    │ Name: (Ada)
    │ Role: API Only
    │ More: [ ] API Only [x] Admin
    │ Until: 2027-01-31
    │ Who (optional): @Ada Approver
    │   Somebody
    │ [ Close ] [ Request ]
    ");
}
