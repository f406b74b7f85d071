//! Several approvals, each for one revision; reductions by approvers; edits by the requester.

use super::*;
use crate::domain::{
    change::{Detail, Reduction},
    event::EditedRequest,
    expiration::{Expiration, Zone},
    policy::{Condition, Rule},
    request::ApprovalGiven,
};

const YES: Membership = Membership::Yes;

pub(super) fn expiring(date: &str) -> Option<Expiration> {
    Expiration::parse(date, &Zone::utc(), now(), SignedDuration::from_hours(3650 * 24)).ok()
}

fn with(change: impl FnOnce(&mut CreateUser)) -> Change {
    let mut user = user();
    change(&mut user);
    Change::CreateUser(user)
}

/// A request with access until the end of January.
pub(super) fn request_with_expiration() -> Request {
    Request { change: with(|user| user.expiration = expiring("2027-01-31")), ..request() }
}

fn two_approvals() -> Terms {
    let approvers = vec![Principal::Group("S0MOPS".into())];
    Terms { approval: Approval::Required { approvers, needed: 2 }, ..terms() }
}

/// The request after the workflow has stored the decision.
fn applied_to(request: &Request, decision: Decision) -> Request {
    let mut request = request.clone();
    if let Some(RevisedRequest { change, reason, memberships, revision }) = decision.revised {
        request.revision = revision.revision;
        request.revisions.push(revision);
        (request.change, request.reason, request.memberships) = (change, reason, memberships);
    }
    request.state = decision.next.unwrap_or(request.state);
    request
}

fn approves(revision: i64, reduction: Reduction) -> Action {
    Action::Approve { revision, reduction, note: None }
}

fn applied_change(decision: &Decision) -> Option<&Change> {
    decision.effects.iter().find_map(|effect| match effect {
        Effect::Apply { change, .. } => Some(change),
        _ => None,
    })
}

#[test]
fn two_approvals_need_two_people() {
    let request = request();
    let ada = action_by(APPROVER, YES, Action::approves(1));
    let first = decided_under(now(), two_approvals(), &request, &ada).unwrap();
    assert_eq!(effects(&first), ["show_card", "show_requester", "note"]);
    let once = applied_to(&request, first);
    assert_eq!(
        decided_under(now(), two_approvals(), &once, &ada).unwrap_err(),
        Refusal::ApprovalAlreadyGiven { given: 1, needed: 2 }
    );
    let own = action_by(REQUESTER, YES, Action::approves(1));
    assert_eq!(decided_under(now(), two_approvals(), &once, &own).unwrap_err(), Refusal::OwnRequest);
    let second =
        decided_under(now(), two_approvals(), &once, &action_by("U0SECOND", YES, Action::approves(1)))
            .unwrap();
    let State::Applying { approved, .. } = applied_to(&once, second).state else { panic!("not approved") };
    assert_eq!(approved.by, [APPROVER.into(), "U0SECOND".into()]);
    let deny = action_by("U0SECOND", YES, Action::Deny { reason: Reason::parse("no").unwrap() });
    let denied = decided_under(now(), two_approvals(), &once, &deny).unwrap();
    assert!(matches!(denied.next, Some(State::Denied { .. })), "one denial is final");
}

#[test]
fn approval_is_bound_to_the_revision_that_was_seen() {
    let mut request = request_with_expiration();
    for revision in [0, 2, -1] {
        let action = action_by(APPROVER, YES, Action::approves(revision));
        assert_eq!(refused(&request, &action), Refusal::Changed);
    }
    request.revision = 2;
    assert_eq!(refused(&request, &action_by(APPROVER, YES, Action::approves(1))), Refusal::Changed);
    assert!(decided(&request, &action_by(APPROVER, YES, Action::approves(2))).is_ok());
}

#[test]
fn reduced_change_is_applied_and_announced() {
    let request = request_with_expiration();
    let role = Some(Named { id: 102, name: "API Only - EMEA".to_owned() });
    let reduction = Reduction { role, expiration: expiring("2026-12-31"), workspace: None };
    let decision = decided(&request, &action_by(APPROVER, YES, approves(1, reduction))).unwrap();
    let change = applied_change(&decision).unwrap();
    let facts = change.rule_facts();
    let ids = (facts.role.map(|role| role.id), facts.workspace.map(|workspace| workspace.id));
    assert_eq!(ids, (Some(102), Some(1)));
    let revised = decision.revised.as_ref().unwrap();
    assert_eq!(&revised.change, change);
    let details: Vec<_> = revised.revision.differences.iter().map(|difference| difference.detail).collect();
    assert_eq!(details, [Detail::Role, Detail::Expiration]);
    assert_eq!((revised.revision.revision, effects(&decision).contains(&"note")), (2, true));
}

