//! The approval core under every event in every state.

mod panel;
mod table;

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    change::{CreateUser, CreatedUser, Named},
    event::Action,
    form::tests::{policy, terms},
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

fn submission() -> Submission {
    Submission {
        id: "req-1".into(),
        requester: REQUESTER.into(),
        memberships: Vec::new(),
        origin: "C0OPS".into(),
        change: Change::CreateUser(CreateUser {
            instance: "production".to_owned(),
            email: Email::parse("svc@example.com").unwrap(),
            first_name: PersonName::parse("Svc").unwrap(),
            last_name: PersonName::parse("Crm").unwrap(),
            role: Named { id: 101, name: "API Only".to_owned() },
            workspace: Named { id: 1, name: "Default".to_owned() },
            expiration: None,
        }),
        reason: None,
    }
}

fn request() -> Request {
    submit(now(), &terms(), submission()).0
}

/// An event, and what is known of whoever pressed.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    event: Event,
    standing: Membership,
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        Self { event, standing: Membership::No }
    }
}

fn pressed(by: &str, standing: Membership, press: Action) -> Told {
    Told { event: Event::ActionTaken { by: by.into(), action: press }, standing }
}

/// By the policy `[policy]` with a group of approvers in it, in which whoever presses stands as told.
fn decided(request: &Request, told: &Told) -> Result<Decision, Refusal> {
    decided_by(now(), terms(), request, told)
}

fn decided_by(now: Timestamp, terms: Terms, request: &Request, told: &Told) -> Result<Decision, Refusal> {
    let needed = terms.approvals_needed();
    let approvers = vec![Principal::Group("S0MOPS".into())];
    let base = Terms { approval: Approval::Required { approvers, needed }, ..terms };
    let policy = Policy { base, ..policy() };
    let members = |_: &UserId, _: &Principal| told.standing;
    decide(DecisionContext { now, policy: &policy, members: &members }, request, &told.event)
}

fn failure(kind: FailureKind) -> Told {
    Event::ApplyFailed(Failure { kind, detail: String::new(), attempted_at: None }).into()
}

fn after(request: &Request, told: &Told) -> Request {
    let decision = decided(request, told).unwrap();
    let next = decision.next.expect("a new state");
    Request { version: request.version + 1, state: next, ..request.clone() }
}

fn effects(decision: &Decision) -> Vec<&'static str> {
    decision.effects.iter().map(|planned| planned.effect.name()).collect()
}

fn refused(request: &Request, told: &Told) -> Refusal {
    decided(request, told).unwrap_err()
}

#[test]
fn a_submission_waits_for_an_approver_and_plans_its_timers() {
    let timed = Terms {
        pending_timeout: Some(Duration::from_secs(7 * 86_400)),
        remind_after: Some(Duration::from_secs(86_400)),
        ..terms()
    };
    let (request, effects) = submit(now(), &timed, submission());
    assert_eq!(request.state, State::pending());
    assert_eq!(request.approval_channel, Some("C0APPROVE".into()));
    let names: Vec<_> =
        effects.iter().map(|planned| (planned.effect.name(), planned.after.as_secs())).collect();
    assert_eq!(names, [("show_card", 0), ("show_requester", 0), ("remind", 86_400), ("time_out", 604_800)]);
}

#[test]
fn without_approval_the_change_is_applied_at_once() {
    let open_policy = Terms { approval: Approval::None { per_week: None }, ..terms() };
    let (request, effects) = submit(now(), &open_policy, submission());
    assert!(matches!(request.state, State::Applying { .. }));
    assert_eq!(
        effects.iter().map(|planned| planned.effect.name()).collect::<Vec<_>>(),
        ["apply", "show_requester"]
    );
}

#[test]
fn an_approval_applies_exactly_what_was_asked_for() {
    let request = request();
    let decision = decided(&request, &pressed(APPROVER, Membership::Yes, Action::approves(1))).unwrap();
    assert_eq!(effects(&decision), ["show_card", "show_requester", "apply"]);
    let applied = decision.effects.into_iter().find_map(|planned| match planned.effect {
        Effect::Apply { change, .. } => Some(change),
        _ => None,
    });
    assert_eq!(applied, Some(request.change));
}

#[test]
fn who_may_not_decide_is_told_why() {
    let request = request();
    let deny = Action::Deny { reason: Reason::parse("no").unwrap() };
    for press in [Action::approves(1), Action::OpenDenial, deny] {
        for (by, standing, refusal) in [
            (REQUESTER, Membership::Yes, Refusal::OwnRequest),
            ("U0OTHER", Membership::No, Refusal::NotApprover),
            ("U0OTHER", Membership::Unknown, Refusal::CannotCheck),
        ] {
            assert_eq!(refused(&request, &pressed(by, standing, press.clone())), refusal);
        }
    }
    assert_eq!(refused(&request, &pressed(APPROVER, Membership::Yes, Action::Cancel)), Refusal::NotRequester);
    assert_eq!(
        refused(&request, &pressed(APPROVER, Membership::Yes, Action::Retry)),
        Refusal::NothingToRetry
    );
}

