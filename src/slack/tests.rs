//! Every modal and message: rendered in full (snapshots), checked against Slack's limits, and filled with untrusted text.

mod field_errors;
mod limits;
mod lists;
mod rendering;
mod revised;
mod untrusted_text;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::revised::{edit, review, revised};
use super::{
    messages::{self, Message},
    replies::{self, NotRequester},
    views::{self, Form, FormLabels, Review, SelectOptions},
};
use crate::domain::{
    allowed_options::AllowedOptions,
    catalog::Role,
    change::{Change, CreateUser, CreatedUser, Detail, Difference, Named},
    decide::Refusal,
    expiration::{Expiration, Zone},
    form::{self, Field, FormInput, FormPreview, FormRequirements},
    note::Note,
    people::Principal,
    policy::{Approval, ApproverSet, Terms},
    request::{ApprovalGiven, Approved, Failure, FailureKind, Request, Revision, State, WaitCause, Waiting},
    text::{Email, PersonName, Reason},
};

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn approvers() -> Vec<Principal> {
    vec![
        Principal::User("U0REQ".into()),
        Principal::User("U0APPROVE".into()),
        Principal::Group("S0MOPS".into()),
        Principal::Channel("C0ADMINS".into()),
    ]
}

fn approver_set() -> ApproverSet {
    ApproverSet {
        approvers: approvers(),
        needed: 1,
        rule: None,
        is_escalated: false,
        violations: Vec::new(),
        missing_groups: Vec::new(),
    }
}

fn terms() -> Terms {
    Terms { approval: Approval::Required { approvers: approvers(), needed: 1 }, ..form::tests::terms() }
}

/// A request whose texts are all `text`, where the domain accepts it.
fn request_with_text(text: &str, state: State) -> Request {
    let zone = Zone::from_parts(Some("America/Los_Angeles"), None);
    let name = |fallback: &str| PersonName::parse(text).or(PersonName::parse(fallback)).unwrap();
    Request {
        id: "01936f2e-7c00-7000-8000-000000000001".into(),
        version: 1,
        created_at: now(),
        requester: "U0REQ".into(),
        origin: "C0OPS".into(),
        approval_channel: Some("C0APPROVE".into()),
        change: Change::CreateUser(CreateUser {
            instance: if text.is_empty() { "production".to_owned() } else { text.to_owned() },
            email: Email::parse("svc_crm@example.com").unwrap(),
            first_name: name("Svc"),
            last_name: name("Crm"),
            role: Named {
                id: 101,
                name: if text.is_empty() { "API Only".to_owned() } else { text.to_owned() },
            },
            workspace: Named {
                id: 1,
                name: if text.is_empty() { "Default".to_owned() } else { text.to_owned() },
            },
            expiration: Expiration::parse("2027-01-31", &zone, now(), SignedDuration::from_hours(8760)).ok(),
        }),
        reason: Reason::parse(text).or(Reason::parse("Nightly lead sync\nfor the CRM team")).ok(),
        memberships: Vec::new(),
        revision: 1,
        revisions: Vec::new(),
        asked_again: None,
        state,
    }
}

fn request(state: State) -> Request {
    request_with_text("", state)
}

fn approved() -> Approved {
    Approved { by: vec!["U0APPROVE".into()], at: now() }
}

fn failed(kind: FailureKind, detail: &str) -> State {
    let attempted_at = (kind == FailureKind::Unavailable).then(now);
    let differences = match kind {
        FailureKind::Mismatch => vec![Difference {
            detail: Detail::Role,
            before: Some("API Only".to_owned()),
            after: Some(if detail.is_empty() { "Admin" } else { detail }.to_owned()),
        }],
        _ => Vec::new(),
    };
    let failure = Failure { detail: detail.to_owned(), attempted_at, differences, ..Failure::new(kind) };
    let approved = (kind != FailureKind::CardUndeliverable).then(approved);
    State::Failed { approved, failure, at: now() }
}

const FAILURES: [FailureKind; 13] = [
    FailureKind::Taken,
    FailureKind::LoginTaken,
    FailureKind::TakenElsewhere,
    FailureKind::InstanceGone,
    FailureKind::Mismatch,
    FailureKind::AccessDenied,
    FailureKind::Credentials,
    FailureKind::Configuration,
    FailureKind::Rejected,
    FailureKind::Declined,
    FailureKind::Unavailable,
    FailureKind::CardUndeliverable,
    FailureKind::ExpirationPassed,
];

