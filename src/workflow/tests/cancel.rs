//! A waiting change can only be cancelled while no worker has claimed it: raced on every database.

use jiff::SignedDuration;

use super::*;
use crate::domain::{
    message::Part,
    request::{Failure, FailureKind, WaitCause, Waiting},
};

const ADA: &str = "U0APPROVE";

impl TestWorkflow {
    /// An approved request whose change waits until [`Self::make_due`].
    async fn waiting(&self, email: &str) -> RequestId {
        let request = self.submitted(email).await;
        let approve = self.command(&request, ADA, Action::approves(1));
        self.workflow.handle_action(approve).await.unwrap();
        let claimed = self.claimed("apply").await;
        assert_eq!(claimed.request.id, request);
        let due_at = self.clock.now() + SignedDuration::from_secs(60);
        let later = EffectResult::Postponed { due_at, progress: None, error: "busy".to_owned() };
        let waiting = Waiting { cause: WaitCause::Unavailable, until: due_at, may_be_applied: false };
        self.workflow.complete(&claimed, later, Some(&Event::Delayed(waiting))).await.unwrap();
        self.drain().await;
        request
    }

    /// Completes everything that is due.
    async fn drain(&self) {
        let (store, now) = (self.workflow.store(), self.clock.now());
        while let Some(claimed) = store.claim_message(now, LEASE, || self.clock.new_id()).await.unwrap() {
            self.workflow.complete_message(&claimed, &MessageRecord::default(), None).await.unwrap();
        }
        while let Some(claimed) = store.claim(self.clock.now(), LEASE, || self.clock.new_id()).await.unwrap()
        {
            self.workflow.complete(&claimed, EffectResult::Done, None).await.unwrap();
        }
    }

