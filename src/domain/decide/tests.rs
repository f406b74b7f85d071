//! The approval core: every event in every state.

mod approvals;
mod table;

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    change::{CreateUser, CreatedUser, Named},
    event::Action,
    form::tests::{policy as form_policy, terms},
    people::{Membership, Principal},
    policy::{Approval, Terms},
    request::WaitCause,
    text::{Email, PersonName},
};

const REQUESTER: &str = "U0REQ";
const APPROVER: &str = "U0APPROVE";

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

/// A policy that offers three roles.
fn policy() -> Policy {
    Policy { roles: ["API Only", "102", "Admin"].map(str::to_owned).to_vec(), ..form_policy() }
}

fn user() -> CreateUser {
    CreateUser {
        instance: "production".to_owned(),
        email: Email::parse("svc@example.com").unwrap(),
        first_name: PersonName::parse("Svc").unwrap(),
        last_name: PersonName::parse("Crm").unwrap(),
        role: Named { id: 101, name: "API Only".to_owned() },
        workspace: Named { id: 1, name: "Default".to_owned() },
        expiration: None,
    }
}

fn submission() -> Submission {
    Submission {
        id: "req-1".into(),
        requester: REQUESTER.into(),
        memberships: Vec::new(),
        origin: "C0OPS".into(),
        change: Change::CreateUser(user()),
        reason: None,
    }
}

fn request() -> Request {
    submit(now(), &terms(), submission()).0
}

/// An event, and whether the person who acts is in the approvers' group.
#[derive(Clone, Debug, PartialEq)]
struct TestEvent {
    event: Event,
    membership: Membership,
}

impl From<Event> for TestEvent {
    fn from(event: Event) -> Self {
        Self { event, membership: Membership::No }
    }
}

fn action_by(by: &str, membership: Membership, action: Action) -> TestEvent {
    TestEvent { event: Event::ActionTaken { by: by.into(), action }, membership }
}

/// The decision under a policy whose approvers are a group.
fn decided(request: &Request, input: &TestEvent) -> Result<Decision, Refusal> {
    decided_under(now(), terms(), request, input)
}

fn decided_under(
    now: Timestamp,
    terms: Terms,
    request: &Request,
    input: &TestEvent,
) -> Result<Decision, Refusal> {
    let needed = terms.approvals_needed();
    let approvers = vec![Principal::Group("S0MOPS".into())];
    let base = Terms { approval: Approval::Required { approvers, needed }, ..terms };
    let policy = Policy { base, ..policy() };
    let members = |_: &UserId, _: &Principal| input.membership;
    decide(DecisionContext { now, policy: &policy, members: &members }, request, &input.event)
}

fn failure(kind: FailureKind) -> TestEvent {
    Event::ApplyFailed(Failure::new(kind)).into()
}

fn after(request: &Request, input: &TestEvent) -> Request {
    let decision = decided(request, input).unwrap();
    let next = decision.next.expect("a new state");
    Request { version: request.version + 1, state: next, ..request.clone() }
}

fn effects(decision: &Decision) -> Vec<&'static str> {
    decision.effects.iter().map(Effect::name).collect()
}

fn refused(request: &Request, input: &TestEvent) -> Refusal {
    decided(request, input).unwrap_err()
}

#[test]
fn submission_waits_for_an_approver() {
    let (request, effects) = submit(now(), &terms(), submission());
    assert_eq!(request.state, State::pending());
    assert_eq!(request.approval_channel, Some("C0APPROVE".into()));
    assert_eq!(effects, [Effect::ShowCard, Effect::ShowRequester]);
}

#[test]
fn change_is_applied_at_once_if_no_approval_is_needed() {
    let open_policy = Terms { approval: Approval::None { per_week: None }, ..terms() };
    let (request, effects) = submit(now(), &open_policy, submission());
    assert!(matches!(request.state, State::Applying { .. }));
    assert_eq!(effects.iter().map(Effect::name).collect::<Vec<_>>(), ["apply", "show_requester"]);
}

