//! Reminders with growing gaps, quiet nights, and escalation to more approvers.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{playground::Options, sim::slack::SimUser};

use crate::test_bot::{ADA, CARDS, SAM, TestBot, assert_empty_ack, policy};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const BOSS: &str = "U0BOSS";

/// The replies in the card's thread.
fn replies(bot: &TestBot) -> usize {
    bot.slack.channel(CARDS).iter().filter(|message| message.thread_ts.is_some()).count()
}

fn escalating(lines: &str) -> Options {
    let mut options = policy(lines);
    options.slack.users.push(SimUser::member(BOSS, "bea", "Bea Boss", "Europe/Vienna"));
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.push(BOSS.to_owned());
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_back_off_and_mention_missing_approvers() {
    let bot = TestBot::with(policy("approvals_needed = 2\npending_timeout = \"20d\"\n")).await;
    bot.rae_requests(&[]).await;
    for (until, expected) in [(1, 1), (3, 2), (7, 3), (15, 4)] {
        let now = bot.clock.millis();
        let begin = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let left = begin + i64::try_from(until * DAY * 1000).unwrap() - now;
        bot.advance(u64::try_from(left / 1000 - 1).unwrap()).await;
        assert_eq!(replies(&bot), expected - 1, "before day {until}");
        bot.advance(1).await;
        assert_eq!(replies(&bot), expected, "on day {until}");
    }
    bot.ends_with_denial().await;

    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.advance(DAY).await;
    bot.clicks_first(&bot.ada, "Approve").await;
    bot.advance(2 * DAY).await;
    assert_snapshot!("reminded_before_and_after_an_approval", bot.slack.transcript(CARDS));
    bot.clicks_first(&bot.sam, "Approve").await;
    // A person who decided is not reminded.
    let before = replies(&bot);
    bot.advance(10 * DAY).await;
    assert_eq!(replies(&bot), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_skip_the_night_unless_the_timeout_is_near() {
    // 10:00 UTC is 02:00 in Los Angeles.
    let zone = "timezone = \"America/Los_Angeles\"\n";
    let bot = TestBot::with(policy(zone)).await;
    bot.rae_requests(&[]).await;
    bot.advance(DAY + 5 * HOUR - 1).await;
    assert_eq!(replies(&bot), 0, "it is night");
    bot.advance(1).await;
    assert_eq!(replies(&bot), 1, "it is 07:00");
    bot.ends_with_denial().await;

    let bot = TestBot::with(policy(&format!("{zone}pending_timeout = \"29h\"\n"))).await;
    bot.rae_requests(&[]).await;
    bot.advance(DAY - 1).await;
    assert_eq!(replies(&bot), 0);
    bot.advance(1).await;
    assert_eq!(replies(&bot), 1, "in the morning it would be too late");
    bot.ends_with_denial().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escalation_adds_approvers_when_nobody_decides() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\nremind_after = \"off\"\n";
    let bot = TestBot::with(escalating(lines)).await;
    bot.rae_requests(&[]).await;
    let boss = bot.person(BOSS);
    bot.clicks(&boss, "Approve").await;
    assert!(
        bot.ephemeral_texts(BOSS)
            .contains("Only approvers are allowed to do this. Ask @Ada Approver or @mops.")
    );
    bot.advance(2 * DAY - 1).await;
    bot.card_says(&["Approvers: @Ada Approver or @mops\n"]);
    bot.advance(1).await;
    assert_snapshot!("card_after_escalation", bot.slack.transcript(CARDS));
    bot.clicks_first(&boss, "Approve").await;
    assert!(bot.slack.transcript(CARDS).contains("Approved by @Bea Boss"));
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_from_before_an_escalation_still_count() {
    let lines = "approvals_needed = 2\nescalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\n";
    let bot = TestBot::with(escalating(lines)).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(3 * DAY).await;
    // The reminders before and after mention different people.
    assert_snapshot!("reminded_before_and_after_escalation", bot.slack.transcript(CARDS));
    bot.clicks_first(&bot.person(BOSS), "Approve").await;
    assert!(bot.slack.transcript(CARDS).contains("Approved by @Ada Approver and @Bea Boss"));
}

#[tokio::test(flavor = "multi_thread")]
async fn timely_decision_prevents_escalation() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\n";
    let bot = TestBot::with(escalating(lines)).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(3 * DAY).await;
    assert_eq!(replies(&bot), 0);
    bot.card_says(&["Approved by @Ada Approver", "created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_and_escalation_can_be_disabled() {
    let bot = TestBot::with(policy("remind_after = \"off\"\npending_timeout = \"off\"\n")).await;
    bot.rae_requests(&[]).await;
    let before = bot.slack.transcript(CARDS);
    bot.advance(60 * DAY).await;
    assert_eq!(bot.slack.transcript(CARDS), before);
    assert_eq!((bot.ephemerals_to(ADA).len(), bot.ephemerals_to(SAM).len()), (0, 0));
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}

impl TestBot {
    /// `person` clicks a button of the card, which may have replies in its thread, and the bot finishes what follows.
    pub(crate) async fn clicks_first(&self, person: &marketo_api_user::sim::user::User, label: &str) {
        let card = self.slack.channel(CARDS).remove(0);
        assert_empty_ack(&person.clicks(&card, label).await.unwrap());
        self.drain().await.unwrap();
    }

    /// Ada denies, so that nothing is left over.
    async fn ends_with_denial(self) {
        self.clicks_first(&self.ada, "Deny").await;
        self.ada.fills(&[("Reason", "Enough")]).await.unwrap();
        assert!(self.ada.submits().await.unwrap().closed);
    }
}

const EMEA: &str = r#"
[[rule]]
name = "EMEA"
role = "API Only - EMEA"
escalate_after = "3d"
escalate_to = ["U0BOSS"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn escalation_of_one_rule_does_not_open_another_rules_approvals() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\nremind_after = \"off\"\n";
    let bot = TestBot::with(escalating(&format!("{lines}{EMEA}"))).await;
    let boss = bot.person("U0BOSS");
    bot.rae_requests(&[]).await;
    bot.advance(2 * DAY).await;
    bot.card_says(&["so more people are allowed to decide now"]);
    bot.rae_edits(&[("Role", "API Only - EMEA")]).await;
    assert!(!bot.card_text().contains("more people"), "{}", bot.card_text());
    bot.clicks(&boss, "Approve").await;
    assert!(bot.ephemeral_texts("U0BOSS").contains("Only approvers"), "{}", bot.ephemeral_texts("U0BOSS"));
    assert_eq!(bot.marketo.invites(), 0);
    bot.advance(3 * DAY).await;
    bot.card_says(&["so more people are allowed to decide now"]);
    let asked = bot.slack.transcript(CARDS).matches("I'm asking more people").count();
    assert_eq!(asked, 2, "{}", bot.slack.transcript(CARDS));
    bot.clicks(&boss, "Approve").await;
    bot.card_says(&["Approved by", "created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_configuration_ends_an_escalation_and_moves_reminders_and_expiry() {
    let lines = "escalate_after = \"2d\"\nescalate_to = [\"U0BOSS\"]\nremind_after = \"off\"\n";
    let mut bot = TestBot::with(escalating(lines)).await;
    let boss = bot.person("U0BOSS");
    bot.rae_requests(&[]).await;
    bot.advance(2 * DAY).await;
    bot.card_says(&["so more people are allowed to decide now"]);
    bot.playground.configure(|config| {
        let terms = &mut config.policy.base;
        terms.escalation.as_mut().unwrap().after = Duration::from_secs(4 * DAY);
        terms.remind_after = Some(Duration::from_secs(3 * DAY));
        terms.pending_timeout = Some(Duration::from_secs(5 * DAY));
    });
    bot.playground.restart().await.unwrap();
    bot.drain().await.unwrap();
    assert!(!bot.card_text().contains("more people"), "{}", bot.card_text());
    bot.clicks(&boss, "Approve").await;
    assert!(bot.ephemeral_texts("U0BOSS").contains("Only approvers"), "{}", bot.ephemeral_texts("U0BOSS"));
    let reminders = || bot.slack.transcript(CARDS).matches("still waiting for a decision").count();
    bot.advance(DAY - 1).await;
    assert_eq!(reminders(), 0, "{}", bot.slack.transcript(CARDS));
    bot.advance(1).await;
    assert_eq!(reminders(), 1, "{}", bot.slack.transcript(CARDS));
    bot.advance(DAY).await;
    bot.card_says(&["so more people are allowed to decide now"]);
    bot.advance(DAY).await;
    bot.card_says(&["Expired"]);
}
