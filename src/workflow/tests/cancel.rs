//! A request that waits can be cancelled only while no worker has it in hand: raced on every database.

use jiff::SignedDuration;

use super::*;
use crate::domain::request::{Failure, FailureKind, WaitCause, Waiting};

const ADA: &str = "U0APPROVE";

impl House {
    /// An approved request whose change waits until [`due`](Self::due).
    async fn waiting(&self, email: &str) -> RequestId {
        let request = self.submitted(email).await;
        let approve = self.press(&request, ADA, Action::approves(1));
        self.engine.handle_action(approve).await.unwrap();
        let claimed = self.claimed("apply").await;
        assert_eq!(claimed.request.id, request);
        let due_at = self.clock.now() + SignedDuration::from_secs(60);
        let later = EffectResult::Postponed { due_at, progress: None, error: "busy".to_owned() };
        let waiting = Waiting { cause: WaitCause::Unavailable, until: due_at, may_be_applied: false };
        self.engine.complete(&claimed, later, Some(&Event::Delayed(waiting))).await.unwrap();
        self.drained().await;
        request
    }

    /// Everything that is due is done.
    async fn drained(&self) {
        let store = self.engine.store();
        while let Some(claimed) = store.claim(self.clock.now(), LEASE, || self.clock.new_id()).await.unwrap()
        {
            self.engine.complete(&claimed, EffectResult::Done, None).await.unwrap();
        }
    }

