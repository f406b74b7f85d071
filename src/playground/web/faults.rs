//! The fault switches of the playground, and what each does to the simulators. The bot does not know about them.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::session::Scene;
use crate::sim::fault::{EVERY, Fault};

/// Something that can be broken, and mended again.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) says: &'static str,
}

const fn switch(name: &'static str, label: &'static str, says: &'static str) -> Switch {
    Switch { name, label, says }
}

pub(super) const SWITCHES: [Switch; 9] = [
    switch("slack-limit", "Slack: rate limit", "Every call is answered 429, to be tried again after 5 s."),
    switch(
        "slack-down",
        "Slack: down",
        "The Web API cuts every connection. People can still press and submit.",
    ),
    switch(
        "slack-lost",
        "Slack: answers are lost",
        "New messages are posted, but the connection is cut unanswered.",
    ),
    switch("marketo-down", "Marketo: down", "Every connection is cut."),
    switch("marketo-rate", "Marketo: rate reached", "Every call is answered with error 606."),
    switch("marketo-quota", "Marketo: daily quota reached", "Every call is answered with error 607."),
    switch(
        "marketo-cut",
        "Marketo: invites are applied, then cut",
        "The user is created, but the bot gets no answer.",
    ),
    switch("slow", "Slow answers", "Slack takes 1 s for each call, Marketo 4 s."),
    switch("late", "Marketo: new users show late", "A user is in the lists only 45 s after the invite."),
];

const SLOW_SLACK: Duration = Duration::from_secs(1);
const SLOW_MARKETO: Duration = Duration::from_secs(4);
const LATE: Duration = Duration::from_secs(45);

/// Turns a switch on or off; false if there is none of that name.
pub(super) fn turn(scene: &Scene, name: &str, is_on: bool) -> bool {
    let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else { return false };
    let switches = scene.remember(|memory| {
        match is_on {
            true => memory.switches.insert(switch.name),
            false => memory.switches.remove(switch.name),
        };
        memory.switches.clone()
    });
    set(scene, &switches);
    true
}

/// Puts the simulators into the condition that these switches say.
fn set(scene: &Scene, on: &BTreeSet<&str>) {
    let slack = &scene.slack;
    slack.faults().lift();
    slack.set_down(on.contains("slack-down"));
    if on.contains("slow") {
        slack.faults().persist(EVERY, Fault::Slow(SLOW_SLACK));
    }
    if on.contains("slack-lost") {
        slack.faults().persist("chat.postMessage", Fault::AppliedThenCut);
    }
    if on.contains("slack-limit") {
        let body = json!({ "ok": false, "error": "ratelimited" });
        slack.faults().persist(EVERY, Fault::Answer { status: 429, body, retry_after: Some(5) });
    }
    for (_, marketo) in &scene.marketos {
        let faults = marketo.faults();
        faults.lift();
        marketo.set_down(on.contains("marketo-down"));
        marketo.set_visible_after(if on.contains("late") { LATE } else { Duration::ZERO });
        if on.contains("slow") {
            faults.persist(EVERY, Fault::Slow(SLOW_MARKETO));
        }
        if on.contains("marketo-cut") {
            faults.persist("invite", Fault::AppliedThenCut);
        }
        if on.contains("marketo-rate") {
            faults.persist(EVERY, refusal(429, 606, "Max rate limit '100' exceeded with in '20' secs"));
        }
        if on.contains("marketo-quota") {
            faults.persist(EVERY, refusal(403, 607, "Daily quota reached"));
        }
    }
}

fn refusal(status: u16, code: u16, message: &str) -> Fault {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    Fault::Answer { status, body, retry_after: None }
}