    fn make_due(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    async fn cancel(&self, request: &RequestId) -> ActionOutcome {
        let cancel = self.command(request, ADA, Action::Cancel);
        self.workflow.handle_action(cancel).await.unwrap()
    }

    async fn may_invite(&self, claimed: &Claimed) -> bool {
        self.workflow.record_attempt(claimed, "{}", LEASE, &invite()).await.unwrap()
    }
}

fn invite() -> CallAttempt {
    CallAttempt { call: "invite", instance: "production".to_owned(), attempt: 1, sha256: "00".to_owned() }
}

#[tokio::test]
async fn cancelled_change_is_never_applied() {
    for test in test_workflows().await {
        let request = test.waiting("svc@example.com").await;
        assert!(matches!(test.cancel(&request).await, ActionOutcome::Accepted(_)));
        assert_eq!(why(&test.cancel(&request).await), Some(&Refusal::Cancelled));
        test.make_due();
        test.drain().await;
        assert_eq!(test.state(&request).await, "cancelled");
        let stats = test.workflow.store().outbox_stats(test.clock.now()).await.unwrap();
        assert_eq!((stats.due, stats.later, stats.dead_letters), (0, 0, 0));
    }
}

#[tokio::test]
async fn claimed_change_cannot_be_cancelled() {
    for test in test_workflows().await {
        let request = test.waiting("svc@example.com").await;
        test.make_due();
        let worker = test.claimed("apply").await;
        assert_eq!(why(&test.cancel(&request).await), Some(&Refusal::InProgress));
        // Nor after its lease has expired: what it did is unknown until it is looked up.
        test.clock.advance(LEASE * 2);
        assert_eq!(why(&test.cancel(&request).await), Some(&Refusal::InProgress));
        assert_eq!(test.state(&request).await, "applying");
        let successor = test.claimed("apply").await;
        assert!(!test.may_invite(&worker).await);
        assert!(test.may_invite(&successor).await);
    }
}

#[tokio::test]
async fn worker_and_cancellation_race_with_one_winner() {
    for test in test_workflows().await {
        let (mut cancelled, mut applied) = (0, 0);
        for round in 0..40 {
            let request = test.waiting(&format!("svc{round}@example.com")).await;
            test.make_due();
            let worker = test.workflow.clone();
            let (now, token) = (test.clock.now(), test.clock.new_id());
            let worker = tokio::spawn(async move {
                let claimed = worker.store().claim(now, LEASE, || token.clone()).await.unwrap()?;
                // Messages of the cancellation are due, too.
                if claimed.effect.effect.name() != "apply" {
                    return Some((claimed, false));
                }
                let may_invite = worker.record_attempt(&claimed, "{}", LEASE, &invite()).await.unwrap();
                Some((claimed, may_invite))
            });
            let cancel = test.command(&request, ADA, Action::Cancel);
            let workflow = test.workflow.clone();
            let action = tokio::spawn(async move {
                if round % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                workflow.handle_action(cancel).await.unwrap()
            });
            let (worker, outcome) = (worker.await.unwrap(), action.await.unwrap());
            let invites = worker.as_ref().is_some_and(|(_, may_invite)| *may_invite);
            match outcome {
                ActionOutcome::Accepted(_) => {
                    cancelled += 1;
                    assert!(!invites, "invited after the cancellation");
                }
                ActionOutcome::Refused(RefusedAction { why: Refusal::InProgress, .. }) => {
                    applied += 1;
                    assert!(invites, "neither cancelled nor applied");
                }
                other => panic!("{other:?}"),
            }
            if let Some((claimed, invited)) = worker {
                let created = Event::Applied(CreatedUser::new(None));
                test.workflow
                    .complete(&claimed, EffectResult::Done, invited.then_some(&created))
                    .await
                    .unwrap();
            }
            test.drain().await;
            assert_eq!(test.state(&request).await, if invites { "done" } else { "cancelled" });
        }
        println!("cancelled {cancelled}, applied {applied}");
    }
}

#[tokio::test]
async fn action_and_result_do_not_deadlock() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        let claimed = test.claimed_message("card").await;
        // An action has locked the request and is about to add to the queue whose effect is being completed.
        let mut tx = test.workflow.store().begin().await.unwrap();
        tx.request(&request).await.unwrap();
        let workflow = test.workflow.clone();
        let lost = Event::CardLost { detail: "channel_not_found".to_owned() };
        let completion = tokio::spawn(async move {
            workflow.complete_message(&claimed, &MessageRecord::default(), Some(&lost)).await
        });
        Clock::system().sleep(Duration::from_millis(200)).await;
        tx.want_message(&request, &Part::Card, test.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(completion.await.unwrap().unwrap());
        assert_eq!(test.state(&request).await, "failed");
    }
}

#[tokio::test]
async fn store_knows_whether_another_request_was_applied_since() {
    for test in test_workflows().await {
        let first = test.waiting("svc@example.com").await;
        let attempted_at = test.clock.now();
        test.make_due();
        let claimed = test.claimed("apply").await;
        let failure = Failure { attempted_at: Some(attempted_at), ..Failure::new(FailureKind::Unavailable) };
        test.workflow
            .complete(&claimed, EffectResult::Done, Some(&Event::ApplyFailed(failure)))
            .await
            .unwrap();
        let second = test.waiting("SVC@example.com").await;
        let other = test.waiting("other@example.com").await;
        let store = test.workflow.store();
        let was_created = async |id: &RequestId, since| {
            let request = store.request(id).await.unwrap().unwrap();
            store.another_was_created(&request, since).await.unwrap()
        };
        assert!(!was_created(&first, attempted_at).await, "not applied yet");
        test.make_due();
        while let Some(claimed) = store.claim(test.clock.now(), LEASE, || test.clock.new_id()).await.unwrap()
        {
            let applied = Event::Applied(CreatedUser::new(None));
            let event = (claimed.effect.effect.name() == "apply").then_some(&applied);
            test.workflow.complete(&claimed, EffectResult::Done, event).await.unwrap();
        }
        assert!(was_created(&first, attempted_at).await);
        assert!(!was_created(&second, attempted_at).await, "the same request");
        assert!(!was_created(&other, attempted_at).await, "another user");
        assert!(
            !was_created(&first, test.clock.now() + SignedDuration::from_secs(1)).await,
            "before the attempt"
        );
    }
}
