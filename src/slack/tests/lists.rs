//! The answers to `status`, `pending` and `policy`: rendered, at Slack's limits, and with untrusted text.

use url::Url;

use super::{
    limits::check_message,
    untrusted_text::{self, UNTRUSTED},
    *,
};
use crate::{
    domain::{
        people::{ChannelId, UserId},
        policy::{Condition, Escalation, Policy, Rule},
        request::ApprovalGiven,
    },
    slack::replies::{PagePosition, PendingRequests, PolicyView, RequestItem, RequestLink, RequestPage},
};

fn url() -> Url {
    Url::parse("https://example.slack.com/archives/C0APPROVE/p1?thread_ts=1.1&cid=C0APPROVE").unwrap()
}

/// The command as it was typed.
const COMMAND: &str = "/marketo-api-user";

fn item(text: &str, state: State, approvers: &ApproverSet, link: Option<RequestLink>) -> RequestItem {
    let request = request_with_text(text, state);
    RequestItem { request, approvers: approvers.clone(), link, is_card_failing: false }
}

fn half_approved() -> State {
    State::Pending {
        approvals: vec![ApprovalGiven { by: "U0APPROVE".into(), at: now() }],
        is_escalated: false,
        reminders: Default::default(),
    }
}

fn two_needed() -> ApproverSet {
    ApproverSet { needed: 2, rule: Some("admins".to_owned()), ..approver_set() }
}

fn requester_only() -> ApproverSet {
    ApproverSet { approvers: vec![Principal::User("U0REQ".into())], ..approver_set() }
}

/// An item for each state of a request.
fn items(text: &str) -> Vec<RequestItem> {
    let mut items = vec![
        item(text, State::pending(), &approver_set(), Some(RequestLink::Card(url()))),
        item(text, half_approved(), &two_needed(), Some(RequestLink::Direct(url()))),
        item(text, State::pending(), &requester_only(), None),
    ];
    items.extend(states(text).into_iter().map(|(_, state)| item(text, state, &approver_set(), None)));
    items
}

/// A page of the list `items`.
fn page(items: &[RequestItem], number: usize) -> RequestPage {
    let position = PagePosition::of(number, items.len());
    RequestPage { items: items[position.range()].to_vec(), position }
}

fn rules(text: &str) -> Policy {
    let names = || vec![if text.is_empty() { "Admin".to_owned() } else { text.to_owned() }, "Ops".to_owned()];
    let of = |label: &str, condition, terms| Rule { label: label.to_owned(), condition, terms };
    let condition = Condition {
        instances: names(),
        roles: names(),
        workspaces: names(),
        email_domains: vec!["ext.example.com".to_owned()],
        ..Condition::default()
    };
    let hours = |hours: u64| std::time::Duration::from_secs(hours * 3600);
    let strict = Terms {
        approval: Approval::Required { approvers: approvers(), needed: 2 },
        reason: crate::domain::policy::Requirement::Required,
        expiration: crate::domain::policy::Requirement::Required,
        pending_timeout: Some(hours(36)),
        escalation: Some(Escalation { after: hours(48), to: vec![Principal::User("U0BOSS".into())] }),
        ..terms()
    };
    let free = |per_week| Terms { approval: Approval::None { per_week }, ..terms() };
    let own = Approval::Required { approvers: vec![Principal::User("U0REQ".into())], needed: 1 };
    let roles = |role: &str| Condition { roles: vec![role.to_owned()], ..Condition::default() };
    let label = if text.is_empty() { "admins" } else { text };
    Policy {
        rules: vec![
            of(label, condition, strict),
            of("rule[1]", roles("A"), free(None)),
            of("rule[2]", roles("B"), Terms { approval: own, ..terms() }),
            of("rule[3]", Condition::default(), free(Some(5))),
        ],
        base: Terms { approval_channel: None, ..terms() },
        ..form::tests::policy()
    }
}

