//! Several who must agree, to what they saw; what an approver may leave of a request; what its requester may change.

use super::*;
use crate::domain::{
    change::{Detail, Reduction},
    event::EditedRequest,
    expiration::{Expiration, Zone},
    policy::{Condition, Rule},
};

const YES: Membership = Membership::Yes;

pub(super) fn expiring(date: &str) -> Option<Expiration> {
    Expiration::parse(date, &Zone::utc(), now(), SignedDuration::from_hours(3650 * 24)).ok()
}

fn with(change: impl FnOnce(&mut CreateUser)) -> Change {
    let Change::CreateUser(mut user) = submission().change;
    change(&mut user);
    Change::CreateUser(user)
}

/// A request until the end of January.
pub(super) fn limited() -> Request {
    Request { change: with(|user| user.expiration = expiring("2027-01-31")), ..request() }
}

fn two() -> Terms {
    let approvers = vec![Principal::Group("S0MOPS".into())];
    Terms { approval: Approval::Required { approvers, needed: 2 }, ..terms() }
}

/// What the workflow makes of a decision.
fn carried(request: &Request, decision: Decision) -> Request {
    let mut request = request.clone();
    if let Some(RevisedRequest { change, reason, memberships, amendment }) = decision.revised {
        request.revision = amendment.revision;
        request.revisions.push(amendment);
        (request.change, request.reason, request.memberships) = (change, reason, memberships);
    }
    request.state = decision.next.unwrap_or(request.state);
    request
}

fn approves(revision: i64, narrowing: Reduction) -> Action {
    Action::Approve { revision, reduction: narrowing, note: None }
}

fn applied(decision: &Decision) -> Option<&Change> {
    decision.effects.iter().find_map(|planned| match &planned.effect {
        Effect::Apply { change, .. } => Some(change),
        _ => None,
    })
}

#[test]
fn two_must_agree_and_nobody_counts_twice() {
    let request = request();
    let ada = pressed(APPROVER, YES, Action::approves(1));
    let first = decided_by(now(), two(), &request, &ada).unwrap();
    assert_eq!(effects(&first), ["show_card", "show_requester", "note"]);
    let once = carried(&request, first);
    assert_eq!(
        decided_by(now(), two(), &once, &ada).unwrap_err(),
        Refusal::ApprovalAlreadyGiven { given: 1, needed: 2 }
    );
    let own = pressed(REQUESTER, YES, Action::approves(1));
    assert_eq!(decided_by(now(), two(), &once, &own).unwrap_err(), Refusal::OwnRequest);
    let second = decided_by(now(), two(), &once, &pressed("U0SECOND", YES, Action::approves(1))).unwrap();
    let State::Applying { approved, .. } = carried(&once, second).state else { panic!("not approved") };
    assert_eq!(approved.by, [APPROVER.into(), "U0SECOND".into()]);
    let deny = pressed("U0SECOND", YES, Action::Deny { reason: Reason::parse("no").unwrap() });
    let denied = decided_by(now(), two(), &once, &deny).unwrap();
    assert!(matches!(denied.next, Some(State::Denied { .. })), "one denial ends it");
}

#[test]
fn an_approval_is_bound_to_what_was_seen() {
    let mut request = limited();
    for revision in [0, 2, -1] {
        let press = pressed(APPROVER, YES, Action::approves(revision));
        assert_eq!(refused(&request, &press), Refusal::Changed);
    }
    request.revision = 2;
    assert_eq!(refused(&request, &pressed(APPROVER, YES, Action::approves(1))), Refusal::Changed);
    assert!(decided(&request, &pressed(APPROVER, YES, Action::approves(2))).is_ok());
}

#[test]
fn what_an_approver_narrows_is_what_is_applied_and_told() {
    let request = limited();
    let role = Some(Named { id: 102, name: "API Only - EMEA".to_owned() });
    let narrowing = Reduction { role, expiration: expiring("2026-12-31"), workspace: None };
    let decision = decided(&request, &pressed(APPROVER, YES, approves(1, narrowing))).unwrap();
    let Change::CreateUser(user) = applied(&decision).unwrap().clone();
    assert_eq!((user.role.id, user.workspace.id), (102, 1));
    let amended = decision.revised.as_ref().unwrap();
    assert_eq!(amended.change, Change::CreateUser(user));
    let told: Vec<_> = amended.amendment.differences.iter().map(|difference| difference.detail).collect();
    assert_eq!(told, [Detail::Role, Detail::Expiration]);
    assert_eq!((amended.amendment.revision, effects(&decision).contains(&"note")), (2, true));
}

