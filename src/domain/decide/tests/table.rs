//! The table of all states, events and outcomes in the documentation is what the code does, and has all of them.

use std::{collections::BTreeSet, fmt::Write};

use super::panel::{expiring, limited};
use super::*;
use crate::domain::{change::Reduction, event::EditedRequest, policy::Escalation, request::ApprovalGiven};

const TABLE: &str = include_str!("../table.md");

/// Every state, those that buttons tell apart more than once.
fn states() -> Vec<(&'static str, State)> {
    let approved = || Approved { by: vec![APPROVER.into()], at: now() };
    let failed = |kind| State::Failed {
        approved: Some(approved()),
        failure: Failure { kind, detail: String::new(), attempted_at: None },
        at: now(),
    };
    let waits = |may_be_applied| {
        let waiting =
            Waiting { cause: WaitCause::Quota, until: now() + SignedDuration::from_hours(1), may_be_applied };
        State::Applying { approved: approved(), waiting: Some(waiting) }
    };
    vec![
        ("pending", State::pending()),
        ("pending, escalated", State::Pending { approvals: Vec::new(), is_escalated: true }),
        ("applying", State::Applying { approved: approved(), waiting: None }),
        ("applying, waits", waits(false)),
        ("applying, may be done", waits(true)),
        ("done", State::Done { approved: approved(), user: CreatedUser { user_id: None }, at: now() }),
        ("failed, mendable", failed(FailureKind::AccessDenied)),
        ("failed for good", failed(FailureKind::Taken)),
        ("denied", State::Denied { by: APPROVER.into(), reason: Reason::parse("no").unwrap(), at: now() }),
        ("cancelled", State::Cancelled { by: None, at: now() }),
        ("timed_out", State::TimedOut { at: now() }),
    ]
}

fn presses() -> Vec<Action> {
    let Change::CreateUser(mut user) = request().change;
    user.last_name = PersonName::parse("Erp").unwrap();
    let edited = EditedRequest {
        revision: 1,
        change: Change::CreateUser(user),
        reason: None,
        memberships: Vec::new(),
    };
    vec![
        Action::approves(1),
        Action::OpenReview,
        Action::OpenDenial,
        Action::Deny { reason: Reason::parse("no").unwrap() },
        Action::Cancel,
        Action::OpenEdit,
        Action::Edit(Box::new(edited)),
        Action::Retry,
    ]
}

fn events() -> Vec<(String, Told)> {
    let people = [
        ("an approver", APPROVER, Membership::Yes),
        ("the requester", REQUESTER, Membership::Yes),
        ("somebody else", "U0OTHER", Membership::No),
        ("somebody unknown", "U0OTHER", Membership::Unknown),
    ];
    let pressed = presses().into_iter().flat_map(|press| {
        people.map(|(who, by, standing)| {
            (format!("{} by {who}", variant(&press)), pressed(by, standing, press.clone()))
        })
    });
    let until = now() + SignedDuration::from_hours(2);
    let waiting = Waiting { cause: WaitCause::Unavailable, until, may_be_applied: false };
    let failure = Failure { kind: FailureKind::Rejected, detail: String::new(), attempted_at: None };
    let others = [
        Event::Applied(CreatedUser { user_id: None }),
        Event::ApplyFailed(failure),
        Event::Waits(waiting),
        Event::Resumed,
        Event::CardLost { detail: String::new() },
        Event::CardGone,
        Event::DecisionTimedOut,
        Event::Reminded { sent: 0 },
        Event::EscalationDue,
    ];
    pressed.chain(others.map(|event| (variant(&event), event.into()))).collect()
}

/// The name of a value's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// The variants of an enum, as its source has them.
fn declared(source: &str, name: &str) -> BTreeSet<String> {
    let body = source.split_once(&format!("pub enum {name} {{\n")).unwrap().1;
    let lines = body.lines().take_while(|line| *line != "}");
    let variants = lines.filter_map(|line| line.strip_prefix("    "));
    variants
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect()
}

#[test]
fn the_table_has_every_state_and_every_event() {
    let variants = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>();
    let states = states().iter().map(|(_, state)| variant(state)).collect();
    assert_eq!(variants(states), declared(include_str!("../../request.rs"), "State"));
    let presses = presses().iter().map(variant).collect();
    assert_eq!(variants(presses), declared(include_str!("../../event.rs"), "Press"));
    let events = events().iter().map(|(_, told)| variant(&told.event)).collect();
    assert_eq!(variants(events), declared(include_str!("../../event.rs"), "Event"));
}

/// The policy of the table: reminders, a timeout, and more people who are asked.
fn table_terms() -> Terms {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let to = vec![Principal::User("U0BOSS".into())];
    Terms {
        pending_timeout: Some(hours(7 * 24)),
        remind_after: Some(hours(24)),
        escalation: Some(Escalation { after: hours(48), to }),
        ..terms()
    }
}

/// What follows, in a word, and what is done outside.
fn outcome(decided: Result<Decision, Refusal>) -> (String, Option<String>) {
    let decision = match decided {
        Err(refusal) => return (variant(&refusal), None),
        Ok(decision) => decision,
    };
    let word = match &decision.next {
        Some(next) => format!("**{}**", next.name()),
        None if decision.effects.is_empty() => return ("·".to_owned(), None),
        None => "stays".to_owned(),
    };
    let word =
        decision.refusal.as_ref().map_or(word.clone(), |refusal| format!("{word}, {}", variant(refusal)));
    let later = |planned: &ScheduledEffect| if planned.after.is_zero() { "" } else { " later" };
    let done =
        decision.effects.iter().map(|planned| format!("`{}`{}", planned.effect.name(), later(planned)));
    let only_if = if decision.cancels_queued { "; only if no worker has the change in hand" } else { "" };
    (word, Some(format!("{}{only_if}", done.collect::<Vec<_>>().join(", "))))
}

