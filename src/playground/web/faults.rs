//! The fault switches of the playground, and what each does to the simulators. The bot does not know about them.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::session::ActivePlayground;
use crate::sim::fault::{EVERY, Fault};

/// A fault that can be turned on and off.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) description: &'static str,
}

const fn switch(name: &'static str, label: &'static str, description: &'static str) -> Switch {
    Switch { name, label, description }
}

pub(super) const SWITCHES: [Switch; 9] = [
    switch("slack-limit", "Slack: rate limit", "Every call is answered with 429 and Retry-After: 5."),
    switch(
        "slack-down",
        "Slack: down",
        "The Web API cuts every connection. People can still click and submit.",
    ),
    switch(
        "slack-lost",
        "Slack: responses are lost",
        "New messages are posted, but the connection is cut without a response.",
    ),
    switch("marketo-down", "Marketo: down", "Every connection is cut."),
    switch("marketo-rate", "Marketo: rate limit", "Every call is answered with error 606."),
    switch("marketo-quota", "Marketo: daily quota used up", "Every call is answered with error 607."),
    switch(
        "marketo-cut",
        "Marketo: invites lose their response",
        "The user is created, but the bot gets no answer.",
    ),
    switch("slow", "Slow responses", "Slack takes 1 s for each call, Marketo 4 s."),
    switch("late", "Marketo: new users appear late", "Users appear in the lists 45 s after the invite."),
];

const SLOW_SLACK: Duration = Duration::from_secs(1);
const SLOW_MARKETO: Duration = Duration::from_secs(4);
const LATE: Duration = Duration::from_secs(45);

/// Turns a switch on or off; false if there is no such switch.
pub(super) fn set_switch(active: &ActivePlayground, name: &str, is_on: bool) -> bool {
    let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else { return false };
    let switches = active.update_ui(|ui| {
        match is_on {
            true => ui.switches.insert(switch.name),
            false => ui.switches.remove(switch.name),
        };
        ui.switches.clone()
    });
    apply(active, &switches);
    true
}

/// Applies the switches to the simulators.
fn apply(active: &ActivePlayground, on: &BTreeSet<&str>) {
    let slack = &active.slack;
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
    for (_, marketo) in &active.marketos {
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
            faults.persist(EVERY, marketo_error(429, 606, "Max rate limit '100' exceeded with in '20' secs"));
        }
        if on.contains("marketo-quota") {
            faults.persist(EVERY, marketo_error(403, 607, "Daily quota reached"));
        }
    }
}

fn marketo_error(status: u16, code: u16, message: &str) -> Fault {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    Fault::Answer { status, body, retry_after: None }
}
