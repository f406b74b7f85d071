//! One transaction for everything that follows from a delivery, and races with one winner.

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
        Claimed, ClaimedMessage, Ledger, MessageRecord, Selection,
        tests::{Database, databases, submission},
    },
};

const LEASE: Duration = Duration::from_secs(30);

/// Everybody is in every group, except for users whose memberships are unknown.
#[derive(Default)]
struct Members {
    unknown: Mutex<HashSet<UserId>>,
}

impl MembershipLookup for Members {
    fn membership(&self, user: &UserId, _: &Principal) -> Membership {
        if self.unknown.lock().unwrap().contains(user) { Membership::Unknown } else { Membership::Yes }
    }
}

struct TestWorkflow {
    members: Arc<Members>,
    workflow: Workflow,
    clock: Clock,
    database: Database,
}

async fn test_workflows() -> Vec<TestWorkflow> {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let mut workflows = Vec::new();
    for database in databases(&Clock::system()).await {
        let store = Store::open(&database.url).await.unwrap();
        let approvers = vec![Principal::Group("S0MOPS".into())];
        let base = Terms { approval: Approval::Required { approvers, needed: 1 }, ..form::tests::terms() };
        let policy = Arc::new(Policy { base, ..form::tests::policy() });
        let members = Arc::new(Members::default());
        let lookup: Arc<Members> = Arc::clone(&members);
        let workflow = Workflow::new(store, clock.clone(), policy, lookup, Arc::default());
        workflows.push(TestWorkflow { members, workflow, clock: clock.clone(), database });
    }
    workflows
}

