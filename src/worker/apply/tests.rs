//! What follows from what the tries have left behind.

mod interleavings;
mod model;

use jiff::Timestamp;
use proptest::prelude::*;

use super::progress::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

#[test]
fn an_unanswered_invite_is_looked_for_before_another_one() {
    let mut fresh = Progress::default();
    assert_eq!(fresh.not_found(at(0)), NextStep::Invite);
    let mut sent = fresh.attempt(at(0));
    // The first look came late: the worker died, and another one took over.
    assert_eq!(sent.not_found(at(40)), NextStep::LookAgain);
    assert_eq!(sent.not_found(at(50)), NextStep::LookAgain);
    assert_eq!(sent.not_found(at(55)), NextStep::Invite);
    let mut again = sent.attempt(at(55));
    assert_eq!((again.attempted_at, again.not_found(at(60))), (Some(at(0)), NextStep::LookAgain));
}

#[test]
fn the_more_invites_stay_unanswered_the_longer_it_is_looked() {
    let (mut progress, mut now) = (Progress::default().attempt(at(0)), 0);
    for expected in [15, 30, 60, 120, 240, 300, 300] {
        progress.not_found(at(now));
        assert_eq!(progress.not_found(at(now + expected - 1)), NextStep::LookAgain);
        now += expected;
        assert_eq!(progress.not_found(at(now)), NextStep::Invite);
        progress = progress.attempt(at(now));
    }
    // What an earlier version has written down.
    assert_eq!(
        serde_json::from_str::<Progress>("{\"attempted_at\":null,\"last\":null}").unwrap(),
        Progress::default()
    );
}

#[test]
fn a_confirmed_user_is_never_invited_again() {
    let mut confirmed = Progress::default().attempt(at(0)).with(AttemptOutcome::Accepted);
    assert_eq!(confirmed.not_found(at(1)), NextStep::LookAgain);
    assert_eq!(confirmed.not_found(at(60)), NextStep::LookAgain);
    assert_eq!(confirmed.not_found(at(61)), NextStep::AnnounceUnseen);
    assert_eq!(confirmed.not_found(at(600_000)), NextStep::AnnounceUnseen);
}

#[test]
fn a_refusal_after_a_lost_answer_is_believed_only_after_looking() {
    let refused = AttemptOutcome::Refused("exists".to_owned());
    let mut refused = Progress::default().attempt(at(0)).with(refused);
    assert_eq!(refused.not_found(at(1)), NextStep::LookAgain);
    assert_eq!(refused.not_found(at(61)), NextStep::GiveUp("exists".to_owned()));
}

#[test]
fn what_an_earlier_effect_attempted_is_looked_for_before_another_invite() {
    let mut retried = Progress::of(None, Some(at(0)));
    assert!(retried.may_be_applied());
    assert_eq!(retried.not_found(at(3)), NextStep::LookAgain);
    assert_eq!(retried.not_found(at(17)), NextStep::LookAgain);
    assert_eq!(retried.not_found(at(18)), NextStep::Invite);
    let mut fresh = Progress::of(None, None);
    assert_eq!((fresh.may_be_applied(), fresh.not_found(at(0))), (false, NextStep::Invite));
}

proptest! {
    #[test]
    fn no_invite_follows_another_within_the_time_of_looking(gaps in prop::collection::vec(0_i64..40, 1..60)) {
        let (mut progress, mut now, mut last_invite) = (Progress::default(), 0, None);
        for gap in gaps {
            now += gap;
            if progress.not_found(at(now)) == NextStep::Invite {
                if let Some(last) = last_invite {
                    prop_assert!(now - last >= LOOK_FOR.as_secs());
                }
                progress = progress.attempt(at(now));
                last_invite = Some(now);
                // What is written down is what is read back.
                prop_assert_eq!(&serde_json::from_str::<Progress>(&progress.text()).unwrap(), &progress);
            }
        }
    }
}