#[test]
fn whoever_comes_too_late_is_told_what_happened() {
    let pending = request();
    let approve = pressed(APPROVER, Membership::Yes, Action::approves(1));
    let deny = pressed(APPROVER, Membership::Yes, Action::Deny { reason: Reason::parse("no").unwrap() });
    let cancel = pressed(REQUESTER, Membership::No, Action::Cancel);
    let approved = after(&pending, &approve);
    let by = || vec![APPROVER.into()];
    for late in [&approve, &deny, &cancel] {
        assert_eq!(refused(&approved, late), Refusal::AlreadyApproved { by: by() });
        let done = after(&approved, &Event::Applied(CreatedUser { user_id: None }).into());
        let told = if late == &cancel { Refusal::Done } else { Refusal::AlreadyApproved { by: by() } };
        assert_eq!(refused(&done, late), told);
        assert_eq!(refused(&after(&pending, &deny), late), Refusal::AlreadyDenied { by: APPROVER.into() });
        assert_eq!(refused(&after(&pending, &cancel), late), Refusal::Cancelled);
        assert_eq!(refused(&after(&pending, &Event::DecisionTimedOut.into()), late), Refusal::TimedOut);
        assert_eq!(refused(&after(&approved, &failure(FailureKind::Rejected)), late), Refusal::Failed);
    }
}

#[test]
fn a_press_after_the_time_is_over_lapses_the_request_even_if_the_timer_is_late() {
    let timed = Terms { pending_timeout: Some(Duration::from_secs(60)), ..terms() };
    let later = now() + SignedDuration::from_secs(60);
    let approve = pressed(APPROVER, Membership::Yes, Action::approves(1));
    let decision = decided_by(later, timed, &request(), &approve).unwrap();
    assert!(matches!(decision.next, Some(State::TimedOut { .. })));
    assert_eq!(decision.refusal, Some(Refusal::TimedOut));
    assert!(!effects(&decision).contains(&"apply"));
}

#[test]
fn a_failure_that_can_be_mended_is_tried_again_with_what_was_known() {
    let approved = after(&request(), &pressed(APPROVER, Membership::Yes, Action::approves(1)));
    let attempted_at = Some(now());
    let failure = Failure { kind: FailureKind::Unavailable, detail: String::new(), attempted_at };
    let failed = after(&approved, &Event::ApplyFailed(failure).into());
    let decision = decided(&failed, &pressed("U0SECOND", Membership::Yes, Action::Retry)).unwrap();
    let apply = decision.effects.iter().find_map(|planned| match &planned.effect {
        Effect::Apply { attempted_at, .. } => Some(*attempted_at),
        _ => None,
    });
    assert_eq!(apply, Some(attempted_at));
    let retried = after(&failed, &pressed("U0SECOND", Membership::Yes, Action::Retry));
    let again = pressed("U0SECOND", Membership::Yes, Action::Retry);
    assert_eq!(refused(&retried, &again), Refusal::AlreadyApproved { by: vec![APPROVER.into()] });
}

#[test]
fn waiting_is_shown_once_for_each_cause_and_time() {
    let approved = after(&request(), &pressed(APPROVER, Membership::Yes, Action::approves(1)));
    let until = now() + SignedDuration::from_secs(60);
    let waits = Event::Waits(Waiting { cause: WaitCause::Quota, until, may_be_applied: false }).into();
    let waiting = after(&approved, &waits);
    assert_eq!(decided(&waiting, &waits), Ok(Decision::unchanged()));
    assert!(decided_by(until, terms(), &waiting, &waits).unwrap().next.is_some());
    let resumed = after(&waiting, &Event::Resumed.into());
    assert_eq!(decided(&resumed, &Event::Resumed.into()), Ok(Decision::unchanged()));
}

