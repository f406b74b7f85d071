//! Validly signed but wrong: malformed payloads, forged ids, and replays.

use serde_json::json;

use super::{
    bot::{Bot, COMMANDS, EVENTS, INTERACTIONS, command, interaction},
    table::Table,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// Malformed payloads. A valid signature proves Slack, but the content may come from a user.
pub(crate) async fn payloads(bot: &Bot, table: &mut Table) {
    table.group("parsers");
    let deep = format!("payload={}", "[".repeat(100_000));
    let nested = format!("{{\"type\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!("payload={}", "%F0%9F%92%A9".repeat(20_000));
    let many = "a=b&".repeat(60_000);
    for (attack, path, body, statuses) in [
        ("an interaction of 100,000 brackets", INTERACTIONS, deep.as_bytes(), &[400][..]),
        ("an event of 5,000 nested lists", EVENTS, nested.as_bytes(), &[400]),
        ("60,000 fields", COMMANDS, many.as_bytes(), &[400]),
        ("20,000 emoji for a payload", INTERACTIONS, long.as_bytes(), &[400]),
        ("two payloads", INTERACTIONS, b"payload={}&payload={}", &[400]),
        ("two user ids", COMMANDS, b"command=%2Fx&user_id=U1&user_id=U0APPROVE", &[400]),
        ("bytes that are no text", COMMANDS, b"command=%FF%FE&user_id=%C0%80&text=\xff\xfe\0", &[200, 400]),
        ("a list where an object belongs", EVENTS, b"[\"event_callback\"]", &[400]),
        ("a number beyond every float", EVENTS, b"{\"type\":1e999999}", &[200, 400]),
        ("a key twice", EVENTS, b"{\"type\":\"a\",\"type\":\"url_verification\"}", &[400]),
        ("half a surrogate", EVENTS, b"{\"type\":\"\\ud800\"}", &[200, 400]),
        (
            "types that are not theirs",
            INTERACTIONS,
            b"payload={\"type\":[],\"user\":7,\"actions\":{},\"view\":[1]}",
            &[200],
        ),
    ] {
        let answer = bot.post_signed(path, body).await;
        table.row(attack, statuses.iter().any(|status| answer.is_bare(*status)), answer.seen());
    }
}

/// Payloads with forged claims.
pub(crate) async fn claims(bot: &Bot, table: &mut Table) {
    table.group("forged");
    let from = |kind: &str, more: serde_json::Value| {
        let mut payload = json!({"type": kind, "team": {"id": "T0001"}, "user": {"id": "U0REQ"},
            "trigger_id": bot.clock.new_id(), "channel": {"id": "C0OPS"}});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        interaction(&payload)
    };
    let click = |action: &str, value: &str| json!({"actions": [{"action_id": action, "value": value, "action_ts": "1.1"}]});
    let sql = "x'; DROP TABLE request; --";
    for (attack, payload, statuses) in [
        (
            "approving an unknown request",
            from("block_actions", click("request_approve", "019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa@1")),
            &[200][..],
        ),
        ("approving SQL", from("block_actions", click("request_approve", sql)), &[200]),
        ("cancelling what has no id", from("block_actions", click("request_cancel", "")), &[200]),
        (
            "a click without a user",
            from(
                "block_actions",
                json!({"user": null, "actions": [{"action_id": "request_deny", "value": "x"}]}),
            ),
            &[200],
        ),
        (
            "a form of another workspace",
            from(
                "view_submission",
                json!({"team": {"id": "T0EVIL"}, "view": {"callback_id": "marketo_api_user"}}),
            ),
            &[200],
        ),
        (
            "a form without state or metadata",
            from("view_submission", json!({"view": {"id": "V1", "callback_id": "marketo_api_user"}})),
            &[200],
        ),
        (
            "a denial of SQL",
            from(
                "view_submission",
                json!({"view": {"id": sql, "callback_id": "deny", "private_metadata": format!("{{\"v\":1,\"request\":\"{sql}\",\"channel\":\"C0OPS\"}}"), "state": {"values": {"reason": {"value": {"value": "x"}}}}}}),
            ),
            &[200],
        ),
        (
            "an e-mail with a line break and a header",
            from(
                "view_submission",
                json!({"view": {"id": "V2", "callback_id": "marketo_api_user", "private_metadata": "{\"v\":1,\"channel\":\"C0OPS\"}", "state": {"values": {"email": {"value": {"value": "a@example.com\r\nBcc: b@example.com"}}}}}}),
            ),
            &[200],
        ),
    ] {
        let answer = bot.post_signed(INTERACTIONS, payload.as_bytes()).await;
        let is_error = answer.body.is_empty() || answer.body.contains("\"response_action\":\"errors\"");
        table.row(
            attack,
            statuses.contains(&answer.status) && is_error && bot.marketo.invites() == 0,
            answer.seen() + ", nothing made",
        );
    }
    let answer = bot.post_signed(COMMANDS, command("1.2.x", "`rm -rf /` <!channel>").as_bytes()).await;
    table.row(
        "a command with mentions in it",
        answer.status == 200 && !answer.body.contains("<!channel>"),
        answer.seen(),
    );
}

/// The same request again, and again with a new signature.
pub(crate) async fn replays(bot: &Bot, table: &mut Table) {
    table.group("replay");
    let (rae, ada) = (bot.work.person("U0REQ"), bot.work.person("U0APPROVE"));
    let forms = || bot.slack.calls_to("views.open").len();
    let before = forms();
    let typed = rae.types("C0OPS", "/marketo-api-user").await;
    rae.sees_modal().await.unwrap();
    let again = bot.work.send(&typed.sent).await;
    let anew = bot.work.post_signed(COMMANDS, FORM, &typed.sent.body).await;
    bot.clock.sleep(std::time::Duration::from_millis(300)).await;
    let statuses = format!("{} and {}", again.status, anew.status);
    table.row("a command twice: one form", forms() == before + 1, statuses);
    let fields =
        [("Email", "svc@example.com"), ("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")];
    rae.fills(&fields).await.unwrap();
    let submitted = rae.submits().await.unwrap();
    assert!(submitted.closed, "{submitted:?}");
    let again = bot.work.send(&submitted.reply.sent).await;
    let anew = bot.work.post_signed(INTERACTIONS, FORM, &submitted.reply.sent.body).await;
    bot.until("the card is there", async |bot| bot.slack.channel("C0APPROVE").len() == 1).await;
    let statuses = format!("{} and {}", again.status, anew.status);
    table.row("a form twice: one card", bot.slack.channel("C0APPROVE").len() == 1, statuses);
    let card = bot.slack.channel("C0APPROVE").remove(0);
    let stranger = rae.clicks(&card, "Approve").await.unwrap();
    table.row("approving one's own request", bot.marketo.invites() == 0, stranger.status);
    let before = forms();
    let clicked = ada.clicks(&card, "Deny").await.unwrap();
    ada.sees_modal().await.unwrap();
    bot.work.send(&clicked.sent).await;
    bot.work.post_signed(INTERACTIONS, FORM, &clicked.sent.body).await;
    bot.clock.sleep(std::time::Duration::from_millis(300)).await;
    table.row("Deny twice: one form", forms() == before + 1, clicked.status);
    ada.fills(&[("Reason", "no")]).await.unwrap();
    let denied = ada.submits().await.unwrap();
    let again = bot.work.send(&denied.reply.sent).await;
    let anew = bot.work.post_signed(INTERACTIONS, FORM, &denied.reply.sent.body).await;
    let statuses = format!("{} and {}", again.status, anew.status);
    table.row(
        "a denial twice: no message that it was late",
        bot.slack.ephemerals_for("U0APPROVE").is_empty(),
        statuses,
    );
    let late = ada.clicks_stale(&card, "Approve").await.unwrap();
    table.row(
        "approving by a button of an old card, after the denial",
        bot.marketo.invites() == 0,
        late.status,
    );
    let event = json!({"type": "event_callback", "team_id": "T0001", "event_id": "Ev1", "event": {"type": "subteam_updated", "subteam": {"id": "S0MOPS"}}});
    let repeated = "slack_requests_total{route=\"events\",outcome=\"repeated\"}";
    for _ in 0..3 {
        bot.post_signed(EVENTS, event.to_string().as_bytes()).await;
    }
    let counted = bot.counted(repeated).await;
    table.row("an event three times: acts once", counted == 2, format!("{counted} repeated"));
}
