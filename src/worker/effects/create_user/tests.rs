//! What follows from the stored progress, and a model of the whole protocol.

mod fixtures;
mod interleavings;
mod model;

use jiff::Timestamp;
use proptest::prelude::*;

use super::progress::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

#[test]
fn unanswered_invite_is_looked_up_before_another_one() {
    let mut fresh = Progress::default();
    assert_eq!(fresh.not_found(at(0)), NextStep::Invite);
    let mut sent = fresh.with_invite(at(0));
    // The first lookup came late: the worker died, and another one took over.
    assert_eq!(sent.not_found(at(40)), NextStep::LookUpAgain);
    assert_eq!(sent.not_found(at(50)), NextStep::LookUpAgain);
    assert_eq!(sent.not_found(at(55)), NextStep::Invite);
    let mut again = sent.with_invite(at(55));
    assert_eq!((again.attempted_at, again.not_found(at(60))), (Some(at(0)), NextStep::LookUpAgain));
}

#[test]
fn lookup_time_grows_with_the_number_of_unanswered_invites() {
    let (mut progress, mut now) = (Progress::default().with_invite(at(0)), 0);
    for expected in [15, 30, 60, 120, 240, 300, 300] {
        progress.not_found(at(now));
        assert_eq!(progress.not_found(at(now + expected - 1)), NextStep::LookUpAgain);
        now += expected;
        assert_eq!(progress.not_found(at(now)), NextStep::Invite);
        progress = progress.with_invite(at(now));
    }
    // As earlier versions stored it.
    assert_eq!(
        serde_json::from_str::<Progress>("{\"attempted_at\":null,\"last\":null}").unwrap(),
        Progress::default()
    );
}

#[test]
fn clock_that_is_set_neither_prolongs_the_lookups_nor_stands_for_them() {
    let mut sent = Progress::default().with_invite(at(0));
    assert_eq!(sent.not_found(at(0)), NextStep::LookUpAgain);
    // Back by an hour.
    assert_eq!(sent.not_found(at(1 - 3600)), NextStep::LookUpAgain);
    assert_eq!(sent.not_found(at(16 - 3600)), NextStep::Invite);
    let mut sent = Progress::default().with_invite(at(0));
    assert_eq!(sent.not_found(at(0)), NextStep::LookUpAgain);
    // Forward by an hour.
    assert_eq!(sent.not_found(at(3601)), NextStep::LookUpAgain);
    assert_eq!(sent.not_found(at(3606)), NextStep::Invite);
}

#[test]
fn confirmed_user_is_announced_within_a_minute() {
    let mut confirmed = Progress::default().with_invite(at(0)).with_outcome(AttemptOutcome::Accepted);
    assert!(confirmed.is_confirmed());
    assert!(!Progress::is_announced_after(confirmed.looked(at(1))));
    assert!(!Progress::is_announced_after(confirmed.looked(at(45))));
    assert!(Progress::is_announced_after(confirmed.looked(at(46))));
    // A clock that was set back does not prolong it.
    assert!(!Progress::is_announced_after(confirmed.looked(at(-600))));
    assert!(Progress::is_announced_after(confirmed.looked(at(-600 + 45))));
}

#[test]
fn unexplained_answer_is_believed_when_it_has_come_three_times_in_a_row() {
    let unanswered = |progress: &mut Progress, now: &mut i64| loop {
        *now += 5;
        match progress.not_found(at(*now)) {
            NextStep::LookUpAgain => {}
            step => return step,
        }
    };
    let (mut progress, mut now) = (Progress::default(), 0);
    for words in ["no", "still no"] {
        progress = progress.with_invite(at(now)).with_unexplained(words.to_owned());
        assert_eq!(progress.waits_until(at(now)), None, "the card does not speak of an outage");
        assert_eq!(unanswered(&mut progress, &mut now), NextStep::Invite);
    }
    let mut broken = progress.with_invite(at(now)).without_answer();
    let mut later = now;
    assert_eq!(unanswered(&mut broken, &mut later), NextStep::Invite, "an outage in between starts over");
    progress = progress.with_invite(at(now)).with_unexplained("never".to_owned());
    assert_eq!(unanswered(&mut progress, &mut now), NextStep::Declined("never".to_owned()));
    assert!(now < 180, "{now} s");
    assert_eq!(serde_json::from_str::<Progress>(&progress.text()).unwrap(), progress);
}

#[test]
fn refusal_after_a_lost_answer_is_final_only_after_lookups() {
    let refused = AttemptOutcome::Refused("exists".to_owned());
    let mut refused = Progress::default().with_invite(at(0)).with_outcome(refused);
    assert_eq!(refused.not_found(at(1)), NextStep::LookUpAgain);
    assert_eq!(refused.not_found(at(61)), NextStep::Refused("exists".to_owned()));
}

#[test]
fn attempt_of_an_earlier_effect_is_looked_up_before_another_invite() {
    let mut retried = Progress::of(None, Some(at(0)));
    assert!(retried.may_be_applied());
    assert_eq!(retried.not_found(at(3)), NextStep::LookUpAgain);
    assert_eq!(retried.not_found(at(17)), NextStep::LookUpAgain);
    assert_eq!(retried.not_found(at(18)), NextStep::Invite);
    let mut fresh = Progress::of(None, None);
    assert_eq!((fresh.may_be_applied(), fresh.not_found(at(0))), (false, NextStep::Invite));
}

#[test]
fn stored_progress_keeps_its_field_names() {
    let progress = Progress::default().with_invite(at(0)).with_outcome(AttemptOutcome::Accepted);
    let stored = "{\"attempted_at\":\"2027-01-15T08:00:00Z\",\"last\":{\"outcome\":\"accepted\",\"looked_since\":null},\"sent\":1}";
    assert_eq!(progress.text(), stored);
}

proptest! {
    #[test]
    fn no_invite_follows_another_within_the_lookup_time(gaps in prop::collection::vec(0_i64..40, 1..60)) {
        let (mut progress, mut now, mut last_invite) = (Progress::default(), 0, None);
        for gap in gaps {
            now += gap;
            if progress.not_found(at(now)) == NextStep::Invite {
                if let Some(last) = last_invite {
                    prop_assert!(now - last >= MIN_LOOKUP_TIME.as_secs());
                }
                progress = progress.with_invite(at(now));
                last_invite = Some(now);
                // Stored progress reads back unchanged.
                prop_assert_eq!(&serde_json::from_str::<Progress>(&progress.text()).unwrap(), &progress);
            }
        }
    }
}
