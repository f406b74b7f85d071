//! Floods: connections, invalid signatures, concurrent requests, one person, one workspace.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::io::AsyncWriteExt;

use super::{
    bot::{Answer, Bot, COMMANDS, INTERACTIONS, command, interaction, request, until_the_end},
    table::Table,
};

pub(crate) const LIMITS: &str =
    "[limits]\nconnections = 40\nper_user_per_minute = 4\nper_team_per_minute = 60\n";
pub(crate) const ONE_IN_FLIGHT: &str = "[limits]\nin_flight = 1\n";

/// More idle connections than the limit.
pub(crate) async fn connections(bot: &Bot, table: &mut Table) {
    table.group("flood");
    let head = request(COMMANDS, &bot.signed(b"x"), &[b'x'; 100]);
    let mut held = Vec::new();
    for number in 0..200 {
        let Some(mut stream) = bot.connect().await else { continue };
        // A third sends nothing, a third half a head, a third half a body with a plausible signature.
        let part = [0, 40, head.len() - 50][number % 3];
        let _ = stream.write_all(&head[..part]).await;
        held.push(stream);
    }
    let watch = bot.clock.stopwatch();
    let mut good = 0;
    for _ in 0..20 {
        good += usize::from(
            bot.post_signed(COMMANDS, somebody_asks_for_help(bot).as_bytes()).await.status == 200,
        );
    }
    let took = watch.seconds();
    table.row(
        "200 slow connections on 40 places: good requests",
        good == 20,
        format!("{good} of 20 answered in {took:.2} s"),
    );
    let health = bot.get("/healthz").await;
    table.row("the same: health check", health.status == 200, health.seen());
    let text = bot.get("/metrics").await.body;
    let open = text
        .lines()
        .find_map(|line| line.strip_prefix("http_connections "))
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    table.row("the same: connections that are open", (1..=42).contains(&open), open);
    drop(held);
}

/// Many unsigned requests at once.
pub(crate) async fn signatures(bot: &Bot, table: &mut Table) {
    let before = bot.mebibytes();
    let refused = bot.counted("slack_requests_total{route=\"commands\",outcome=\"unauthorized\"}").await;
    let body = Arc::new(vec![b'x'; 60_000]);
    let mut headers = bot.signed(b"something else");
    headers.push(("X-Forwarded-For", "203.0.113.9".to_owned()));
    let bytes = Arc::new(request(COMMANDS, &headers, &body));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (bytes, address) = (Arc::clone(&bytes), bot.address);
        flood.spawn(async move {
            for _ in 0..25 {
                let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { continue };
                let _ = stream.write_all(&bytes).await;
                until_the_end(&mut stream, Duration::from_secs(5)).await;
            }
        });
    }
    let mut good = 0;
    for _ in 0..10 {
        let body = somebody_asks_for_help(bot);
        good += usize::from(bot.post_signed(COMMANDS, body.as_bytes()).await.status == 200);
    }
    flood.join_all().await;
    let refused =
        bot.counted("slack_requests_total{route=\"commands\",outcome=\"unauthorized\"}").await - refused;
    let grown = bot.mebibytes().saturating_sub(before);
    table.row(
        "500 invalid signatures of 60 KB: valid requests at the same time",
        good == 10,
        format!("{good} of 10, {refused} times 401"),
    );
    table.row("the same: memory", grown < 32, format!("{grown} MiB more"));
    let limited = bot.counted("slack_requests_total{route=\"commands\",outcome=\"limited\"}").await;
    table.row("the same: no rate limit is used up", limited == 0, "0 limited");
}

/// A command of a person who has not used it before.
fn somebody_asks_for_help(bot: &Bot) -> String {
    let id = bot.clock.new_id();
    command(&id, "help").replace("U0REQ", &format!("U{}", &id.to_uppercase().replace('-', "")))
}

