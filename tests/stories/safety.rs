//! What people write is shown and never interpreted, and none of it is in the logs.

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

use crate::support::{CARDS, House, OPS, RAE, assert_quiet, options};

/// What would act if it were interpreted. None of it may stand in a text that Slack interprets.
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

/// Nothing that people wrote can act in anything that was sent to Slack.
fn nothing_acts(house: &House) {
    let mut texts = Texts::default();
    for call in house.slack.calls() {
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

#[tokio::test]
async fn hostile_texts_in_every_field_are_shown_as_they_are() {
    let all = ACTIVE.join(" ");
    let mut setup = options();
    let hostile_role = format!("Role {}", &all[..60]);
    setup.marketo.roles = vec![SimRole::new(101, &hostile_role), SimRole::new(102, "API Only")];
    setup.marketo.workspaces =
        vec![SimWorkspace::new(1, "*Default* <!here> :tada:"), SimWorkspace::new(2, "EMEA")];
    setup.policy = setup.policy.replace("roles = [\"API Only\", ", "roles = [\"101\", \"102\", ");
    let house = House::with(setup).await;
    house.opens_form(&house.rae, "/marketo-api-user _sly_*loud*~gone~`code`@evil.example").await;
    let fields = [
        ("Email", "_sly_*loud*~gone~`code`@evil.example"),
        ("First name", "<!channel> *loud* :tada:"),
        ("Last name", "<@UEVIL> `code` https://evil.example"),
        ("Reason", &format!("> {all}\n*loud*\n\n```{all}```")),
        ("Role", "API Only"),
        ("Workspace", "*Default* <!here> :tada:"),
    ];
    house.rae.fills(&fields).await.unwrap();
    let submitted = house.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    house.drain().await.unwrap();
    assert_snapshot!("hostile_card", house.slack.transcript(CARDS));
    house.opens_edit().await;
    assert_snapshot!("hostile_edit", house.modal(&house.rae));
    house.rae.fills(&[("Reason", &all)]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.waits(24 * 3600).await;
    house.opens_review(&house.ada).await;
    assert_snapshot!("hostile_review", house.modal(&house.ada));
    // Marketo's words are no better.
    let message = format!("Access denied for {all}");
    let body = json!({"errors": [{"code": 603, "message": message}]});
    house.marketo.faults().script("invite", Fault::Answer { status: 403, body, retry_after: None });
    house.ada.fills(&[("Role", &hostile_role), ("Note", &all)]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Failed"]);
    nothing_acts(&house);
    house.presses(&house.ada, "Retry").await;
    house.card_says(&["The user is created"]);
    assert_snapshot!("hostile_announcement", house.slack.transcript(OPS));
    nothing_acts(&house);
    house.ends().await;
}

#[tokio::test]
async fn a_hostile_denial_and_a_hostile_command_do_no_harm() {
    let house = House::open().await;
    let all = ACTIVE.join(" ");
    house.rae.types(OPS, &format!("/marketo-api-user {all}")).await;
    house.rae_asks(&[("Reason", &all)]).await;
    house.denies(&house.ada, &all).await;
    nothing_acts(&house);
    assert!(house.told(RAE).iter().all(|told| ACTIVE.iter().all(|active| !told.contains(active))));
    house.ends().await;
}

/// A place where a story's log lines are kept.
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

#[tokio::test]
async fn logs_hold_neither_what_people_wrote_nor_secrets() {
    let log = Log::default();
    let filter = EnvFilter::new("info,marketo_api_user=trace,slack_morphism=trace,reqwest=trace");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).finish();
    // For all threads: what the other stories log at the same time must hold none of it either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let house = House::open().await;
    let fields = [
        ("Email", "mallory.secret@example.com"),
        ("First name", "Mallorina"),
        ("Last name", "Verysecretson"),
        ("Reason", "the hush-hush integration"),
    ];
    for call in ["chat.postMessage", "chat.update"] {
        house.slack.faults().script(call, Fault::Cut);
        house.slack.refuse(call, "internal_error");
        house.slack.faults().script(call, Fault::Html);
    }
    house.slack.refuse("views.open", "invalid_arguments");
    house.rae.types(OPS, "/marketo-api-user mallory.secret@example.com").await;
    house.drain().await.unwrap();
    house.rae_asks(&fields).await;
    house.waits(60).await;
    let message = "User mallory.secret@example.com (Mallorina Verysecretson) cannot be added".to_owned();
    for code in [611, 709] {
        let body = json!({"errors": [{"code": code, "message": message}]});
        house.marketo.faults().script("invite", Fault::Answer { status: 500, body, retry_after: None });
    }
    house.marketo.faults().script("allusers", Fault::Html);
    house.marketo.expire_tokens();
    house.presses(&house.ada, "Approve").await;
    house.waits(300).await;
    assert!(house.card_text().contains("Failed") || house.card_text().contains("created"));
    house.rae_asks(&[("Email", "mallory.second@example.com"), fields[1], fields[2], fields[3]]).await;
    let card = house.slack.channel(CARDS).pop().unwrap();
    assert_quiet(&house.sam.clicks(&card, "Deny").await.unwrap());
    house.sam.sees_modal().await.unwrap();
    house.sam.fills(&[("Reason", "hush-hush as well")]).await.unwrap();
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    let secrets = [house.slack.setup().bot_token, house.slack.setup().signing_secret];
    house.ends_despite(&["internal_error", "invalid_arguments"]).await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.lines().count() > 20 && log.contains("submitted"), "nothing was logged: {log}");
    let written = ["mallory", "Mallorina", "Verysecretson", "hush-hush", CLIENT_SECRET, "Bearer "];
    for secret in written.into_iter().chain(secrets.iter().map(String::as_str)) {
        let found: Vec<&str> =
            log.lines().filter(|line| line.to_lowercase().contains(&secret.to_lowercase())).collect();
        assert!(found.is_empty(), "{secret:?} in\n{}", found.join("\n"));
    }
    // The tokens that Marketo issued end with this.
    assert!(!log.contains(":int"), "a token of Marketo is in the log");
}
