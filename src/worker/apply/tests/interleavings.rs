//! Random interleavings of the model's steps, thousands of them; the seeds of those that failed are kept.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    super::progress::LOOK_FOR,
    model::{ADA, LATE, LEASE, Mood, REQUESTER, Step, World},
};
use crate::domain::{event::Action, people::Membership, request::State, text::Reason};

fn any_mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => Just(Mood::Well),
        2 => Just(Mood::AnswerLost),
        2 => Just(Mood::CallLost),
        1 => Just(Mood::Busy),
        1 => Just(Mood::Quota),
        1 => Just(Mood::Denied),
        1 => Just(Mood::Refuses),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let shows = || 0..LOOK_FOR.as_secs();
    let press = prop_oneof![
        3 => Just((ADA, Membership::Yes, Action::approves(1))),
        1 => Just((ADA, Membership::Yes, Action::Deny { reason: Reason::parse("no").unwrap() })),
        2 => Just((ADA, Membership::Yes, Action::Cancel)),
        1 => Just((REQUESTER, Membership::No, Action::Cancel)),
        1 => Just(("U0OTHER", Membership::No, Action::Cancel)),
        3 => Just((ADA, Membership::Yes, Action::Retry)),
    ];
    prop_oneof![
        16 => (0_usize..2, any_mood(), shows()).prop_map(|(worker, mood, shows)| Step::Work(worker, mood, shows)),
        8 => (0_usize..2, any_mood(), any_mood(), shows())
            .prop_map(|(worker, look, invite, shows)| Step::Try(worker, look, invite, shows)),
        2 => (0_usize..2, prop::option::of(0..LATE)).prop_map(|(worker, late)| Step::Die(worker, late)),
        6 => prop_oneof![6 => 1_i64..5, 3 => 5_i64..20, 2 => 20_i64..120, 1 => 3_000_i64..90_000].prop_map(Step::Pass),
        4 => press.prop_map(|(by, standing, press)| Step::Press(by, standing, press)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever happens in between: at most one user, none for a request that was taken back or refused, and one end.
    #[test]
    fn one_user_at_most_and_one_end(steps in prop::collection::vec(any_step(), 0..120)) {
        let mut world = World::new();
        world.step(Step::Press(ADA, Membership::Yes, Action::approves(1)));
        for step in steps {
            world.step(step);
            prop_assert!(world.made <= 1, "a second user");
        }
        world.quietens();
        prop_assert!(world.made <= 1, "a second user");
        prop_assert_eq!(world.ends, world.retries + 1, "one end after each opening");
        prop_assert!(world.lane.is_none(), "something is left over");
        let made = match world.request.state {
            State::Done { .. } => Some(1),
            State::Cancelled { .. } | State::Denied { .. } | State::TimedOut { .. } => Some(0),
            State::Pending { .. } | State::Applying { .. } | State::Failed { .. } => None,
        };
        prop_assert!(made.is_none_or(|made| made == world.made), "{:?}", world.request.state.name());
    }

    /// A request is taken back while its change waits, at any moment: no invite is begun after that.
    #[test]
    fn no_invite_after_the_end(steps in prop::collection::vec(any_step(), 0..80), hand in prop::option::of(any::<bool>())) {
        let mut world = World::new();
        let mut begun = None;
        for step in steps {
            if world.now > 300 && let Some(same) = hand {
                world.step(Step::ByHand(same));
            }
            world.step(step);
            if matches!(world.request.state, State::Cancelled { .. } | State::Denied { .. }) {
                let begun = *begun.get_or_insert(world.begun);
                prop_assert_eq!(begun, world.begun);
                prop_assert_eq!(world.made, 0);
            }
        }
        world.quietens();
        prop_assert_eq!(world.ends, world.retries + 1);
        prop_assert!(world.made <= 1);
    }
}

#[test]
fn the_model_assumes_no_more_than_the_bot_waits_for() {
    const { assert!(LATE < LEASE, "what a dead worker sent is carried out before its lease runs out") }
    assert_eq!(LOOK_FOR, SignedDuration::from_secs(15));
}