/// What a single row cannot show, each with the request that it is about.
fn situations() -> Vec<(&'static str, Result<Decision, Refusal>)> {
    let approvers = vec![Principal::Group("S0MOPS".into())];
    let two = Terms { approval: Approval::Required { approvers, needed: 2 }, ..table_terms() };
    let yes = |by: &str, revision| pressed(by, Membership::Yes, Action::approves(revision));
    let agreed = ApprovalGiven { by: APPROVER.into(), at: now() };
    let one = Request { state: State::Pending { approvals: vec![agreed], is_escalated: false }, ..request() };
    let late = now() + SignedDuration::from_hours(7 * 24);
    let end = now() + SignedDuration::from_hours(100 * 24);
    let forever = Terms { pending_timeout: None, ..table_terms() };
    let wide = Reduction { expiration: expiring("2027-02-28"), ..Default::default() };
    let later =
        pressed(APPROVER, Membership::Yes, Action::Approve { revision: 1, reduction: wide, note: None });
    let edit = presses().into_iter().find(|press| matches!(press, Action::Edit(_))).unwrap();
    let role = Named { id: 102, name: "API Only - EMEA".to_owned() };
    let narrowing = Reduction { role: Some(role), ..Default::default() };
    let narrowed = pressed(
        "U0SECOND",
        Membership::Yes,
        Action::Approve { revision: 1, reduction: narrowing, note: None },
    );
    let decided =
        |now, terms: &Terms, request: &Request, told: &Told| decided_by(now, terms.clone(), request, told);
    vec![
        ("the first of two approves", decided(now(), &two, &request(), &yes(APPROVER, 1))),
        ("the same approves again", decided(now(), &two, &one, &yes(APPROVER, 1))),
        ("the second of two approves", decided(now(), &two, &one, &yes("U0SECOND", 1))),
        ("the second of two approves less", decided(now(), &two, &one, &narrowed)),
        ("an approver saw another revision", decided(now(), &table_terms(), &request(), &yes(APPROVER, 2))),
        (
            "an approver presses when the time is over",
            decided(late, &table_terms(), &request(), &yes(APPROVER, 1)),
        ),
        (
            "the requester edits when the time is over",
            decided(late, &table_terms(), &request(), &pressed(REQUESTER, Membership::No, edit.clone())),
        ),
        (
            "the requester edits after one of two approved",
            decided(now(), &two, &one, &pressed(REQUESTER, Membership::No, edit.clone())),
        ),
        (
            "an approver presses when the last day is over",
            decided(end, &forever, &limited(), &yes(APPROVER, 1)),
        ),
        ("an approver allows a later last day", decided(now(), &forever, &limited(), &later)),
    ]
}

fn table() -> String {
    let mut text = String::from(
        "# All states, events and outcomes\n\nBold: the state that follows. “stays”: the state stays, something is done. \
         ·: nothing changes. Anything else: the press is refused for this reason. An approver is one of those who may \
         decide now; the requester is in their group as well. One approval is needed.\n\n| event |",
    );
    let states = states();
    states.iter().for_each(|(name, _)| write!(text, " {name} |").unwrap());
    text.push_str("\n| --- |");
    states.iter().for_each(|_| text.push_str(" --- |"));
    let mut effects = String::new();
    for (event, told) in events() {
        write!(text, "\n| {event} |").unwrap();
        let mut same: Vec<(String, String, Vec<&str>)> = Vec::new();
        for (name, state) in &states {
            let request = Request { state: state.clone(), ..request() };
            let (word, done) = outcome(decided_by(now(), table_terms(), &request, &told));
            write!(text, " {word} |").unwrap();
            let Some(done) = done else { continue };
            match same.iter_mut().find(|(other, others, _)| *other == word && *others == done) {
                Some((_, _, names)) => names.push(name),
                None => same.push((word, done, vec![name])),
            }
        }
        for (word, done, names) in same {
            writeln!(effects, "| {event} | {} | {word} | {done} |", names.join("; ")).unwrap();
        }
    }
    let head = "| event | state | outcome | done outside |\n| --- | --- | --- | --- |\n";
    write!(text, "\n\nWhat is done outside because of it:\n\n{head}{effects}").unwrap();
    text.push_str("\nA request begins, and what one row cannot show:\n\n| what | outcome | done outside |\n| --- | --- | --- |\n");
    let free = Terms { approval: Approval::None { per_week: None }, ..table_terms() };
    for (what, terms) in [
        ("submitted, where somebody has to approve", table_terms()),
        ("submitted, where nobody has to", free),
    ] {
        let (request, effects) = submit(now(), &terms, submission());
        let begun = Decision { next: Some(request.state), effects, ..Decision::unchanged() };
        let (word, done) = outcome(Ok(begun));
        writeln!(text, "| {what} | {word} | {} |", done.unwrap_or_default()).unwrap();
    }
    for (what, decided) in situations() {
        let (word, done) = outcome(decided);
        writeln!(text, "| {what} | {word} | {} |", done.unwrap_or_default()).unwrap();
    }
    text
}

#[test]
fn the_table_says_what_the_code_does() {
    let table = table();
    if table != TABLE {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain/decide/table.md.new");
        std::fs::write(place, &table).unwrap();
        panic!(
            "the table is out of date: compare {place} with table.md, and put it in its place if it is right"
        );
    }
}