    fn due(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    async fn cancels(&self, request: &RequestId) -> ActionOutcome {
        let cancel = self.press(request, ADA, Action::Cancel);
        self.engine.handle_action(cancel).await.unwrap()
    }

    async fn may_invite(&self, claimed: &Claimed) -> bool {
        self.engine.record_attempt(claimed, "{}", LEASE, &an_invite()).await.unwrap()
    }
}

fn an_invite() -> CallAttempt {
    CallAttempt { call: "invite", instance: "production".to_owned(), attempt: 1, sha256: "00".to_owned() }
}

#[tokio::test]
async fn a_cancelled_request_is_never_carried_out() {
    for house in houses().await {
        let request = house.waiting("svc@example.com").await;
        assert!(matches!(house.cancels(&request).await, ActionOutcome::Accepted(_)));
        assert_eq!(why(&house.cancels(&request).await), Some(&Refusal::Cancelled));
        house.due();
        house.drained().await;
        assert_eq!(house.state(&request).await, "cancelled");
        let depth = house.engine.store().outbox_stats(house.clock.now()).await.unwrap();
        assert_eq!((depth.due, depth.later, depth.dead_letters), (0, 0, 0));
    }
}

#[tokio::test]
async fn what_a_worker_has_in_hand_is_not_cancelled() {
    for house in houses().await {
        let request = house.waiting("svc@example.com").await;
        house.due();
        let worker = house.claimed("apply").await;
        assert_eq!(why(&house.cancels(&request).await), Some(&Refusal::InProgress));
        // Nor once its lease has run out: nobody knows what it did until somebody has looked.
        house.clock.advance(LEASE * 2);
        assert_eq!(why(&house.cancels(&request).await), Some(&Refusal::InProgress));
        assert_eq!(house.state(&request).await, "applying");
        let successor = house.claimed("apply").await;
        assert!(!house.may_invite(&worker).await);
        assert!(house.may_invite(&successor).await);
    }
}

#[tokio::test]
async fn of_a_worker_and_a_cancellation_at_once_one_wins() {
    for house in houses().await {
        let (mut cancelled, mut tried) = (0, 0);
        for round in 0..40 {
            let request = house.waiting(&format!("svc{round}@example.com")).await;
            house.due();
            let worker = house.engine.clone();
            let (now, token) = (house.clock.now(), house.clock.new_id());
            let worker = tokio::spawn(async move {
                let claimed = worker.store().claim(now, LEASE, || token.clone()).await.unwrap()?;
                // What else is due are messages of the cancellation.
                if claimed.effect.effect.name() != "apply" {
                    return Some((claimed, false));
                }
                let may_invite = worker.record_attempt(&claimed, "{}", LEASE, &an_invite()).await.unwrap();
                Some((claimed, may_invite))
            });
            let cancel = house.press(&request, ADA, Action::Cancel);
            let engine = house.engine.clone();
            let presser = tokio::spawn(async move {
                if round % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                engine.handle_action(cancel).await.unwrap()
            });
            let (worker, outcome) = (worker.await.unwrap(), presser.await.unwrap());
            let invites = worker.as_ref().is_some_and(|(_, may_invite)| *may_invite);
            match outcome {
                ActionOutcome::Accepted(_) => {
                    cancelled += 1;
                    assert!(!invites, "invited after the cancellation");
                }
                ActionOutcome::Refused(RefusedAction { why: Refusal::InProgress, .. }) => {
                    tried += 1;
                    assert!(invites, "neither cancelled nor tried");
                }
                other => panic!("{other:?}"),
            }
            if let Some((claimed, invited)) = worker {
                let applied = Event::Applied(CreatedUser { user_id: None });
                house
                    .engine
                    .complete(&claimed, EffectResult::Done, invited.then_some(&applied))
                    .await
                    .unwrap();
            }
            house.drained().await;
            assert_eq!(house.state(&request).await, if invites { "done" } else { "cancelled" });
        }
        println!("cancelled {cancelled}, tried {tried}");
    }
}

#[tokio::test]
async fn a_press_and_an_outcome_at_the_same_moment_do_not_wait_for_each_other() {
    for house in houses().await {
        let request = house.submitted("svc@example.com").await;
        let claimed = house.claimed("show_card").await;
        // A press has the request and is about to add to the queue whose effect is being settled.
        let mut press = house.engine.store().begin().await.unwrap();
        press.request(&request).await.unwrap();
        let engine = house.engine.clone();
        let lost = Event::CardLost { detail: "channel_not_found".to_owned() };
        let settles =
            tokio::spawn(async move { engine.complete(&claimed, EffectResult::Done, Some(&lost)).await });
        Clock::system().sleep(Duration::from_millis(200)).await;
        let (now, show) = (house.clock.now(), [ScheduledEffect::now(Effect::ShowCard)]);
        press.enqueue(&request, &show, now, || house.clock.new_id()).await.unwrap();
        press.commit().await.unwrap();
        assert_eq!(settles.await.unwrap().unwrap(), CompletionResult::Recorded(None));
        assert_eq!(house.state(&request).await, "failed");
    }
}

#[tokio::test]
async fn the_store_knows_whether_another_request_was_carried_out_since() {
    for house in houses().await {
        let first = house.waiting("svc@example.com").await;
        let attempted_at = house.clock.now();
        house.due();
        let claimed = house.claimed("apply").await;
        let failure = Failure {
            kind: FailureKind::Unavailable,
            detail: String::new(),
            attempted_at: Some(attempted_at),
        };
        house
            .engine
            .complete(&claimed, EffectResult::Done, Some(&Event::ApplyFailed(failure)))
            .await
            .unwrap();
        let second = house.waiting("SVC@example.com").await;
        let other = house.waiting("other@example.com").await;
        let store = house.engine.store();
        let asked = async |id: &RequestId, since| {
            let request = store.request(id).await.unwrap().unwrap();
            store.another_was_created(&request, since).await.unwrap()
        };
        assert!(!asked(&first, attempted_at).await, "it is not done yet");
        house.due();
        while let Some(claimed) =
            store.claim(house.clock.now(), LEASE, || house.clock.new_id()).await.unwrap()
        {
            let applied = Event::Applied(CreatedUser { user_id: None });
            let event = (claimed.effect.effect.name() == "apply").then_some(&applied);
            house.engine.complete(&claimed, EffectResult::Done, event).await.unwrap();
        }
        assert!(asked(&first, attempted_at).await);
        assert!(!asked(&second, attempted_at).await, "its own");
        assert!(!asked(&other, attempted_at).await, "another user");
        assert!(!asked(&first, house.clock.now() + SignedDuration::from_secs(1)).await, "before the attempt");
    }
}
