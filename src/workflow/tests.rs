//! What the workflow promises: one transaction for everything that follows from a message, and races with one winner.

mod cancel;

use std::{collections::HashSet, sync::Mutex, time::Duration};

use tokio::task::JoinSet;

use super::*;
use crate::{
    domain::{
        change::CreatedUser,
        form,
        people::Membership,
        policy::{Approval, Terms},
        text::Reason,
    },
    store::{
        Claimed, Ledger, Selection,
        tests::{Database, databases, submission},
    },
};

const LEASE: Duration = Duration::from_secs(30);

/// Everybody is in every group, except those of whom that is not known.
#[derive(Default)]
struct Known {
    doubtful: Mutex<HashSet<UserId>>,
}

impl MembershipLookup for Known {
    fn membership(&self, user: &UserId, _: &Principal) -> Membership {
        if self.doubtful.lock().unwrap().contains(user) { Membership::Unknown } else { Membership::Yes }
    }
}

struct House {
    known: Arc<Known>,
    engine: Workflow,
    clock: Clock,
    database: Database,
}

async fn houses() -> Vec<House> {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let mut houses = Vec::new();
    for database in databases(&Clock::system()).await {
        let store = Store::open(&database.url).await.unwrap();
        let approvers = vec![Principal::Group("S0MOPS".into())];
        let base = Terms { approval: Approval::Required { approvers, needed: 1 }, ..form::tests::terms() };
        let policy = Arc::new(Policy { base, ..form::tests::policy() });
        let known = Arc::new(Known::default());
        let members: Arc<Known> = Arc::clone(&known);
        let engine = Workflow::new(store, clock.clone(), policy, members, Arc::default());
        houses.push(House { known, engine, clock: clock.clone(), database });
    }
    houses
}

impl House {
    async fn submitted(&self, email: &str) -> RequestId {
        let submission = submission(&self.clock, email);
        let key = format!("view:{}", submission.id);
        match self.engine.submit(&key, submission).await.unwrap() {
            SubmitOutcome::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn press(&self, request: &RequestId, by: &str, press: Action) -> ActionCommand {
        let key = format!("trigger:{}", self.clock.new_id());
        ActionCommand {
            key,
            request: request.clone(),
            by: by.into(),
            action: press,
            answer_in: "C0APPROVE".into(),
        }
    }

    async fn claimed(&self, effect: &str) -> Claimed {
        loop {
            let claimed = self.engine.store().claim(self.clock.now(), LEASE, || self.clock.new_id()).await;
            let claimed = claimed.unwrap().expect("the effect is due");
            if claimed.effect.effect.name() == effect {
                return claimed;
            }
            self.engine.complete(&claimed, EffectResult::Done, None).await.unwrap();
        }
    }

    /// The names of what was entered, all of which holds.
    async fn entries(&self) -> Vec<String> {
        let ledger = Ledger::open(&self.database.url).await.unwrap();
        assert_eq!(ledger.verify(&[]).await.unwrap().err(), None);
        let entries = ledger.page(&Selection::default(), 0, i64::MAX).await.unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }

    async fn state(&self, request: &RequestId) -> &'static str {
        self.engine.store().request(request).await.unwrap().unwrap().state.name()
    }
}

/// Why a press counted for nothing.
fn why(outcome: &ActionOutcome) -> Option<&Refusal> {
    match outcome {
        ActionOutcome::Refused(refused) => Some(&refused.why),
        _ => None,
    }
}

#[tokio::test]
async fn the_same_submission_is_kept_once() {
    for house in houses().await {
        let first = submission(&house.clock, "svc@example.com");
        let again = Submission { id: RequestId(house.clock.new_id()), ..first.clone() };
        assert_eq!(
            house.engine.submit("view:V1", first.clone()).await.unwrap(),
            SubmitOutcome::Accepted(first.id)
        );
        assert_eq!(house.engine.submit("view:V1", again).await.unwrap(), SubmitOutcome::Repeated);
    }
}

#[tokio::test]
async fn of_two_submissions_for_one_user_at_the_same_moment_one_is_kept() {
    for house in houses().await {
        let mut race = JoinSet::new();
        for n in 0..8 {
            let (engine, submission) = (house.engine.clone(), submission(&house.clock, "svc@example.com"));
            race.spawn(async move { engine.submit(&format!("view:V{n}"), submission).await.unwrap() });
        }
        let outcomes = race.join_all().await;
        assert_eq!(
            outcomes.iter().filter(|outcome| matches!(outcome, SubmitOutcome::Accepted(_))).count(),
            1
        );
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Conflict).count(), 7);
    }
}