#[test]
fn what_waits_is_cancelled_by_its_requester_or_an_approver_while_nothing_may_have_happened() {
    let approved = after(&request(), &pressed(APPROVER, Membership::Yes, Action::approves(1)));
    let waits = |may_be_applied| {
        let waiting = Waiting { cause: WaitCause::Unavailable, until: now(), may_be_applied };
        after(&approved, &Event::Waits(waiting).into())
    };
    let (waiting, doubtful) = (waits(false), waits(true));
    for (by, standing, refusal, doubt) in [
        (APPROVER, Membership::Yes, None, Refusal::MayBeApplied),
        ("U0SECOND", Membership::Yes, None, Refusal::MayBeApplied),
        (REQUESTER, Membership::No, None, Refusal::MayBeApplied),
        (REQUESTER, Membership::Unknown, None, Refusal::MayBeApplied),
        ("U0OTHER", Membership::No, Some(Refusal::NotApprover), Refusal::NotApprover),
        ("U0OTHER", Membership::Unknown, Some(Refusal::CannotCheck), Refusal::CannotCheck),
    ] {
        let press = pressed(by, standing, Action::Cancel);
        assert_eq!(refused(&doubtful, &press), doubt);
        match (decided(&waiting, &press), refusal) {
            (Ok(decision), None) => {
                assert!(decision.cancels_queued);
                assert_eq!(decision.next, Some(State::Cancelled { by: Some(by.into()), at: now() }));
                let told = effects(&decision).contains(&"tell_outcome");
                assert_eq!(told, by != REQUESTER, "who cancels knows");
            }
            (result, refusal) => assert_eq!(result.unwrap_err(), refusal.expect("it counts")),
        }
    }
    let unasked = pressed(APPROVER, Membership::Yes, Action::Cancel);
    assert_eq!(refused(&approved, &unasked), Refusal::InProgress);
    let cancelled = after(&waiting, &unasked);
    assert_eq!(refused(&cancelled, &unasked), Refusal::Cancelled);
    for late in [
        Event::Applied(CreatedUser { user_id: None }).into(),
        failure(FailureKind::Unavailable),
        Event::Resumed.into(),
    ] {
        assert_eq!(decided(&cancelled, &late), Ok(Decision::unchanged()));
    }
}

#[test]
fn a_wait_becomes_news_when_something_may_have_been_carried_out() {
    let approved = after(&request(), &pressed(APPROVER, Membership::Yes, Action::approves(1)));
    let until = now() + SignedDuration::from_secs(60);
    let waits =
        |may_be_applied| Event::Waits(Waiting { cause: WaitCause::Quota, until, may_be_applied }).into();
    let waiting = after(&approved, &waits(false));
    assert_eq!(decided(&waiting, &waits(false)), Ok(Decision::unchanged()));
    assert!(decided(&waiting, &waits(true)).unwrap().next.is_some());
}

#[test]
fn what_earlier_versions_wrote_is_read_with_care() {
    let waiting = r#"{"cause":"quota","until":"2026-11-24T10:00:00Z"}"#;
    assert!(
        serde_json::from_str::<Waiting>(waiting).unwrap().may_be_applied,
        "nobody knows, so nobody cancels"
    );
    let cancelled = r#"{"state":"cancelled","at":"2026-11-24T10:00:00Z"}"#;
    assert_eq!(serde_json::from_str::<State>(cancelled).unwrap(), State::Cancelled { by: None, at: now() });
}

fn any_event() -> impl Strategy<Value = Told> {
    let who = prop_oneof![Just(REQUESTER), Just(APPROVER), Just("U0SECOND"), Just("U0OTHER")];
    let standing = prop_oneof![Just(Membership::Yes), Just(Membership::No), Just(Membership::Unknown)];
    let press = prop_oneof![
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
        4 => (who, standing, press).prop_map(|(by, standing, press)| pressed(by, standing, press)),
        1 => Just(Event::Applied(CreatedUser { user_id: Some("svc@example.com".to_owned()) }).into()),
        1 => kind.prop_map(failure),
        1 => Just(Event::Waits(Waiting { cause: WaitCause::Unavailable, until: now(), may_be_applied: false }).into()),
        1 => Just(Event::Waits(Waiting { cause: WaitCause::Quota, until: now(), may_be_applied: true }).into()),
        1 => Just(Event::Resumed.into()),
        1 => Just(Event::CardLost { detail: "channel_not_found".to_owned() }.into()),
        1 => Just(Event::CardGone.into()),
        1 => Just(Event::DecisionTimedOut.into()),
        1 => Just(Event::Reminded { sent: 0 }.into()),
        1 => Just(Event::EscalationDue.into()),
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
                // Only an approver who is not the requester starts it, and only when nothing is under way.
                prop_assert!(!is_applying);
                let Event::ActionTaken { by, action } = &event.event else { panic!("applied without a press") };
                prop_assert_eq!(event.standing, Membership::Yes);
                match press {
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
            // What has ended without a failure stays ended.
            if matches!(was, State::Done { .. } | State::Denied { .. } | State::Cancelled { .. } | State::TimedOut { .. }) {
                prop_assert_eq!(&was, &request.state);
            }
        }
    }

    #[test]
    fn a_request_reads_back_as_it_was_written(events in prop::collection::vec(any_event(), 0..12)) {
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