#[test]
fn approval_applies_exactly_what_was_requested() {
    let request = request();
    let decision = decided(&request, &action_by(APPROVER, Membership::Yes, Action::approves(1))).unwrap();
    assert_eq!(effects(&decision), ["show_card", "show_requester", "apply"]);
    let applied = decision.effects.into_iter().find_map(|effect| match effect {
        Effect::Apply { change, .. } => Some(change),
        _ => None,
    });
    assert_eq!(applied, Some(request.change));
}

#[test]
fn people_who_cannot_decide_are_refused_with_the_reason() {
    let request = request();
    let deny = Action::Deny { reason: Reason::parse("no").unwrap() };
    for action in [Action::approves(1), Action::OpenDenial, deny] {
        for (by, membership, refusal) in [
            (REQUESTER, Membership::Yes, Refusal::OwnRequest),
            ("U0OTHER", Membership::No, Refusal::NotApprover),
            ("U0OTHER", Membership::Unknown, Refusal::CannotCheck),
        ] {
            assert_eq!(refused(&request, &action_by(by, membership, action.clone())), refusal);
        }
    }
    assert_eq!(
        refused(&request, &action_by(APPROVER, Membership::Yes, Action::Cancel)),
        Refusal::NotRequester
    );
    assert_eq!(
        refused(&request, &action_by(APPROVER, Membership::Yes, Action::Retry)),
        Refusal::NothingToRetry
    );
}

#[test]
fn late_actions_are_refused_with_what_happened() {
    let pending = request();
    let approve = action_by(APPROVER, Membership::Yes, Action::approves(1));
    let deny = action_by(APPROVER, Membership::Yes, Action::Deny { reason: Reason::parse("no").unwrap() });
    let cancel = action_by(REQUESTER, Membership::No, Action::Cancel);
    let approved = after(&pending, &approve);
    let timed_out = Request { state: State::TimedOut { at: now() }, ..pending.clone() };
    let by = || vec![APPROVER.into()];
    for late in [&approve, &deny, &cancel] {
        assert_eq!(refused(&approved, late), Refusal::AlreadyApproved { by: by() });
        let done = after(&approved, &Event::Applied(CreatedUser::new(None)).into());
        let refusal = if late == &cancel { Refusal::Done } else { Refusal::AlreadyApproved { by: by() } };
        assert_eq!(refused(&done, late), refusal);
        assert_eq!(refused(&after(&pending, &deny), late), Refusal::AlreadyDenied { by: APPROVER.into() });
        assert_eq!(refused(&after(&pending, &cancel), late), Refusal::Cancelled);
        assert_eq!(refused(&timed_out, late), Refusal::TimedOut);
        assert_eq!(refused(&after(&approved, &failure(FailureKind::Rejected)), late), Refusal::Failed);
    }
}

#[test]
fn action_after_the_timeout_times_the_request_out_even_if_the_timer_is_late() {
    let timed = Terms { pending_timeout: Some(Duration::from_secs(60)), ..terms() };
    let later = now() + SignedDuration::from_secs(60);
    let approve = action_by(APPROVER, Membership::Yes, Action::approves(1));
    let decision = decided_under(later, timed, &request(), &approve).unwrap();
    assert!(matches!(decision.next, Some(State::TimedOut { .. })));
    assert_eq!(decision.refusal, Some(Refusal::TimedOut));
    assert!(!effects(&decision).contains(&"apply"));
}

#[test]
fn retry_keeps_the_time_of_the_first_attempt() {
    let approved = after(&request(), &action_by(APPROVER, Membership::Yes, Action::approves(1)));
    let attempted_at = Some(now());
    let failure = Failure { attempted_at, ..Failure::new(FailureKind::Unavailable) };
    let failed = after(&approved, &Event::ApplyFailed(failure).into());
    let decision = decided(&failed, &action_by("U0SECOND", Membership::Yes, Action::Retry)).unwrap();
    let apply = decision.effects.iter().find_map(|effect| match effect {
        Effect::Apply { attempted_at, .. } => Some(*attempted_at),
        _ => None,
    });
    assert_eq!(apply, Some(attempted_at));
    let retried = after(&failed, &action_by("U0SECOND", Membership::Yes, Action::Retry));
    let again = action_by("U0SECOND", Membership::Yes, Action::Retry);
    assert_eq!(refused(&retried, &again), Refusal::AlreadyApproved { by: vec![APPROVER.into()] });
}