#[test]
fn what_is_said_without_a_change_is_kept_and_takes_nothing_back() {
    let first = decided_by(now(), two(), &limited(), &pressed(APPROVER, YES, Action::approves(1))).unwrap();
    let once = carried(&limited(), first);
    let note = Some(Reason::parse("Fine for this year").unwrap());
    let press = Action::Approve { revision: 1, reduction: Reduction::default(), note: note.clone() };
    let decision = decided_by(now(), two(), &once, &pressed("U0SECOND", YES, press)).unwrap();
    let approved = carried(&once, decision);
    assert!(matches!(&approved.state, State::Applying { approved, .. } if approved.by.len() == 2));
    let [said] = approved.revisions.as_slice() else { panic!("nothing was said") };
    assert_eq!((said.by.as_str(), &said.note, said.lapsed), ("U0SECOND", &note, 0));
    assert!(said.differences.is_empty() && approved.revision == 1);
    assert_eq!(approved.change, limited().change);
}

#[test]
fn what_has_another_id_is_another_even_if_it_is_called_the_same() {
    let role = Some(Named { id: 999, name: "API Only".to_owned() });
    let narrowing = Reduction { role, ..Reduction::default() };
    let decision = decided(&limited(), &pressed(APPROVER, YES, approves(1, narrowing))).unwrap();
    assert_eq!(decision.revised.as_ref().map(|amended| amended.amendment.differences.len()), Some(1));
    assert_eq!(applied(&decision), decision.revised.as_ref().map(|amended| &amended.change));
}

#[test]
fn nobody_widens() {
    let request = limited();
    for (date, widens) in [("2027-02-01", true), ("2027-01-31", false), ("2026-11-25", false)] {
        let narrowing = Reduction { expiration: expiring(date), ..Reduction::default() };
        let result = decided(&request, &pressed(APPROVER, YES, approves(1, narrowing)));
        assert_eq!(result.err() == Some(Refusal::ExceedsRequest), widens, "{date}");
    }
    let endless = self::request();
    let far = Reduction { expiration: expiring("2028-01-01"), ..Reduction::default() };
    assert_eq!(refused(&endless, &pressed(APPROVER, YES, approves(1, far))), Refusal::ExceedsRequest);
}

#[test]
fn an_end_that_has_passed_is_no_way_in_but_a_review_is_a_way_out() {
    let request = limited();
    let later = "2027-02-02T00:00:00Z".parse().unwrap();
    let as_it_is = pressed(APPROVER, YES, Action::approves(1));
    assert_eq!(decided_by(later, terms(), &request, &as_it_is).unwrap_err(), Refusal::ExpirationPassed);
    let moved = Reduction { expiration: expiring("2027-03-31"), ..Reduction::default() };
    let reviewed = pressed(APPROVER, YES, approves(1, moved));
    assert!(applied(&decided_by(later, terms(), &request, &reviewed).unwrap()).is_some());
    let far = Reduction { expiration: expiring("2028-03-01"), ..Reduction::default() };
    let too_far = pressed(APPROVER, YES, approves(1, far));
    assert_eq!(decided_by(later, terms(), &request, &too_far).unwrap_err(), Refusal::ExceedsRequest);
}

#[test]
fn whoever_narrows_to_what_others_decide_on_must_be_one_of_them() {
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
        let press = approves(1, Reduction { role, ..Reduction::default() });
        let event = Event::ActionTaken { by: by.into(), action: press };
        decide(DecisionContext { now: now(), policy: &policy, members: &members }, &request(), &event)
    };
    assert_eq!(decide_as(APPROVER, Membership::No).unwrap_err(), Refusal::NotApprover);
    assert_eq!(decide_as(APPROVER, Membership::Unknown).unwrap_err(), Refusal::CannotCheck);
    let decision = decide_as(APPROVER, YES).unwrap();
    assert!(matches!(decision.next, Some(State::Pending { .. })), "the role wants a second approval");
}