#[test]
fn note_without_a_reduction_is_stored_and_keeps_other_approvals() {
    let first = decided_under(
        now(),
        two_approvals(),
        &request_with_expiration(),
        &action_by(APPROVER, YES, Action::approves(1)),
    )
    .unwrap();
    let once = applied_to(&request_with_expiration(), first);
    let note = Some(Reason::parse("Fine for this year").unwrap());
    let action = Action::Approve { revision: 1, reduction: Reduction::default(), note: note.clone() };
    let decision = decided_under(now(), two_approvals(), &once, &action_by("U0SECOND", YES, action)).unwrap();
    let approved = applied_to(&once, decision);
    assert!(matches!(&approved.state, State::Applying { approved, .. } if approved.by.len() == 2));
    let [revision] = approved.revisions.as_slice() else { panic!("no note") };
    assert_eq!((revision.by.as_str(), &revision.note, revision.reset_approvals), ("U0SECOND", &note, 0));
    assert!(revision.differences.is_empty() && approved.revision == 1);
    assert_eq!(approved.change, request_with_expiration().change);
}

#[test]
fn role_with_the_same_name_and_another_id_is_a_difference() {
    let role = Some(Named { id: 999, name: "API Only".to_owned() });
    let reduction = Reduction { role, ..Reduction::default() };
    let decision =
        decided(&request_with_expiration(), &action_by(APPROVER, YES, approves(1, reduction))).unwrap();
    assert_eq!(decision.revised.as_ref().map(|revised| revised.revision.differences.len()), Some(1));
    assert_eq!(applied_change(&decision), decision.revised.as_ref().map(|revised| &revised.change));
}

#[test]
fn reduction_cannot_exceed_the_request() {
    let request = request_with_expiration();
    for (date, exceeds) in [("2027-02-01", true), ("2027-01-31", false), ("2026-11-25", false)] {
        let reduction = Reduction { expiration: expiring(date), ..Reduction::default() };
        let result = decided(&request, &action_by(APPROVER, YES, approves(1, reduction)));
        assert_eq!(result.err() == Some(Refusal::ExceedsRequest), exceeds, "{date}");
    }
    let unlimited = self::request();
    let far = Reduction { expiration: expiring("2028-01-01"), ..Reduction::default() };
    assert_eq!(refused(&unlimited, &action_by(APPROVER, YES, approves(1, far))), Refusal::ExceedsRequest);
}

#[test]
fn passed_expiration_blocks_an_approval_unless_a_review_moves_it() {
    let request = request_with_expiration();
    let later = "2027-02-02T00:00:00Z".parse().unwrap();
    let as_it_is = action_by(APPROVER, YES, Action::approves(1));
    assert_eq!(decided_under(later, terms(), &request, &as_it_is).unwrap_err(), Refusal::ExpirationPassed);
    let moved = Reduction { expiration: expiring("2027-03-31"), ..Reduction::default() };
    let reviewed = action_by(APPROVER, YES, approves(1, moved));
    assert!(applied_change(&decided_under(later, terms(), &request, &reviewed).unwrap()).is_some());
    let far = Reduction { expiration: expiring("2028-03-01"), ..Reduction::default() };
    let too_far = action_by(APPROVER, YES, approves(1, far));
    assert_eq!(decided_under(later, terms(), &request, &too_far).unwrap_err(), Refusal::ExceedsRequest);
}