#[test]
fn delay_is_shown_once_for_each_cause_and_time() {
    let approved = after(&request(), &action_by(APPROVER, Membership::Yes, Action::approves(1)));
    let until = now() + SignedDuration::from_secs(60);
    let waits = Event::Delayed(Waiting { cause: WaitCause::Quota, until, may_be_applied: false }).into();
    let waiting = after(&approved, &waits);
    assert_eq!(decided(&waiting, &waits), Ok(Decision::unchanged()));
    assert!(decided_under(until, terms(), &waiting, &waits).unwrap().next.is_some());
    let resumed = after(&waiting, &Event::Resumed.into());
    assert_eq!(decided(&resumed, &Event::Resumed.into()), Ok(Decision::unchanged()));
}

#[test]
fn waiting_change_is_cancelled_by_requester_or_approver_unless_it_may_be_applied() {
    let approved = after(&request(), &action_by(APPROVER, Membership::Yes, Action::approves(1)));
    let waits = |may_be_applied| {
        let waiting = Waiting { cause: WaitCause::Unavailable, until: now(), may_be_applied };
        after(&approved, &Event::Delayed(waiting).into())
    };
    let (waiting, possibly_applied) = (waits(false), waits(true));
    for (by, membership, refusal, refusal_if_applied) in [
        (APPROVER, Membership::Yes, None, Refusal::MayBeApplied),
        ("U0SECOND", Membership::Yes, None, Refusal::MayBeApplied),
        (REQUESTER, Membership::No, None, Refusal::MayBeApplied),
        (REQUESTER, Membership::Unknown, None, Refusal::MayBeApplied),
        ("U0OTHER", Membership::No, Some(Refusal::NotApprover), Refusal::NotApprover),
        ("U0OTHER", Membership::Unknown, Some(Refusal::CannotCheck), Refusal::CannotCheck),
    ] {
        let action = action_by(by, membership, Action::Cancel);
        assert_eq!(refused(&possibly_applied, &action), refusal_if_applied);
        match (decided(&waiting, &action), refusal) {
            (Ok(decision), None) => {
                assert!(decision.cancels_queued);
                assert_eq!(decision.next, Some(State::Cancelled { by: Some(by.into()), at: now() }));
                let is_told = effects(&decision).contains(&"tell_outcome");
                assert_eq!(is_told, by != REQUESTER, "requesters who cancel need no message");
            }
            (result, refusal) => assert_eq!(result.unwrap_err(), refusal.expect("a refusal")),
        }
    }
    let cancel = action_by(APPROVER, Membership::Yes, Action::Cancel);
    assert_eq!(refused(&approved, &cancel), Refusal::InProgress);
    let cancelled = after(&waiting, &cancel);
    assert_eq!(refused(&cancelled, &cancel), Refusal::Cancelled);
    for late in [
        Event::Applied(CreatedUser::new(None)).into(),
        failure(FailureKind::Unavailable),
        Event::Resumed.into(),
    ] {
        assert_eq!(decided(&cancelled, &late), Ok(Decision::unchanged()));
    }
}

#[test]
fn delay_is_shown_again_once_the_change_may_be_applied() {
    let approved = after(&request(), &action_by(APPROVER, Membership::Yes, Action::approves(1)));
    let until = now() + SignedDuration::from_secs(60);
    let waits =
        |may_be_applied| Event::Delayed(Waiting { cause: WaitCause::Quota, until, may_be_applied }).into();
    let waiting = after(&approved, &waits(false));
    assert_eq!(decided(&waiting, &waits(false)), Ok(Decision::unchanged()));
    assert!(decided(&waiting, &waits(true)).unwrap().next.is_some());
}