fn reply_to(policy: &Policy) -> Message {
    let (requester, channel): (UserId, ChannelId) = ("U0REQ".into(), "C0OPS".into());
    let context = crate::domain::policy::RuleContext {
        instance: "",
        requester: &requester,
        memberships: &[],
        channel: &channel,
    };
    let instances = ["production", policy.rules.first().map_or("Admin", |rule| &rule.condition.instances[0])];
    replies::policy(&PolicyView {
        requester: &requester,
        zone: &Zone::utc(),
        now: now(),
        channel: &channel,
        email_domains: &policy.email_domains,
        candidates: &policy.candidates(&context, &instances),
    })
}

fn all(text: &str) -> Vec<(String, Message)> {
    let pending = |theirs: Vec<RequestItem>, unknown| {
        let requests = PendingRequests { theirs: page(&theirs, 1), unknown };
        replies::pending(COMMAND, &requests, false)
    };
    let waiting = || items(text).into_iter().take(2).collect::<Vec<_>>();
    let mut all = vec![
        ("status".to_owned(), replies::status(COMMAND, &page(&items(text), 1), !text.is_empty())),
        ("pending".to_owned(), pending(waiting(), 0)),
        ("pending_one_unknown".to_owned(), pending(waiting(), 1)),
        ("policy".to_owned(), reply_to(&rules(text))),
    ];
    if text.is_empty() {
        all.push(("status_none".to_owned(), replies::status(COMMAND, &page(&[], 1), false)));
        all.push(("pending_none".to_owned(), pending(Vec::new(), 0)));
        all.push(("pending_unknown".to_owned(), pending(Vec::new(), 3)));
        let domains = ["example.com", "example.org", "example.net"].map(str::to_owned).into();
        let plain = Policy { email_domains: domains, rules: Vec::new(), ..rules("") };
        all.push(("policy_plain".to_owned(), reply_to(&plain)));
    }
    all
}

#[test]
fn every_list_reads_well() {
    let read =
        |(name, message): &(String, Message)| format!("== {name}\n({})\n{}", message.text, read(message));
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("lists", all("").iter().map(read).collect::<Vec<_>>().join("\n"));
    });
}

#[test]
fn lists_stay_within_limits_with_the_longest_texts_and_many_items() {
    for text in ["&".repeat(1000), "😀 *a*".repeat(16), "é".repeat(300)] {
        for (name, message) in all(&text) {
            check_message(&name, &message);
        }
    }
    let many =
        vec![item(&"&".repeat(100), half_approved(), &two_needed(), Some(RequestLink::Card(url()))); 75];
    let status = replies::status(COMMAND, &page(&many, 1), true);
    let requests = |number| PendingRequests { theirs: page(&many, number), unknown: 2 };
    let pending = replies::pending(COMMAND, &requests(1), true);
    let last = read(&replies::pending(COMMAND, &requests(9), true));
    assert!(last.contains("(page 4 of 4):") && !last.contains("more. Type"), "{last}");
    assert_eq!(last.matches("svc_crm@example.com").count(), 15);
    for message in [status, pending] {
        check_message("many", &message);
        let read = read(&message);
        assert!(read.contains("… and 55 more. Type /marketo-api-user"), "{read}");
        assert!(read.contains(" 2 to see them.") && read.contains("(page 1 of 4):"), "{read}");
        assert_eq!(read.matches("svc_crm@example.com").count(), 20);
        assert!(json_of(&message).to_string().len() < 40_000);
    }
    let mut crowded = rules("");
    let long: Vec<String> = (0..200).map(|index| format!("{} {index}", "x".repeat(300))).collect();
    crowded.rules[0].condition.roles = long.clone();
    crowded.email_domains = long;
    crowded.rules = vec![crowded.rules[0].clone(); 60];
    let message = reply_to(&crowded);
    check_message("crowded", &message);
    assert!(read(&message).contains("or 190 more") && read(&message).contains("… and 41 more rules."));
}

#[test]
fn untrusted_text_in_lists_is_shown_verbatim() {
    for (name, message) in all(UNTRUSTED) {
        untrusted_text::check_message(&name, &message);
    }
    assert!(read(&all(UNTRUSTED)[0].1).contains("<!channel> <@U1> *b*"));
}