#[tokio::test]
async fn of_many_presses_at_once_one_decides() {
    for house in houses().await {
        let request = house.submitted("svc@example.com").await;
        let mut race = JoinSet::new();
        for n in 0..20 {
            let press = if n % 2 == 0 {
                Action::approves(1)
            } else {
                Action::Deny { reason: Reason::parse("no").unwrap() }
            };
            let pressed = house.press(&request, &format!("U{n}"), press);
            let engine = house.engine.clone();
            race.spawn(async move { engine.handle_action(pressed).await.unwrap() });
        }
        let outcomes = race.join_all().await;
        assert_eq!(
            outcomes.iter().filter(|outcome| matches!(outcome, ActionOutcome::Accepted(_))).count(),
            1
        );
        let late = |outcome: &&ActionOutcome| {
            matches!(why(outcome), Some(Refusal::AlreadyApproved { .. } | Refusal::AlreadyDenied { .. }))
        };
        assert_eq!(outcomes.iter().filter(late).count(), 19);
    }
}

#[tokio::test]
async fn the_same_press_delivered_twice_is_answered_once() {
    for house in houses().await {
        let request = house.submitted("svc@example.com").await;
        let pressed = house.press(&request, "U0REQ", Action::approves(1));
        let first = house.engine.handle_action(pressed.clone()).await.unwrap();
        assert_eq!(why(&first), Some(&Refusal::OwnRequest));
        assert_eq!(house.engine.handle_action(pressed).await.unwrap(), ActionOutcome::Repeated);
        assert_eq!(house.entries().await, ["submitted", "refused"]);
    }
}

#[tokio::test]
async fn a_press_of_unknown_standing_is_kept_and_decided_later() {
    for house in houses().await {
        let request = house.submitted("svc@example.com").await;
        house.known.doubtful.lock().unwrap().insert("U0SECOND".into());
        let pressed = house.press(&request, "U0SECOND", Action::approves(1));
        assert_eq!(house.engine.handle_action(pressed).await.unwrap(), ActionOutcome::Deferred);
        assert_eq!(house.state(&request).await, "pending");
        let check = house.claimed("check_standing").await;
        house.known.doubtful.lock().unwrap().clear();
        let event = Event::ActionTaken { by: "U0SECOND".into(), action: Action::approves(1) };
        let settled = house.engine.complete(&check, EffectResult::Done, Some(&event)).await.unwrap();
        assert_eq!(settled, CompletionResult::Recorded(None));
        assert_eq!(house.state(&request).await, "applying");
        // Whoever turns out to be no approver, or comes too late, leaves an entry as well.
        let late = house.press(&request, "U0THIRD", Action::Retry);
        house.known.doubtful.lock().unwrap().insert("U0THIRD".into());
        assert_eq!(house.engine.handle_action(late).await.unwrap(), ActionOutcome::Deferred);
        let check = house.claimed("check_standing").await;
        house.known.doubtful.lock().unwrap().clear();
        let event = Event::ActionTaken { by: "U0THIRD".into(), action: Action::Retry };
        let settled = house.engine.complete(&check, EffectResult::Done, Some(&event)).await.unwrap();
        assert!(matches!(settled, CompletionResult::Recorded(Some(_))), "{settled:?}");
        assert_eq!(house.entries().await, ["submitted", "approved", "refused"]);
    }
}

#[tokio::test]
async fn a_late_worker_changes_nothing() {
    for house in houses().await {
        let request = house.submitted("svc@example.com").await;
        let approve = house.press(&request, "U0APPROVE", Action::approves(1));
        house.engine.handle_action(approve).await.unwrap();
        let late = house.claimed("apply").await;
        house.clock.advance(LEASE * 2);
        let taken_over = house.claimed("apply").await;
        let applied = Event::Applied(CreatedUser { user_id: None });
        let settled = house.engine.complete(&late, EffectResult::Done, Some(&applied)).await.unwrap();
        assert_eq!(settled, CompletionResult::LeaseLost);
        assert_eq!(house.state(&request).await, "applying");
        house.engine.complete(&taken_over, EffectResult::Done, Some(&applied)).await.unwrap();
        assert_eq!(house.state(&request).await, "done");
    }
}

#[tokio::test]
async fn an_unknown_request_is_refused() {
    for house in houses().await {
        let pressed = house.press(&"nowhere".into(), "U0APPROVE", Action::approves(1));
        let outcome = house.engine.handle_action(pressed).await.unwrap();
        assert_eq!(why(&outcome), Some(&Refusal::UnknownRequest));
        assert_eq!(house.entries().await, ["refused"]);
    }
}