#[test]
fn who_narrows_takes_the_others_approvals_back() {
    let first = decided_by(now(), two(), &limited(), &pressed(APPROVER, YES, Action::approves(1))).unwrap();
    let once = carried(&limited(), first);
    let narrowing = Reduction { expiration: expiring("2026-12-31"), ..Reduction::default() };
    let press = pressed("U0SECOND", YES, approves(1, narrowing));
    let narrowed = carried(&once, decided_by(now(), two(), &once, &press).unwrap());
    let State::Pending { approvals, .. } = &narrowed.state else { panic!("approved by one") };
    assert_eq!(approvals.iter().map(|one| one.by.as_str()).collect::<Vec<_>>(), ["U0SECOND"]);
    let stale = pressed(APPROVER, YES, Action::approves(1));
    assert_eq!(decided_by(now(), two(), &narrowed, &stale).unwrap_err(), Refusal::Changed);
    let fresh = decided_by(now(), two(), &narrowed, &pressed(APPROVER, YES, Action::approves(2))).unwrap();
    assert_eq!(applied(&fresh).unwrap().expiration(), expiring("2026-12-31").as_ref());
}

#[test]
fn an_edit_lapses_the_approvals_and_only_its_requester_edits() {
    let first = decided_by(now(), two(), &request(), &pressed(APPROVER, YES, Action::approves(1))).unwrap();
    let once = carried(&request(), first);
    let edited = |revision| {
        let change = with(|user| user.first_name = PersonName::parse("Service").unwrap());
        Action::Edit(Box::new(EditedRequest { revision, change, reason: None, memberships: Vec::new() }))
    };
    let by_other = pressed(APPROVER, YES, edited(1));
    assert_eq!(decided_by(now(), two(), &once, &by_other).unwrap_err(), Refusal::NotRequester);
    let stale = pressed(REQUESTER, YES, edited(7));
    assert_eq!(decided_by(now(), two(), &once, &stale).unwrap_err(), Refusal::Changed);
    let decision = decided_by(now(), two(), &once, &pressed(REQUESTER, YES, edited(1))).unwrap();
    assert_eq!(effects(&decision), ["show_card", "show_requester", "note"]);
    let changed = carried(&once, decision);
    assert_eq!((changed.revision, &changed.state), (2, &State::pending()));
    let same = pressed(
        REQUESTER,
        YES,
        Action::Edit(Box::new(EditedRequest {
            revision: 2,
            change: changed.change.clone(),
            reason: None,
            memberships: Vec::new(),
        })),
    );
    assert_eq!(decided_by(now(), two(), &changed, &same), Ok(Decision::unchanged()));
}

#[test]
fn an_edit_does_not_move_a_request_to_another_channel() {
    let elsewhere = Rule {
        label: "rule[0]".to_owned(),
        condition: Condition { roles: vec!["102".to_owned()], ..Condition::default() },
        terms: Terms { approval_channel: Some("C0SEC".into()), ..terms() },
    };
    let policy = Policy { rules: vec![elsewhere], ..policy() };
    let change = with(|user| user.role = Named { id: 102, name: "API Only - EMEA".to_owned() });
    let press =
        Action::Edit(Box::new(EditedRequest { revision: 1, change, reason: None, memberships: Vec::new() }));
    let event = Event::ActionTaken { by: REQUESTER.into(), action: press };
    let members = |_: &UserId, _: &Principal| YES;
    let today = DecisionContext { now: now(), policy: &policy, members: &members };
    assert_eq!(decide(today, &request(), &event).unwrap_err(), Refusal::OtherChannel);
}

#[test]
fn more_people_may_decide_once_it_is_escalated() {
    let escalation = Some(crate::domain::policy::Escalation {
        after: Duration::from_secs(60),
        to: vec![Principal::User("U0BOSS".into())],
    });
    let policy = Policy { base: Terms { escalation, ..terms() }, ..policy() };
    let members = |_: &UserId, _: &Principal| Membership::No;
    let today = DecisionContext { now: now(), policy: &policy, members: &members };
    let boss = Event::ActionTaken { by: "U0BOSS".into(), action: Action::approves(1) };
    assert_eq!(decide(today, &request(), &boss).unwrap_err(), Refusal::NotApprover);
    let decision = decide(today, &request(), &Event::EscalationDue).unwrap();
    let escalated = carried(&request(), decision);
    assert!(decide(today, &escalated, &boss).is_ok());
    assert_eq!(decide(today, &escalated, &Event::EscalationDue), Ok(Decision::unchanged()));
}