#[test]
fn reduction_under_another_rule_needs_that_rules_approvers() {
    let admins = Rule {
        label: "admins".to_owned(),
        condition: Condition { roles: vec!["Admin".to_owned()], ..Condition::default() },
        terms: Terms {
            approval: Approval::Required { approvers: vec![Principal::Group("S0SEC".into())], needed: 2 },
            ..terms()
        },
    };
    let policy = Policy { rules: vec![admins], ..policy() };
    let decide_as = |by: &str, sec: Membership| {
        let members = |_: &UserId, _: &Principal| sec;
        let role = Some(Named { id: 1, name: "Admin".to_owned() });
        let action = approves(1, Reduction { role, ..Reduction::default() });
        let event = Event::ActionTaken { by: by.into(), action };
        decide(DecisionContext { now: now(), policy: &policy, members: &members }, &request(), &event)
    };
    assert_eq!(decide_as(APPROVER, Membership::No).unwrap_err(), Refusal::NotApprover);
    assert_eq!(decide_as(APPROVER, Membership::Unknown).unwrap_err(), Refusal::CannotCheck);
    let decision = decide_as(APPROVER, YES).unwrap();
    assert!(matches!(decision.next, Some(State::Pending { .. })), "the role needs a second approval");
}

#[test]
fn reduction_resets_other_approvals() {
    let first = decided_under(
        now(),
        two_approvals(),
        &request_with_expiration(),
        &action_by(APPROVER, YES, Action::approves(1)),
    )
    .unwrap();
    let once = applied_to(&request_with_expiration(), first);
    let reduction = Reduction { expiration: expiring("2026-12-31"), ..Reduction::default() };
    let action = action_by("U0SECOND", YES, approves(1, reduction));
    let reduced = applied_to(&once, decided_under(now(), two_approvals(), &once, &action).unwrap());
    let State::Pending { approvals, .. } = &reduced.state else { panic!("approved by one") };
    assert_eq!(approvals.iter().map(|one| one.by.as_str()).collect::<Vec<_>>(), ["U0SECOND"]);
    let stale = action_by(APPROVER, YES, Action::approves(1));
    assert_eq!(decided_under(now(), two_approvals(), &reduced, &stale).unwrap_err(), Refusal::Changed);
    let fresh =
        decided_under(now(), two_approvals(), &reduced, &action_by(APPROVER, YES, Action::approves(2)))
            .unwrap();
    assert_eq!(applied_change(&fresh).unwrap().expiration(), expiring("2026-12-31").as_ref());
}

#[test]
fn edit_resets_approvals_and_only_the_requester_can_edit() {
    let first =
        decided_under(now(), two_approvals(), &request(), &action_by(APPROVER, YES, Action::approves(1)))
            .unwrap();
    let once = applied_to(&request(), first);
    let edited = |revision| {
        let change = with(|user| user.first_name = PersonName::parse("Service").unwrap());
        Action::Edit(Box::new(EditedRequest { revision, change, reason: None, memberships: Vec::new() }))
    };
    let by_other = action_by(APPROVER, YES, edited(1));
    assert_eq!(decided_under(now(), two_approvals(), &once, &by_other).unwrap_err(), Refusal::NotRequester);
    let stale = action_by(REQUESTER, YES, edited(7));
    assert_eq!(decided_under(now(), two_approvals(), &once, &stale).unwrap_err(), Refusal::Changed);
    let decision =
        decided_under(now(), two_approvals(), &once, &action_by(REQUESTER, YES, edited(1))).unwrap();
    assert_eq!(effects(&decision), ["show_card", "show_requester", "note"]);
    let changed = applied_to(&once, decision);
    assert_eq!((changed.revision, &changed.state), (2, &State::pending()));
    let same = action_by(
        REQUESTER,
        YES,
        Action::Edit(Box::new(EditedRequest {
            revision: 2,
            change: changed.change.clone(),
            reason: None,
            memberships: Vec::new(),
        })),
    );
    assert_eq!(decided_under(now(), two_approvals(), &changed, &same), Ok(Decision::unchanged()));
}

#[test]
fn edit_cannot_move_a_request_to_another_channel() {
    let elsewhere = Rule {
        label: "rule[0]".to_owned(),
        condition: Condition { roles: vec!["102".to_owned()], ..Condition::default() },
        terms: Terms { approval_channel: Some("C0SEC".into()), ..terms() },
    };
    let policy = Policy { rules: vec![elsewhere], ..policy() };
    let change = with(|user| user.role = Named { id: 102, name: "API Only - EMEA".to_owned() });
    let action =
        Action::Edit(Box::new(EditedRequest { revision: 1, change, reason: None, memberships: Vec::new() }));
    let event = Event::ActionTaken { by: REQUESTER.into(), action };
    let members = |_: &UserId, _: &Principal| YES;
    let context = DecisionContext { now: now(), policy: &policy, members: &members };
    assert_eq!(decide(context, &request(), &event).unwrap_err(), Refusal::OtherChannel);
}

