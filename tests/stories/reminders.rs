//! Time: reminders with growing gaps, nights, and more people who are asked when nobody decides.

use insta::assert_snapshot;
use marketo_api_user::{playground::Options, sim::slack::SimUser};

use crate::support::{ADA, CARDS, House, SAM, assert_quiet, policy};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const BOSS: &str = "U0BOSS";

/// The replies in the card's thread.
fn replies(house: &House) -> usize {
    house.slack.channel(CARDS).iter().filter(|message| message.thread_ts.is_some()).count()
}

fn escalating(lines: &str) -> Options {
    let mut options = policy(lines);
    options.slack.users.push(SimUser::member(BOSS, "bea", "Bea Boss", "Europe/Vienna"));
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.push(BOSS.to_owned());
    options
}

#[tokio::test]
async fn reminders_come_with_growing_gaps_and_call_on_those_whose_word_is_missing() {
    let house = House::with(policy("approvals_needed = 2\npending_timeout = \"20d\"\n")).await;
    house.rae_asks(&[]).await;
    for (until, expected) in [(1, 1), (3, 2), (7, 3), (15, 4)] {
        let now = house.clock.millis();
        let begin = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let left = begin + i64::try_from(until * DAY * 1000).unwrap() - now;
        house.waits(u64::try_from(left / 1000 - 1).unwrap()).await;
        assert_eq!(replies(&house), expected - 1, "before day {until}");
        house.waits(1).await;
        assert_eq!(replies(&house), expected, "on day {until}");
    }
    house.ends_with_denial().await;

    let house = House::with(policy("approvals_needed = 2\n")).await;
    house.rae_asks(&[]).await;
    house.waits(DAY).await;
    house.presses_first(&house.ada, "Approve").await;
    house.waits(2 * DAY).await;
    assert_snapshot!("reminded_before_and_after_an_approval", house.slack.transcript(CARDS));
    house.presses_first(&house.sam, "Approve").await;
    // Who has decided is not reminded.
    let before = replies(&house);
    house.waits(10 * DAY).await;
    assert_eq!(replies(&house), before);
    house.ends().await;
}

#[tokio::test]
async fn nobody_is_reminded_at_night_unless_the_time_is_nearly_up() {
    // 10:00 UTC is 02:00 in Los Angeles.
    let zone = "timezone = \"America/Los_Angeles\"\n";
    let house = House::with(policy(zone)).await;
    house.rae_asks(&[]).await;
    house.waits(DAY + 5 * HOUR - 1).await;
    assert_eq!(replies(&house), 0, "it is night");
    house.waits(1).await;
    assert_eq!(replies(&house), 1, "it is 07:00");
    house.ends_with_denial().await;

    let house = House::with(policy(&format!("{zone}pending_timeout = \"29h\"\n"))).await;
    house.rae_asks(&[]).await;
    house.waits(DAY - 1).await;
    assert_eq!(replies(&house), 0);
    house.waits(1).await;
    assert_eq!(replies(&house), 1, "in the morning it would be too late");
    house.ends_with_denial().await;
}

#[tokio::test]
async fn when_nobody_decides_more_people_are_asked_and_may_decide_from_then_on() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\nremind_after = \"off\"\n";
    let house = House::with(escalating(lines)).await;
    house.rae_asks(&[]).await;
    let boss = house.person(BOSS);
    house.presses(&boss, "Approve").await;
    assert!(
        house.whispers(BOSS).contains("Only approvers are allowed to do this. Ask @Ada Approver or @mops.")
    );
    house.waits(2 * DAY - 1).await;
    house.card_says(&["Approvers: @Ada Approver or @mops\n"]);
    house.waits(1).await;
    assert_snapshot!("card_asks_more_people", house.slack.transcript(CARDS));
    house.presses_first(&boss, "Approve").await;
    assert!(house.slack.transcript(CARDS).contains("Approved by @Bea Boss"));
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn those_who_were_asked_first_still_count_after_more_are_asked() {
    let lines = "approvals_needed = 2\nescalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\n";
    let house = House::with(escalating(lines)).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.waits(3 * DAY).await;
    // The reminders before and after call on different people.
    assert_snapshot!("reminded_before_and_after_more_are_asked", house.slack.transcript(CARDS));
    house.presses_first(&house.person(BOSS), "Approve").await;
    assert!(house.slack.transcript(CARDS).contains("Approved by @Ada Approver and @Bea Boss"));
    house.ends().await;
}

#[tokio::test]
async fn what_is_decided_in_time_asks_nobody_else() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\n";
    let house = House::with(escalating(lines)).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.waits(3 * DAY).await;
    assert_eq!(replies(&house), 0);
    house.card_says(&["Approved by @Ada Approver", "created"]);
    house.ends().await;
}

#[tokio::test]
async fn all_of_it_can_be_off() {
    let house = House::with(policy("remind_after = \"off\"\npending_timeout = \"off\"\n")).await;
    house.rae_asks(&[]).await;
    let before = house.slack.transcript(CARDS);
    house.waits(60 * DAY).await;
    assert_eq!(house.slack.transcript(CARDS), before);
    assert_eq!((house.told(ADA).len(), house.told(SAM).len()), (0, 0));
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

impl House {
    /// A press on the card, which may have replies in its thread, and everything that follows.
    pub(crate) async fn presses_first(&self, person: &marketo_api_user::sim::user::User, label: &str) {
        let card = self.slack.channel(CARDS).remove(0);
        assert_quiet(&person.clicks(&card, label).await.unwrap());
        self.play.drain().await.unwrap();
    }

    /// The story ends with a denial.
    async fn ends_with_denial(self) {
        self.presses_first(&self.ada, "Deny").await;
        self.ada.fills(&[("Reason", "Enough")]).await.unwrap();
        assert!(self.ada.submits().await.unwrap().closed);
        self.ends().await;
    }
}
