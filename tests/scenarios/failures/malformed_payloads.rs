//! Malformed but signed payloads: each part of each sample is missing, `null`, or of another type. The answer is empty,
//! and the bot keeps working.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::test_bot::{OPS, TestBot, options};

/// The JSON pointers to everything in a value.
fn collect_pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in inner {
        let at = format!("{at}/{name}");
        found.push(at.clone());
        collect_pointers(value, &at, found);
    }
}

/// The sample with each part removed, and replaced by values of other types.
fn variants(sample: &Value) -> Vec<Value> {
    let mut all = vec![sample.clone()];
    let mut pointers = Vec::new();
    collect_pointers(sample, "", &mut pointers);
    for pointer in pointers {
        for other in [json!(null), json!([]), json!({}), json!(7), json!("unexpected")] {
            let mut variant = sample.clone();
            if let Some(part) = variant.pointer_mut(&pointer) {
                *part = other;
            }
            all.push(variant);
        }
        let (holder, name) = pointer.rsplit_once('/').unwrap();
        let mut variant = sample.clone();
        if let Some(Value::Object(fields)) = variant.pointer_mut(holder) {
            fields.remove(&name.replace("~1", "/"));
            all.push(variant);
        }
    }
    all
}

/// The seeds of a fuzz target, by name, as JSON objects.
fn samples(target: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut samples = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&text).unwrap();
        let json = form.iter().find(|(name, _)| name == "payload").map(|(_, json)| json.clone().into_bytes());
        let value: Option<Value> = serde_json::from_slice(&json.unwrap_or(text)).ok();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        samples.extend(value.filter(Value::is_object).map(|value| (name, value)));
    }
    assert!(samples.len() > 3, "the samples are found");
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_payloads_get_an_empty_answer() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut options = options();
    // The scenario sends more than a person is allowed to in a minute.
    options.policy.push_str("\n[limits]\nper_user_per_minute = 0\n");
    let bot = TestBot::with(options).await;
    bot.expect_open_requests();
    // The payloads contain ids that do not exist.
    bot.allow_slack_errors(&["invalid_arguments", "user_not_found", "user_not_in_channel"]);
    let mut sent = 0;
    for (target, path) in
        [("interaction", "/slack/interactions"), ("options", "/slack/options"), ("event", "/slack/events")]
    {
        for (name, sample) in samples(target) {
            // Revoked tokens are meaningful: they make the bot not ready.
            if ["revoked", "uninstalled_org"].contains(&name.as_str()) {
                continue;
            }
            for variant in variants(&sample) {
                let text = variant.to_string();
                let reply = if target == "event" {
                    bot.work.post_signed(path, "application/json", &text).await
                } else {
                    let body = serde_urlencoded::to_string([("payload", &text)]).unwrap();
                    bot.work.post_signed(path, FORM, &body).await
                };
                assert_eq!(reply.status, 200, "{name}: {text}");
                let is_json = reply.content_type == "application/json";
                assert!(
                    reply.body.is_empty() || is_json || reply.content_type.starts_with("text/plain"),
                    "{name}: {reply:?}"
                );
                sent += 1;
            }
        }
    }
    assert!(sent > 1000, "{sent} were sent");
    // The bot still works.
    let reply = bot.rae.types(OPS, "/marketo-api-user help").await;
    assert!(reply.status == 200 && reply.body.contains("/marketo-api-user"), "{reply:?}");
    bot.rae_requests(&[("Email", "after-all@example.com")]).await;
    bot.playground.drain().await.unwrap();
    assert!(bot.slack.channel("C0APPROVE").iter().any(|card| card.text.contains("after-all@example.com")));
}
