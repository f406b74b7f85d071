//! User text is shown literally, never interpreted, and never logged.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use insta::assert_snapshot;
use marketo_api_user::sim::{
    fault::Fault,
    marketo::{CLIENT_SECRET, SimRole, SimWorkspace},
};
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::test_bot::{CARDS, OPS, RAE, TestBot, assert_empty_ack, options};

/// Text that would act if Slack interpreted it. None of it may appear in `mrkdwn`.
const ACTIVE: [&str; 14] = [
    "<!channel>",
    "<!here>",
    "<@UEVIL>",
    "<#CEVIL>",
    "<https://evil.example|click>",
    "https://evil.example",
    " evil.example ",
    "*loud*",
    "_sly_",
    "~gone~",
    "`code`",
    ":tada:",
    "<!date^0^{date}|x>",
    "\u{202E}",
];

/// The three kinds of text in what was sent to Slack.
#[derive(Default)]
struct Texts {
    interpreted: Vec<String>,
    plain_with_emoji: Vec<String>,
    rich_elements: Vec<Value>,
}

fn collect(value: &Value, texts: &mut Texts) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
            let text = map.get("text").and_then(Value::as_str);
            match (kind, text) {
                ("mrkdwn", Some(text)) => texts.interpreted.push(text.to_owned()),
                ("plain_text", Some(text)) if map.get("emoji") != Some(&json!(false)) => {
                    texts.plain_with_emoji.push(text.to_owned());
                }
                ("link" | "emoji" | "broadcast" | "user" | "usergroup" | "channel", _) => {
                    texts.rich_elements.push(value.clone());
                }
                // A message: its text is only a fallback, but Slack interprets it.
                ("", Some(text)) => texts.interpreted.push(text.to_owned()),
                _ => {}
            }
            map.values().for_each(|item| collect(item, texts));
        }
        _ => {}
    }
}

