//! The documented table of states, events and outcomes is complete and matches the code.

use std::{collections::BTreeSet, fmt::Write};

use super::approvals::{expiring, request_with_expiration};
use super::*;
use crate::domain::{change::Reduction, event::EditedRequest, policy::Escalation, request::ApprovalGiven};

const TABLE: &str = include_str!("../table.md");

fn pending_with(approvals: Vec<ApprovalGiven>, is_escalated: bool) -> State {
    State::Pending { approvals, is_escalated, reminders: Reminders::default() }
}

/// Every state; several times where actions depend on its data.
fn states() -> Vec<(&'static str, State)> {
    let approved = || Approved { by: vec![APPROVER.into()], at: now() };
    let failed = |kind| State::Failed { approved: Some(approved()), failure: Failure::new(kind), at: now() };
    let waiting = |may_be_applied| {
        let waiting =
            Waiting { cause: WaitCause::Quota, until: now() + SignedDuration::from_hours(1), may_be_applied };
        State::Applying { approved: approved(), waiting: Some(waiting) }
    };
    vec![
        ("pending", State::pending()),
        ("pending, escalated", pending_with(Vec::new(), true)),
        ("applying", State::Applying { approved: approved(), waiting: None }),
        ("applying, waiting", waiting(false)),
        ("applying, may be applied", waiting(true)),
        ("done", State::Done { approved: approved(), user: CreatedUser::new(None), at: now() }),
        ("failed, retryable", failed(FailureKind::AccessDenied)),
        ("failed permanently", failed(FailureKind::Taken)),
        ("denied", State::Denied { by: APPROVER.into(), reason: Reason::parse("no").unwrap(), at: now() }),
        ("cancelled", State::Cancelled { by: None, at: now() }),
        ("timed_out", State::TimedOut { at: now() }),
    ]
}