/// A person above their rate limit.
pub(crate) async fn of_one_person(bot: &Bot, table: &mut Table) {
    let mut answer = Answer::read(b"");
    for _ in 0..6 {
        answer = bot.post_signed(COMMANDS, command(&bot.clock.new_id(), "help").as_bytes()).await;
    }
    let is_told = answer.status == 200
        && answer.body.contains("ephemeral")
        && answer.body.contains("Try again in a minute");
    table.row("six commands of one person who has four", is_told, answer.seen() + ", in words");
    let click = |number: usize| {
        interaction(&json!({"type": "block_actions", "team": {"id": "T0001"}, "user": {"id": "U0REQ"},
            "channel": {"id": "C0OPS"}, "trigger_id": format!("t{number}"), "actions": [{"action_id": "request_approve", "value": "x"}]}))
    };
    let clicked = click(0);
    let headers = bot.signed(clicked.as_bytes());
    let answer = bot.post(INTERACTIONS, &headers, clicked.as_bytes()).await;
    let has_after = answer.head.contains("retry-after:");
    table.row("then a click: refused", answer.is_bare(429) && has_after, answer.seen());
    let again = bot.post(INTERACTIONS, &headers, clicked.as_bytes()).await;
    table.row("the same click, replayed", again.is_bare(429), again.seen());
    let form = interaction(
        &json!({"type": "view_submission", "team": {"id": "T0001"}, "user": {"id": "U0REQ"},
        "view": {"id": "V9", "callback_id": "marketo_api_user", "state": {"values": {"email": {"value": {"value": "a@b.c"}}}}}}),
    );
    let answer = bot.post_signed(INTERACTIONS, form.as_bytes()).await;
    table.row(
        "then a form: stays open and says so",
        answer.body.contains("{\"email\":\"That was too much"),
        answer.seen(),
    );
    for number in 1..10 {
        bot.post_signed(INTERACTIONS, click(number).as_bytes()).await;
    }
    bot.clock.sleep(Duration::from_millis(500)).await;
    let messages =
        bot.slack.ephemerals_for("U0REQ").iter().filter(|one| one.text.contains("too much at once")).count();
    table.row("ten clicks too many: one message", messages <= 1, format!("{messages} messages"));
    let other = command(&bot.clock.new_id(), "help").replace("U0REQ", "U0SECOND");
    let answer = bot.post_signed(COMMANDS, other.as_bytes()).await;
    table.row(
        "(no attack) another person at the same time",
        answer.body.contains("opens the form"),
        answer.seen(),
    );
    let mut people = 0;
    let is_told = loop {
        people += 1;
        let answer = bot.post_signed(COMMANDS, somebody_asks_for_help(bot).as_bytes()).await;
        let is_told = answer.body.contains("Try again in a minute");
        if is_told || people > 200 {
            break is_told;
        }
    };
    table.row(
        "very many people of one workspace at once",
        is_told,
        format!("the {people}th is messages to wait"),
    );
}

/// More concurrent requests than the limit, while the database is locked.
pub(crate) async fn in_flight(bot: &Bot, table: &mut Table) {
    let clicks = (0..8).map(|number| {
        interaction(&json!({"type": "block_actions", "team": {"id": "T0001"}, "user": {"id": "U0REQ"},
            "channel": {"id": "C0OPS"}, "trigger_id": format!("f{number}"), "actions": [{"action_id": "request_cancel", "value": "x"}]}))
    });
    let holder = hold(bot).await;
    let mut answers = Vec::new();
    for body in clicks {
        let (address, bytes) =
            (bot.address, request(INTERACTIONS, &bot.signed(body.as_bytes()), body.as_bytes()));
        answers.push(tokio::spawn(async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            until_the_end(&mut stream, Duration::from_secs(10)).await
        }));
    }
    bot.clock.sleep(Duration::from_millis(300)).await;
    let health = bot.get("/healthz").await;
    let mut shed = 0;
    for answer in answers {
        let answer = answer.await.unwrap();
        shed += usize::from(answer.is_bare(503) && answer.head.contains("retry-after: 1"));
    }
    drop(holder);
    let counted = bot.counted("slack_requests_total{route=\"interactions\",outcome=\"shed\"}").await;
    table.row(
        "8 clicks at once with 1 slot: shed",
        shed >= 6 && counted >= 6,
        format!("{shed} times 503 with Retry-After"),
    );
    table.row("the same: health check", health.status == 200, health.seen());
    table.row("the same, afterwards: still serving", bot.serves().await, "200");
}

/// Locks the database until the returned guard is dropped.
async fn hold(bot: &Bot) -> SqliteConnection {
    let path = bot.folder.path().join("bot.db");
    let mut holder = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();
    holder
}