#[test]
fn requests_of_earlier_versions_are_read_conservatively() {
    let waiting = r#"{"cause":"quota","until":"2026-11-24T10:00:00Z"}"#;
    assert!(
        serde_json::from_str::<Waiting>(waiting).unwrap().may_be_applied,
        "unknown, so that nobody can cancel"
    );
    let cancelled = r#"{"state":"cancelled","at":"2026-11-24T10:00:00Z"}"#;
    assert_eq!(serde_json::from_str::<State>(cancelled).unwrap(), State::Cancelled { by: None, at: now() });
}

fn any_event() -> impl Strategy<Value = TestEvent> {
    let who = prop_oneof![Just(REQUESTER), Just(APPROVER), Just("U0SECOND"), Just("U0OTHER")];
    let membership = prop_oneof![Just(Membership::Yes), Just(Membership::No), Just(Membership::Unknown)];
    let action = prop_oneof![
        Just(Action::approves(1)),
        Just(Action::approves(2)),
        Just(Action::OpenDenial),
        Just(Action::OpenReview),
        Just(Action::OpenEdit),
        Just(Action::Deny { reason: Reason::parse("no").unwrap() }),
        Just(Action::Cancel),
        Just(Action::Retry),
    ];
    let kind = prop_oneof![
        Just(FailureKind::Taken),
        Just(FailureKind::Mismatch),
        Just(FailureKind::AccessDenied),
        Just(FailureKind::Rejected),
        Just(FailureKind::Unavailable),
    ];
    prop_oneof![
        4 => (who, membership, action).prop_map(|(by, membership, action)| action_by(by, membership, action)),
        1 => Just(Event::Applied(CreatedUser::new(Some("svc@example.com".to_owned()))).into()),
        1 => kind.prop_map(failure),
        1 => Just(Event::Delayed(Waiting { cause: WaitCause::Unavailable, until: now(), may_be_applied: false }).into()),
        1 => Just(Event::Delayed(Waiting { cause: WaitCause::Quota, until: now(), may_be_applied: true }).into()),
        1 => Just(Event::Resumed.into()),
        1 => Just(Event::CardLost { detail: "channel_not_found".to_owned() }.into()),
        1 => Just(Event::Woken.into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_applies_twice_or_without_an_approver(events in prop::collection::vec(any_event(), 0..40)) {
        let mut request = request();
        let mut is_applying = false;
        for event in events {
            let Ok(decision) = decided(&request, &event) else { continue };
            let applies = effects(&decision).iter().filter(|name| **name == "apply").count();
            prop_assert!(applies <= 1);
            if applies == 1 {
                // Only an approver other than the requester starts it, and only if nothing is being applied.
                prop_assert!(!is_applying);
                let Event::ActionTaken { by, action } = &event.event else { panic!("applied without an action") };
                prop_assert_eq!(event.membership, Membership::Yes);
                match action {
                    Action::Approve { .. } => prop_assert_ne!(by.as_str(), REQUESTER),
                    Action::Retry => {}
                    other => panic!("applied by {other:?}"),
                }
            }
            let was = request.state.clone();
            if let Some(next) = decision.next {
                request = Request { version: request.version + 1, state: next, ..request };
            }
            is_applying = matches!(request.state, State::Applying { .. });
            prop_assert_eq!(applies == 1, is_applying && !matches!(was, State::Applying { .. }));
            // Final states other than a failure stay final.
            if matches!(was, State::Done { .. } | State::Denied { .. } | State::Cancelled { .. } | State::TimedOut { .. }) {
                prop_assert_eq!(&was, &request.state);
            }
        }
    }

    #[test]
    fn stored_requests_read_back_unchanged(events in prop::collection::vec(any_event(), 0..12)) {
        let mut request = request();
        for event in events {
            if let Ok(Decision { next: Some(next), .. }) = decided(&request, &event) {
                request.state = next;
            }
            let text = serde_json::to_string(&request).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Request>(&text).unwrap(), &request);
        }
    }
}