#[test]
fn escalation_adds_approvers() {
    let escalation = Some(crate::domain::policy::Escalation {
        after: Duration::from_secs(60),
        to: vec![Principal::User("U0BOSS".into())],
    });
    let policy = Policy { base: Terms { escalation, ..terms() }, ..policy() };
    let members = |_: &UserId, _: &Principal| Membership::No;
    let context = DecisionContext { now: now(), policy: &policy, members: &members };
    let boss = Event::ActionTaken { by: "U0BOSS".into(), action: Action::approves(1) };
    assert_eq!(decide(context, &request(), &boss).unwrap_err(), Refusal::NotApprover);
    assert_eq!(decide(context, &request(), &Event::Woken), Ok(Decision::unchanged()), "not yet");
    let context = DecisionContext { now: now() + SignedDuration::from_secs(60), ..context };
    let decision = decide(context, &request(), &Event::Woken).unwrap();
    let escalated = applied_to(&request(), decision);
    assert!(decide(context, &escalated, &boss).is_ok());
    assert_eq!(decide(context, &escalated, &Event::Woken), Ok(Decision::unchanged()));
}

#[test]
fn only_approvals_of_people_who_may_decide_settle_a_request() {
    let approval = ApprovalGiven { by: APPROVER.into(), at: now() };
    let state =
        State::Pending { approvals: vec![approval], is_escalated: false, reminders: Reminders::default() };
    let request = Request { state, ..request() };
    for (membership, is_settled) in [(YES, true), (Membership::No, false), (Membership::Unknown, false)] {
        let woken = TestEvent { event: Event::Woken, membership };
        let decision = decided(&request, &woken).unwrap();
        assert_eq!(applied_change(&decision).is_some(), is_settled, "{membership:?}");
        let unchanged = decided_under(now(), two_approvals(), &request, &woken);
        assert_eq!(unchanged, Ok(Decision::unchanged()), "{membership:?}");
    }
    let second = |first: Membership| {
        let policy = Policy { base: Terms { ..two_approvals() }, ..policy() };
        let members = move |user: &UserId, _: &Principal| if user.as_str() == APPROVER { first } else { YES };
        let context = DecisionContext { now: now(), policy: &policy, members: &members };
        let event = Event::ActionTaken { by: "U0SECOND".into(), action: Action::approves(1) };
        decide(context, &request, &event)
    };
    assert!(applied_change(&second(YES).unwrap()).is_some());
    assert_eq!(second(Membership::Unknown).unwrap_err(), Refusal::CannotCheck);
    let State::Pending { approvals, .. } = second(Membership::No).unwrap().next.unwrap() else {
        panic!("one approval counts")
    };
    assert_eq!(approvals.len(), 2, "who may decide again counts again");
}

#[test]
fn new_approval_after_an_attempt_without_an_answer_looks_for_the_user_first() {
    let attempted = now() - SignedDuration::from_hours(1);
    let failure = Failure { attempted_at: Some(attempted), ..Failure::new(FailureKind::Unavailable) };
    let approved = Approved { by: vec![APPROVER.into()], at: now() };
    let failed =
        Request { state: State::Failed { approved: Some(approved), failure, at: now() }, ..request() };
    let later = now() + SignedDuration::from_hours(2);
    let terms = Terms { approval_valid_for: Some(Duration::from_secs(3600)), ..terms() };
    let retry = action_by(APPROVER, YES, Action::Retry);
    let decision = decided_under(later, terms.clone(), &failed, &retry).unwrap();
    assert_eq!((decision.entry, applied_change(&decision)), (Some("asked_again"), None));
    let (asked, _) = decision.asked_again.clone().unwrap();
    let pending = Request { asked_again: Some(asked), ..applied_to(&failed, decision) };
    // Other values could become a second user.
    let edit = action_by(REQUESTER, Membership::No, Action::OpenEdit);
    assert_eq!(decided_under(later, terms.clone(), &pending, &edit), Err(Refusal::AttemptedBefore));
    let approve = action_by(APPROVER, YES, Action::approves(1));
    let decision = decided_under(later, terms, &pending, &approve).unwrap();
    let attempts = decision.effects.iter().find_map(|effect| match effect {
        Effect::Apply { attempted_at, .. } => Some(*attempted_at),
        _ => None,
    });
    assert_eq!(attempts, Some(Some(attempted)));
}