/// Asserts that no user text can act in anything that was sent to Slack.
fn nothing_acts(bot: &TestBot) {
    let mut texts = Texts::default();
    for call in bot.slack.calls() {
        assert_ne!(call.body["parse"], "full", "{call:?}");
        assert_ne!(call.body["link_names"], true, "{call:?}");
        collect(&call.body, &mut texts);
    }
    assert!(texts.interpreted.len() > 5, "the texts were not found");
    for text in texts.interpreted.iter().chain(&texts.plain_with_emoji) {
        for active in ACTIVE {
            assert!(!text.contains(active), "{active:?} in {text:?}");
        }
    }
    for element in &texts.rich_elements {
        let ids = ["user_id", "usergroup_id", "channel_id"].into_iter().filter_map(|id| element[id].as_str());
        let is_ours = |id: &str| ["U0", "S0", "C0"].iter().any(|ours| id.starts_with(ours));
        assert!(ids.map(is_ours).eq([true]), "{element}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_form_text_is_shown_literally() {
    let all = ACTIVE.join(" ");
    let mut setup = options();
    let hostile_role = format!("Role {}", &all[..60]);
    setup.marketo.roles = vec![SimRole::new(101, &hostile_role), SimRole::new(102, "API Only")];
    setup.marketo.workspaces =
        vec![SimWorkspace::new(1, "*Default* <!here> :tada:"), SimWorkspace::new(2, "EMEA")];
    setup.policy = setup.policy.replace("roles = [\"API Only\", ", "roles = [\"101\", \"102\", ");
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user _sly_*loud*~gone~`code`@evil.example").await;
    let fields = [
        ("Email", "_sly_*loud*~gone~`code`@evil.example"),
        ("First name", "<!channel> *loud* :tada:"),
        ("Last name", "<@UEVIL> `code` https://evil.example"),
        ("Reason", &format!("> {all}\n*loud*\n\n```{all}```")),
        ("Role", "API Only"),
        ("Workspace", "*Default* <!here> :tada:"),
    ];
    bot.rae.fills(&fields).await.unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    bot.drain().await.unwrap();
    assert_snapshot!("hostile_card", bot.slack.transcript(CARDS));
    bot.rae_opens_edit().await;
    assert_snapshot!("hostile_edit", bot.modal_text(&bot.rae));
    bot.rae.fills(&[("Reason", &all)]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.advance(24 * 3600).await;
    bot.opens_review(&bot.ada).await;
    assert_snapshot!("hostile_review", bot.modal_text(&bot.ada));
    // Marketo's messages are not trusted either.
    let message = format!("Access denied for {all}");
    let body = json!({"errors": [{"code": 603, "message": message}]});
    bot.marketo.faults().script("invite", Fault::Answer { status: 403, body, retry_after: None });
    bot.ada.fills(&[("Role", &hostile_role), ("Note", &all)]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Failed"]);
    nothing_acts(&bot);
    bot.clicks(&bot.ada, "Retry").await;
    bot.card_says(&["The user is created"]);
    assert_snapshot!("hostile_announcement", bot.slack.transcript(OPS));
    nothing_acts(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_denial_and_command_text_is_inert() {
    let bot = TestBot::open().await;
    let all = ACTIVE.join(" ");
    bot.rae.types(OPS, &format!("/marketo-api-user {all}")).await;
    bot.rae_requests(&[("Reason", &all)]).await;
    bot.denies(&bot.ada, &all).await;
    nothing_acts(&bot);
    assert!(bot.ephemerals_to(RAE).iter().all(|answer| ACTIVE.iter().all(|active| !answer.contains(active))));
}

/// Collects the log lines of a scenario.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_contain_neither_user_text_nor_secrets() {
    let log = Log::default();
    let filter = EnvFilter::new("info,marketo_api_user=trace,slack_morphism=trace,reqwest=trace");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).finish();
    // For all threads: what other scenarios log at the same time must contain none of it either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["internal_error", "invalid_arguments"]);
    let fields = [
        ("Email", "mallory.secret@example.com"),
        ("First name", "Mallorina"),
        ("Last name", "Verysecretson"),
        ("Reason", "the hush-hush integration"),
    ];
    for call in ["chat.postMessage", "chat.update"] {
        bot.slack.faults().script(call, Fault::Cut);
        bot.slack.refuse(call, "internal_error");
        bot.slack.faults().script(call, Fault::Html);
    }
    bot.slack.refuse("views.open", "invalid_arguments");
    bot.rae.types(OPS, "/marketo-api-user mallory.secret@example.com").await;
    bot.drain().await.unwrap();
    bot.rae_requests(&fields).await;
    bot.advance(60).await;
    let message = "User mallory.secret@example.com (Mallorina Verysecretson) cannot be added".to_owned();
    for code in [611, 709] {
        let body = json!({"errors": [{"code": code, "message": message}]});
        bot.marketo.faults().script("invite", Fault::Answer { status: 500, body, retry_after: None });
    }
    bot.marketo.faults().script("allusers", Fault::Html);
    bot.marketo.expire_tokens();
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(300).await;
    assert!(bot.card_text().contains("Failed") || bot.card_text().contains("created"));
    bot.rae_requests(&[("Email", "mallory.second@example.com"), fields[1], fields[2], fields[3]]).await;
    let card = bot.slack.channel(CARDS).pop().unwrap();
    assert_empty_ack(&bot.sam.clicks(&card, "Deny").await.unwrap());
    bot.sam.sees_modal().await.unwrap();
    bot.sam.fills(&[("Reason", "hush-hush as well")]).await.unwrap();
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    let secrets = [bot.slack.setup().bot_token, bot.slack.setup().signing_secret];
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.lines().count() > 20 && log.contains("submitted"), "nothing was logged: {log}");
    let written = ["mallory", "Mallorina", "Verysecretson", "hush-hush", CLIENT_SECRET, "Bearer "];
    for secret in written.into_iter().chain(secrets.iter().map(String::as_str)) {
        let leaks: Vec<&str> =
            log.lines().filter(|line| line.to_lowercase().contains(&secret.to_lowercase())).collect();
        assert!(leaks.is_empty(), "{secret:?} in\n{}", leaks.join("\n"));
    }
    // The tokens that Marketo issued end with this.
    assert!(!log.contains(":int"), "a token of Marketo is in the log");
}