impl TestWorkflow {
    async fn submitted(&self, email: &str) -> RequestId {
        let submission = submission(&self.clock, email);
        let key = view(submission.id.as_str(), "1.1");
        match self.workflow.submit(&key, submission, &conflict()).await.unwrap() {
            SubmitOutcome::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn command(&self, request: &RequestId, by: &str, action: Action) -> ActionCommand {
        let key = DeliveryKey::Action { trigger_id: self.clock.new_id() };
        let (ack, answer_in) = (AckRecord::Empty, "C0APPROVE".into());
        ActionCommand {
            key,
            ack,
            request: request.clone(),
            by: by.into(),
            action,
            answer_in,
            answer_url: String::new(),
            clicked: None,
        }
    }

    /// The message that is due, after those that are due before it.
    async fn claimed_message(&self, part: &str) -> ClaimedMessage {
        loop {
            let store = self.workflow.store();
            let claimed = store.claim_message(self.clock.now(), LEASE, || self.clock.new_id()).await;
            let claimed = claimed.unwrap().expect("the message is due");
            if claimed.part.name() == part {
                return claimed;
            }
            let shown = MessageRecord::default();
            self.workflow.complete_message(&claimed, &shown, None).await.unwrap();
        }
    }

    async fn claimed(&self, effect: &str) -> Claimed {
        loop {
            let claimed = self.workflow.store().claim(self.clock.now(), LEASE, || self.clock.new_id()).await;
            let claimed = claimed.unwrap().expect("the effect is due");
            if claimed.effect.effect.name() == effect {
                return claimed;
            }
            self.workflow.complete(&claimed, EffectResult::Done, None).await.unwrap();
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
        self.workflow.store().request(request).await.unwrap().unwrap().state.name()
    }
}

/// The key of a submitted form.
fn view(view_id: &str, trigger_id: &str) -> DeliveryKey {
    let (hash, content) = (String::new(), String::new());
    DeliveryKey::View { view_id: view_id.to_owned(), trigger_id: trigger_id.to_owned(), hash, content }
}

/// The ack to a submission for a user for whom another request is open.
fn conflict() -> AckRecord {
    errors("a request is open already")
}

fn errors(text: &str) -> AckRecord {
    AckRecord::FieldErrors { errors: [("email".to_owned(), text.to_owned())].into() }
}

/// Why an action was refused.
fn why(outcome: &ActionOutcome) -> Option<&Refusal> {
    match outcome {
        ActionOutcome::Refused(refused) => Some(&refused.why),
        _ => None,
    }
}

#[tokio::test]
async fn accepted_form_is_accepted_once_under_any_trigger() {
    for test in test_workflows().await {
        let first = submission(&test.clock, "svc@example.com");
        let again = || Submission { id: RequestId(test.clock.new_id()), ..first.clone() };
        let submit = async |trigger: &str, submission| {
            test.workflow.submit(&view("V1", trigger), submission, &conflict()).await.unwrap()
        };
        assert_eq!(submit("1.1", first.clone()).await, SubmitOutcome::Accepted(first.id.clone()));
        for trigger in ["1.1", "1.2"] {
            assert_eq!(submit(trigger, again()).await, SubmitOutcome::Repeated(AckRecord::Empty));
            let late = test.workflow.record_refusal(&view("V1", trigger), &errors("late")).await.unwrap();
            assert_eq!(late, Some(AckRecord::Empty));
        }
        assert_eq!(test.entries().await, ["submitted"]);
    }
}

#[tokio::test]
async fn refused_submission_repeats_its_errors_and_a_new_trigger_is_judged_again() {
    for test in test_workflows().await {
        let open = test.submitted("svc@example.com").await;
        let submit = async |trigger: &str| {
            let submission = submission(&test.clock, "svc@example.com");
            test.workflow.submit(&view("V1", trigger), submission, &conflict()).await.unwrap()
        };
        assert_eq!(submit("1.1").await, SubmitOutcome::Conflict);
        assert_eq!(submit("1.1").await, SubmitOutcome::Repeated(conflict()));
        assert_eq!(test.entries().await, ["submitted", "refused"]);
        let cancel = test.command(&open, "U0REQ", Action::Cancel);
        assert!(matches!(test.workflow.handle_action(cancel).await.unwrap(), ActionOutcome::Accepted(_)));
        assert_eq!(
            submit("1.1").await,
            SubmitOutcome::Repeated(conflict()),
            "even though it would be accepted now"
        );
        assert!(matches!(submit("1.2").await, SubmitOutcome::Accepted(_)));
        assert_eq!(submit("1.3").await, SubmitOutcome::Repeated(AckRecord::Empty));
    }
}

#[tokio::test]
async fn refused_form_action_repeats_its_errors_and_a_new_trigger_is_judged_again() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        let approve = async |revision: i64, trigger: &str| {
            let key = view("V2", trigger);
            let pressed =
                ActionCommand { key, ..test.command(&request, "U0APPROVE", Action::approves(revision)) };
            test.workflow.handle_form_action(pressed, |_| Some(errors("it has changed"))).await.unwrap()
        };
        assert_eq!(why(&approve(7, "1.1").await), Some(&Refusal::Changed));
        assert_eq!(approve(7, "1.1").await, ActionOutcome::Repeated(errors("it has changed")));
        assert!(matches!(approve(1, "1.2").await, ActionOutcome::Accepted(_)));
        assert_eq!(approve(1, "1.3").await, ActionOutcome::Repeated(AckRecord::Empty));
        assert_eq!(test.entries().await, ["submitted", "refused", "approved"]);
    }
}

#[tokio::test]
async fn concurrent_submissions_for_one_user_are_accepted_once() {
    for test in test_workflows().await {
        let mut race = JoinSet::new();
        for n in 0..8 {
            let (workflow, submission) = (test.workflow.clone(), submission(&test.clock, "svc@example.com"));
            race.spawn(async move {
                workflow.submit(&view(&format!("V{n}"), "1.1"), submission, &conflict()).await.unwrap()
            });
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
async fn concurrent_actions_are_accepted_once() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        let mut race = JoinSet::new();
        for n in 0..20 {
            let action = if n % 2 == 0 {
                Action::approves(1)
            } else {
                Action::Deny { reason: Reason::parse("no").unwrap() }
            };
            let command = test.command(&request, &format!("U{n}"), action);
            let workflow = test.workflow.clone();
            race.spawn(async move { workflow.handle_action(command).await.unwrap() });
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
async fn repeated_action_is_handled_once() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        let command = test.command(&request, "U0REQ", Action::approves(1));
        let first = test.workflow.handle_action(command.clone()).await.unwrap();
        assert_eq!(why(&first), Some(&Refusal::OwnRequest));
        assert_eq!(
            test.workflow.handle_action(command).await.unwrap(),
            ActionOutcome::Repeated(AckRecord::Empty)
        );
        assert_eq!(test.entries().await, ["submitted", "refused"]);
    }
}

#[tokio::test]
async fn action_of_a_user_with_unknown_membership_is_decided_later() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        test.members.unknown.lock().unwrap().insert("U0SECOND".into());
        let command = test.command(&request, "U0SECOND", Action::approves(1));
        assert_eq!(test.workflow.handle_action(command).await.unwrap(), ActionOutcome::Deferred);
        assert_eq!(test.state(&request).await, "pending");
        let check = test.claimed("check_standing").await;
        test.members.unknown.lock().unwrap().clear();
        let event = Event::ActionTaken { by: "U0SECOND".into(), action: Action::approves(1) };
        let recorded = test.workflow.complete(&check, EffectResult::Done, Some(&event)).await.unwrap();
        assert_eq!(recorded, CompletionResult::Recorded(None));
        assert_eq!(test.state(&request).await, "applying");
        // A refusal after the lookup is logged, too.
        let late = test.command(&request, "U0THIRD", Action::Retry);
        test.members.unknown.lock().unwrap().insert("U0THIRD".into());
        assert_eq!(test.workflow.handle_action(late).await.unwrap(), ActionOutcome::Deferred);
        let check = test.claimed("check_standing").await;
        test.members.unknown.lock().unwrap().clear();
        let event = Event::ActionTaken { by: "U0THIRD".into(), action: Action::Retry };
        let recorded = test.workflow.complete(&check, EffectResult::Done, Some(&event)).await.unwrap();
        assert!(matches!(recorded, CompletionResult::Recorded(Some(_))), "{recorded:?}");
        assert_eq!(test.entries().await, ["submitted", "approved", "refused"]);
    }
}

#[tokio::test]
async fn worker_that_lost_its_lease_changes_nothing() {
    for test in test_workflows().await {
        let request = test.submitted("svc@example.com").await;
        let approve = test.command(&request, "U0APPROVE", Action::approves(1));
        test.workflow.handle_action(approve).await.unwrap();
        let late = test.claimed("apply").await;
        test.clock.advance(LEASE * 2);
        let taken_over = test.claimed("apply").await;
        let applied = Event::Applied(CreatedUser::new(None));
        let recorded = test.workflow.complete(&late, EffectResult::Done, Some(&applied)).await.unwrap();
        assert_eq!(recorded, CompletionResult::LeaseLost);
        assert_eq!(test.state(&request).await, "applying");
        test.workflow.complete(&taken_over, EffectResult::Done, Some(&applied)).await.unwrap();
        assert_eq!(test.state(&request).await, "done");
    }
}

#[tokio::test]
async fn action_on_an_unknown_request_is_refused() {
    for test in test_workflows().await {
        let command = test.command(&"nowhere".into(), "U0APPROVE", Action::approves(1));
        let outcome = test.workflow.handle_action(command).await.unwrap();
        assert_eq!(why(&outcome), Some(&Refusal::UnknownRequest));
        assert_eq!(test.entries().await, ["refused"]);
    }
}