/// Every state with a name; its texts are `text`.
fn states(text: &str) -> Vec<(String, State)> {
    let until = now() + SignedDuration::from_hours(14);
    let waiting = |cause, may_be_applied| Some(Waiting { cause, until, may_be_applied });
    let user = |id: Option<&str>| CreatedUser::new(id.map(str::to_owned));
    let done = |approved, user| State::Done { approved, user, at: now() };
    let reason = Reason::parse(text).or(Reason::parse("Use the shared user instead.")).unwrap();
    let without_approval = Approved { by: Vec::new(), at: now() };
    let mut states: Vec<(String, State)> = [
        ("pending", State::pending()),
        ("applying", State::Applying { approved: approved(), waiting: None }),
        ("applying_without_approval", State::Applying { approved: without_approval.clone(), waiting: None }),
        (
            "waiting_quota",
            State::Applying { approved: approved(), waiting: waiting(WaitCause::Quota, false) },
        ),
        (
            "waiting_unavailable",
            State::Applying { approved: approved(), waiting: waiting(WaitCause::Unavailable, true) },
        ),
        ("done", done(approved(), user(Some(if text.is_empty() { "svc_crm@example.com" } else { text })))),
        ("done_without_approval_unseen", done(without_approval, user(None))),
        ("denied", State::Denied { by: "U0APPROVE".into(), reason, at: now() }),
        ("cancelled", State::Cancelled { by: None, at: now() }),
        ("cancelled_by_approver", State::Cancelled { by: Some("U0APPROVE".into()), at: now() }),
        ("timed_out", State::TimedOut { at: now() }),
    ]
    .map(|(name, state)| (name.to_owned(), state))
    .into();
    let detail = if text.is_empty() { "603: Access denied" } else { text };
    states.extend(FAILURES.map(|kind| {
        let is_instance = matches!(kind, FailureKind::TakenElsewhere | FailureKind::InstanceGone);
        let detail = if text.is_empty() && is_instance { "sandbox" } else { detail };
        let name = format!("failed_{kind:?}").to_lowercase();
        (name, failed(kind, detail))
    }));
    states
}

/// As many roles and workspaces, all named after `name`.
fn allowed(roles: usize, workspaces: usize, name: &str) -> AllowedOptions {
    let named = |id: usize| Named { id: id as i64, name: format!("{name} {id}") };
    AllowedOptions {
        roles: (1..=roles).map(|id| Role { named: named(id), only_all_workspaces: false }).collect(),
        workspaces: (1..=workspaces).map(named).collect(),
    }
}

fn modal(allowed: &AllowedOptions, terms: &Terms, email: &str) -> Value {
    modal_of(&["production"], SelectOptions::Offered(allowed), terms, &with_email(email))
}

fn with_email(email: &str) -> FormInput {
    FormInput { email: email.to_owned(), ..FormInput::default() }
}

/// The form for the first of these instances.
fn modal_of(instances: &[&str], options: SelectOptions<'_>, terms: &Terms, initial: &FormInput) -> Value {
    form_of(FormLabels::REQUEST, instances, options, terms, initial)
}

fn form_of(
    labels: FormLabels,
    instances: &[&str],
    options: SelectOptions<'_>,
    terms: &Terms,
    initial: &FormInput,
) -> Value {
    let Terms { reason, expiration, max_access, .. } = terms;
    let requirements = FormRequirements { reason: *reason, expiration: *expiration, max_access: *max_access };
    let preview = FormPreview { requirements, approvals: vec![&terms.approval] };
    let form = Form {
        labels,
        instances,
        instance: instances[0],
        options,
        preview: &preview,
        initial,
        takes_focus: true,
        metadata: r#"{"v":1}"#,
    };
    serde_json::to_value(views::request_modal(&form)).unwrap()
}

fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::OwnRequest,
        Refusal::NotApprover,
        Refusal::CannotCheck,
        Refusal::NotRequester,
        Refusal::Changed,
        Refusal::ApprovalAlreadyGiven { given: 1, needed: 2 },
        Refusal::ExceedsRequest,
        Refusal::OtherChannel,
        Refusal::AlreadyApproved { by: vec!["U0APPROVE".into()] },
        Refusal::AlreadyApproved { by: Vec::new() },
        Refusal::AlreadyDenied { by: "U0APPROVE".into() },
        Refusal::Cancelled,
        Refusal::InProgress,
        Refusal::MayBeApplied,
        Refusal::Done,
        Refusal::TimedOut,
        Refusal::Failed,
        Refusal::NothingToRetry,
        Refusal::ExpirationPassed,
        Refusal::ExpiredBeforeRetry,
        Refusal::AnotherIsOpen,
        Refusal::UnknownRequest,
    ]
}

const NOT_REQUESTERS: [NotRequester; 6] = [
    NotRequester::Guest,
    NotRequester::Bot,
    NotRequester::Deactivated,
    NotRequester::OtherWorkspace,
    NotRequester::NotListed,
    NotRequester::CannotCheck,
];

/// Every message about requests whose texts are `text`.
fn messages(text: &str) -> Vec<(String, Message)> {
    let mut messages = Vec::new();
    let names_instance = !text.is_empty();
    for (name, state) in states(text) {
        let request = request_with_text(text, state);
        messages.push((format!("card_{name}"), messages::card(&request, &approver_set(), names_instance)));
        messages.push((
            format!("requester_{name}"),
            messages::requester(&request, &approver_set(), names_instance),
        ));
        match &request.state {
            State::Done { .. } => messages
                .push((format!("announcement_{name}"), messages::announcement(&request, names_instance))),
            State::Denied { .. }
            | State::Failed { .. }
            | State::TimedOut { .. }
            | State::Cancelled { by: Some(_), .. } => {
                messages.push((format!("outcome_{name}"), messages::outcome(&request)));
            }
            State::Pending { .. } => {
                messages.push(("reminder".to_owned(), messages::reminder(&request, &approver_set())))
            }
            State::Applying { .. } | State::Cancelled { by: None, .. } => {}
        }
    }
    messages.extend(revised::messages(text, names_instance));
    messages
}

/// Every answer to one person.
fn answers() -> Vec<(String, Message)> {
    let people = approvers();
    let mut answers: Vec<(String, Message)> = refusals()
        .iter()
        .map(|why| (format!("{why:?}"), replies::refusal(why, &people[1..], &"U0REQ".into())))
        .collect();
    answers.extend(
        NOT_REQUESTERS.map(|why| (format!("{why:?}"), replies::not_eligible(why, &[], &people[1..]))),
    );
    let help = [("status", "Your open requests")];
    answers.push(("help".to_owned(), replies::usage("/marketo-api-user", help)));
    answers.push(("suggestion".to_owned(), replies::suggestion("/marketo-api-user status")));
    answers.push(("read failed".to_owned(), replies::read_failed()));
    answers.push(("starting".to_owned(), replies::starting()));
    answers.push(("try again".to_owned(), replies::try_again()));
    answers.push(("not understood".to_owned(), replies::not_understood("/marketo-api-user")));
    answers
}

fn json_of(message: &Message) -> Value {
    serde_json::to_value(message).unwrap()
}

/// What a person reads in a message: the texts of its blocks without their markup.
fn read(message: &Message) -> String {
    fn walk(value: &Value, read: &mut String) {
        match value {
            Value::Object(map) => {
                match map.get("type").and_then(Value::as_str) {
                    Some("user") => read.push_str(&format!("@{}", map["user_id"].as_str().unwrap())),
                    Some("usergroup") => {
                        read.push_str(&format!("@{}", map["usergroup_id"].as_str().unwrap()))
                    }
                    Some("channel") => read.push_str(&format!("#{}", map["channel_id"].as_str().unwrap())),
                    Some("date") => read.push_str(map["fallback"].as_str().unwrap()),
                    Some("button") => read.push('['),
                    _ => {}
                }
                match map.get("text") {
                    Some(Value::String(text)) => read.push_str(text),
                    Some(other) => walk(other, read),
                    None => {}
                }
                map.get("elements").into_iter().for_each(|elements| walk(elements, read));
                match map.get("type").and_then(Value::as_str) {
                    Some("button") => read.push_str("] "),
                    Some("rich_text_section" | "rich_text_quote" | "header" | "actions") => read.push('\n'),
                    _ => {}
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, read)),
            _ => {}
        }
    }
    let mut text = String::new();
    walk(&json!(message.blocks), &mut text);
    text
}
