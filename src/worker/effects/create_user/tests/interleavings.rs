//! Thousands of random interleavings of the model's steps.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    super::progress::MIN_LOOKUP_TIME,
    model::{ADA, LATE, LEASE, Marketo, Model, REQUESTER, Step},
};
use crate::domain::{event::Action, people::Membership, request::State, text::Reason};

fn any_behavior() -> impl Strategy<Value = Marketo> {
    prop_oneof![
        4 => Just(Marketo::Works),
        2 => Just(Marketo::AnswerLost),
        2 => Just(Marketo::CallLost),
        1 => Just(Marketo::Busy),
        1 => Just(Marketo::Quota),
        1 => Just(Marketo::Denied),
        1 => Just(Marketo::Refuses),
        1 => any::<bool>().prop_map(Marketo::Unexplained),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let listed_after = || 0..MIN_LOOKUP_TIME.as_secs();
    let action = prop_oneof![
        3 => Just((ADA, Membership::Yes, Action::approves(1))),
        1 => Just((ADA, Membership::Yes, Action::Deny { reason: Reason::parse("no").unwrap() })),
        2 => Just((ADA, Membership::Yes, Action::Cancel)),
        1 => Just((REQUESTER, Membership::No, Action::Cancel)),
        1 => Just(("U0OTHER", Membership::No, Action::Cancel)),
        3 => Just((ADA, Membership::Yes, Action::Retry)),
    ];
    prop_oneof![
        16 => (0_usize..2, any_behavior(), listed_after()).prop_map(|(worker, marketo, listed_after)| Step::Work(worker, marketo, listed_after)),
        8 => (0_usize..2, any_behavior(), any_behavior(), listed_after())
            .prop_map(|(worker, lookup, invite, listed_after)| Step::Attempt(worker, lookup, invite, listed_after)),
        2 => (0_usize..2, prop::option::of(0..LATE)).prop_map(|(worker, late)| Step::Die(worker, late)),
        6 => prop_oneof![6 => 1_i64..5, 3 => 5_i64..20, 2 => 20_i64..120, 1 => 3_000_i64..90_000].prop_map(Step::Pass),
        4 => action.prop_map(|(by, membership, action)| Step::Act(by, membership, action)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever happens: at most one user, none for a cancelled or denied request, and one final state.
    #[test]
    fn at_most_one_user_and_one_final_state(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut model = Model::new();
        model.step(Step::Act(ADA, Membership::Yes, Action::approves(1)));
        for step in steps {
            model.step(step);
            prop_assert!(model.created <= 1, "a second user");
        }
        model.settle_down();
        prop_assert!(model.created <= 1, "a second user");
        prop_assert_eq!(model.ends, model.retries + 1, "one final state for each start");
        prop_assert!(model.queue.is_none(), "an effect is left over");
        let created = match model.request.state {
            State::Done { .. } => Some(1),
            State::Cancelled { .. } | State::Denied { .. } | State::TimedOut { .. } => Some(0),
            State::Pending { .. } | State::Applying { .. } | State::Failed { .. } => None,
        };
        prop_assert!(created.is_none_or(|created| created == model.created), "{:?}", model.request.state.name());
    }

    /// A request is cancelled while its change waits, at any moment: no invite is sent after that.
    #[test]
    fn no_invite_after_a_cancellation(steps in prop::collection::vec(any_step(), 0..80), by_hand in prop::option::of(any::<bool>())) {
        let mut model = Model::new();
        let mut invites = None;
        for step in steps {
            if model.now > 300 && let Some(is_same) = by_hand {
                model.step(Step::ByHand(is_same));
            }
            model.step(step);
            if matches!(model.request.state, State::Cancelled { .. } | State::Denied { .. }) {
                let invites = *invites.get_or_insert(model.invites);
                prop_assert_eq!(invites, model.invites);
                prop_assert_eq!(model.created, 0);
            }
        }
        model.settle_down();
        prop_assert_eq!(model.ends, model.retries + 1);
        prop_assert!(model.created <= 1);
    }
}

#[test]
fn model_assumes_what_the_protocol_waits_for() {
    const { assert!(LATE < LEASE, "the last call of a dead worker is executed before its lease expires") }
    assert_eq!(MIN_LOOKUP_TIME, SignedDuration::from_secs(15));
}