fn actions() -> Vec<Action> {
    let mut user = user();
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

fn events() -> Vec<(String, TestEvent)> {
    let people = [
        ("an approver", APPROVER, Membership::Yes),
        ("the requester", REQUESTER, Membership::Yes),
        ("another user", "U0OTHER", Membership::No),
        ("an unknown user", "U0OTHER", Membership::Unknown),
    ];
    let actions = actions().into_iter().flat_map(|action| {
        people.map(|(who, by, membership)| {
            (format!("{} by {who}", variant(&action)), action_by(by, membership, action.clone()))
        })
    });
    let until = now() + SignedDuration::from_hours(2);
    let waiting = Waiting { cause: WaitCause::Unavailable, until, may_be_applied: false };
    let failure = Failure::new(FailureKind::Rejected);
    let others = [
        Event::Applied(CreatedUser::new(None)),
        Event::ApplyFailed(failure),
        Event::Delayed(waiting),
        Event::Resumed,
        Event::CardLost { detail: String::new() },
        Event::Woken,
    ];
    actions.chain(others.map(|event| (variant(&event), event.into()))).collect()
}

/// The name of a value's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// The variants of an enum in its source.
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
fn table_has_every_state_and_every_event() {
    let variants = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>();
    let states = states().iter().map(|(_, state)| variant(state)).collect();
    assert_eq!(variants(states), declared(include_str!("../../request.rs"), "State"));
    let actions = actions().iter().map(variant).collect();
    assert_eq!(variants(actions), declared(include_str!("../../event.rs"), "Action"));
    let events = events().iter().map(|(_, input)| variant(&input.event)).collect();
    assert_eq!(variants(events), declared(include_str!("../../event.rs"), "Event"));
}

/// The terms of the table: reminders, a timeout, and an escalation.
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

/// The outcome in a word, and the effects.
fn outcome(decided: Result<Decision, Refusal>) -> (String, Option<String>) {
    let decision = match decided {
        Err(refusal) => return (variant(&refusal), None),
        Ok(decision) => decision,
    };
    let word = match &decision.next {
        Some(next) => format!("**{}**", next.name()),
        None if decision.effects.is_empty() => return ("·".to_owned(), None),
        None => "unchanged".to_owned(),
    };
    let word =
        decision.refusal.as_ref().map_or(word.clone(), |refusal| format!("{word}, {}", variant(refusal)));
    let done = decision.effects.iter().map(|effect| format!("`{}`", effect.name()));
    let only_if = if decision.cancels_queued { "; only if no worker is running the change" } else { "" };
    (word, Some(format!("{}{only_if}", done.collect::<Vec<_>>().join(", "))))
}

/// Situations that a single row cannot show.
fn situations() -> Vec<(&'static str, Result<Decision, Refusal>)> {
    let approvers = vec![Principal::Group("S0MOPS".into())];
    let two = Terms { approval: Approval::Required { approvers, needed: 2 }, ..table_terms() };
    let yes = |by: &str, revision| action_by(by, Membership::Yes, Action::approves(revision));
    let approval = ApprovalGiven { by: APPROVER.into(), at: now() };
    let one = Request { state: pending_with(vec![approval], false), ..request() };
    let late = now() + SignedDuration::from_hours(7 * 24);
    let end = now() + SignedDuration::from_hours(100 * 24);
    let forever = Terms { pending_timeout: None, ..table_terms() };
    let wide = Reduction { expiration: expiring("2027-02-28"), ..Default::default() };
    let later =
        action_by(APPROVER, Membership::Yes, Action::Approve { revision: 1, reduction: wide, note: None });
    let edit = actions().into_iter().find(|action| matches!(action, Action::Edit(_))).unwrap();
    let role = Named { id: 102, name: "API Only - EMEA".to_owned() };
    let reduction = Reduction { role: Some(role), ..Default::default() };
    let reduced =
        action_by("U0SECOND", Membership::Yes, Action::Approve { revision: 1, reduction, note: None });
    let decided = |now, terms: &Terms, request: &Request, input: &TestEvent| {
        decided_under(now, terms.clone(), request, input)
    };
    let woken = Event::Woken.into();
    let decided_by_yes = |terms: &Terms, request: &Request| {
        decided(now(), terms, request, &TestEvent { event: Event::Woken, membership: Membership::Yes })
    };
    let failed = states().into_iter().find(|(name, _)| *name == "failed, retryable").unwrap().1;
    let failed = Request { state: failed, ..request() };
    let retry = action_by(APPROVER, Membership::Yes, Action::Retry);
    let valid_for_a_day = Terms { approval_valid_for: Some(Duration::from_secs(24 * 3600)), ..table_terms() };
    let other_policy = Policy { roles: vec!["API Only - EMEA".to_owned()], ..policy() };
    let not_offered = |request: &Request, action: &Action| {
        let members = |_: &UserId, _: &Principal| Membership::Yes;
        let context = DecisionContext { now: now(), policy: &other_policy, members: &members };
        decide(context, request, &Event::ActionTaken { by: APPROVER.into(), action: action.clone() })
    };
    vec![
        (
            "an approver retries what another one approved long ago",
            decided(late, &valid_for_a_day, &failed, &retry),
        ),
        ("an approver retries what needs more approvals today", decided(now(), &two, &failed, &retry)),
        ("an approver retries what is no longer offered", not_offered(&failed, &Action::Retry)),
        ("an approver approves what is no longer offered", not_offered(&request(), &Action::approves(1))),
        (
            "woken after a day",
            decided(now() + SignedDuration::from_hours(24), &table_terms(), &request(), &woken),
        ),
        (
            "woken after two days",
            decided(now() + SignedDuration::from_hours(48), &table_terms(), &request(), &woken),
        ),
        ("woken after a week", decided(late, &table_terms(), &request(), &woken)),
        ("woken with enough approvals", decided_by_yes(&table_terms(), &one)),
        ("the first of two approves", decided(now(), &two, &request(), &yes(APPROVER, 1))),
        ("the same approves again", decided(now(), &two, &one, &yes(APPROVER, 1))),
        ("the second of two approves", decided(now(), &two, &one, &yes("U0SECOND", 1))),
        ("the second of two approves with a reduction", decided(now(), &two, &one, &reduced)),
        ("an approver saw another revision", decided(now(), &table_terms(), &request(), &yes(APPROVER, 2))),
        ("an approver acts after the timeout", decided(late, &table_terms(), &request(), &yes(APPROVER, 1))),
        (
            "the requester edits after the timeout",
            decided(late, &table_terms(), &request(), &action_by(REQUESTER, Membership::No, edit.clone())),
        ),
        (
            "the requester edits after one of two approved",
            decided(now(), &two, &one, &action_by(REQUESTER, Membership::No, edit.clone())),
        ),
        (
            "an approver acts after the expiration",
            decided(end, &forever, &request_with_expiration(), &yes(APPROVER, 1)),
        ),
        (
            "an approver chooses a later expiration",
            decided(now(), &forever, &request_with_expiration(), &later),
        ),
    ]
}

fn table() -> String {
    let mut text = String::from(
        "# All states, events and outcomes\n\nBold: the new state. “unchanged”: the state stays, but there are effects. ·: \
         nothing happens. Anything else: the action is refused for this reason. “An approver” can decide now; “the \
         requester” is in the approvers' group as well. One approval is needed.\n\n| event |",
    );
    let states = states();
    states.iter().for_each(|(name, _)| write!(text, " {name} |").unwrap());
    text.push_str("\n| --- |");
    states.iter().for_each(|_| text.push_str(" --- |"));
    let mut effects = String::new();
    for (event, input) in events() {
        write!(text, "\n| {event} |").unwrap();
        let mut same: Vec<(String, String, Vec<&str>)> = Vec::new();
        for (name, state) in &states {
            let request = Request { state: state.clone(), ..request() };
            let (word, done) = outcome(decided_under(now(), table_terms(), &request, &input));
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
    let head = "| event | state | outcome | effects |\n| --- | --- | --- | --- |\n";
    write!(text, "\n\nThe effects:\n\n{head}{effects}").unwrap();
    text.push_str("\nSubmissions, and situations that one row cannot show:\n\n| situation | outcome | effects |\n| --- | --- | --- |\n");
    let free = Terms { approval: Approval::None { per_week: None }, ..table_terms() };
    for (what, terms) in
        [("submitted, with an approval needed", table_terms()), ("submitted, with no approval needed", free)]
    {
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
fn table_matches_the_code() {
    let table = table();
    if table != TABLE {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain/decide/table.md.new");
        std::fs::write(path, &table).unwrap();
        panic!("the table is out of date: compare {path} with table.md, and replace that if it is right");
    }
}
