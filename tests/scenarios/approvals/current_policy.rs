//! Decisions follow the policy of the moment: of the values that are approved, and of the latest configuration.

use marketo_api_user::domain::{
    people::Principal,
    policy::{Approval, Policy, Requirement},
};

use crate::test_bot::{ADA, CARDS, RAE, SAM, TestBot, assert_empty_ack, policy};

const EMEA: &str = r#"
[[rule]]
name = "EMEA"
role = "API Only - EMEA"
reason = "required"
expiration = "required"
max_access = "30d"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn chosen_role_has_to_satisfy_the_rule_of_that_role() {
    let bot = TestBot::with(policy(EMEA)).await;
    bot.rae_requests(&[("Access expiration", "")]).await;
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Role"].contains("requires a reason"), "{refused:?}");
    assert_eq!(
        refused.errors["Access expiration"],
        "Choose the last day of access, 2026-12-24 at the latest."
    );
    assert_eq!(bot.marketo.invites(), 0);
    bot.ada.closes().await.unwrap();
    bot.rae_edits(&[("Reason", "CRM sync"), ("Access expiration", "2027-01-31")]).await;
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    // The requested day is within the request's own rule, but not within that of the chosen role.
    let refused = bot.ada.submits().await.unwrap();
    assert_eq!(refused.errors["Access expiration"], "Access can last until 2026-12-24 at the latest.");
    bot.ada.fills(&[("Access expiration", "2026-12-24")]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
    assert!(bot.ephemerals_to(ADA).is_empty(), "{:?}", bot.ephemerals_to(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_role_needs_as_many_approvals_as_its_rule_says() {
    let rules = "approvals_needed = 2\n\n[[rule]]\nrole = \"API Only - EMEA\"\napprovals_needed = 1\n";
    let bot = TestBot::with(policy(rules)).await;
    bot.rae_requests(&[]).await;
    bot.reviews(&bot.ada, &[("Role", "API Only - EMEA")]).await;
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}

/// The bot starts again with other approvers.
async fn restarts_with(bot: &mut TestBot, approvers: &[Principal], needed: u32) {
    let approvers = approvers.to_vec();
    bot.playground.configure(|config| config.policy.base.approval = Approval::Required { approvers, needed });
    bot.playground.restart().await.unwrap();
    bot.drain().await.unwrap();
}

fn users(ids: &[&str]) -> Vec<Principal> {
    ids.iter().map(|&id| Principal::User(id.into())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_counts_only_while_its_author_may_decide() {
    let mut bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2, by @Ada Approver"]);
    restarts_with(&mut bot, &users(&[SAM, "U0OUT"]), 2).await;
    bot.card_says(&["Approvals: 0 of 2"]);
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2, by @Sam Second", "[ Approve ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    restarts_with(&mut bot, &users(&[SAM, ADA]), 2).await;
    bot.card_says(&["Approved by @Ada Approver and @Sam Second", "The user is created"]);
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_of_a_removed_group_member_does_not_complete_a_request() {
    let mut setup = policy("approvals_needed = 2\n");
    setup.policy = setup.policy.replace("[\"U0APPROVE\", \"S0MOPS\"]", "[\"U0SECOND\", \"S0MOPS\"]");
    let bot = TestBot::with(setup).await;
    bot.slack.set_group("S0MOPS", &[ADA, SAM]);
    bot.advance(121).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.slack.set_group("S0MOPS", &[SAM]);
    bot.advance(61).await;
    // Sam is named himself, but it has to be asked whether Ada may still decide.
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2, by @Sam Second"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_number_of_approvals_applies_to_open_requests() {
    let mut bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let group = [Principal::Group("S0MOPS".into())];
    let approvers = [users(&[ADA]), group.to_vec()].concat();
    restarts_with(&mut bot, &approvers, 3).await;
    bot.card_says(&["Approvals: 1 of 3, by @Ada Approver"]);
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approvals: 2 of 3", "[ Approve ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    restarts_with(&mut bot, &approvers, 2).await;
    bot.advance(60).await;
    bot.card_says(&["Approved by @Ada Approver and @Sam Second", "The user is created"]);
    assert_eq!(bot.marketo.invites(), 1);
}

/// The bot starts again with a changed policy.
async fn restarts_under(bot: &mut TestBot, change: impl FnOnce(&mut Policy)) {
    bot.playground.configure(|config| change(&mut config.policy));
    bot.playground.restart().await.unwrap();
    bot.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn role_that_is_no_longer_offered_is_not_approved() {
    let mut bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    restarts_under(&mut bot, |policy| policy.roles = vec!["API Only - EMEA".to_owned()]).await;
    bot.card_says(&["Not allowed any more: its role is no longer offered. Click Review", "[ Approve ]"]);
    assert!(bot.direct_messages(RAE).contains("its role is no longer offered. Click Edit"));
    bot.clicks(&bot.ada, "Approve").await;
    assert!(
        bot.ephemeral_texts(ADA).contains("its role is no longer offered"),
        "{}",
        bot.ephemeral_texts(ADA)
    );
    bot.opens_review(&bot.ada).await;
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Role"].contains("no longer"), "{refused:?}");
    assert_eq!(bot.marketo.invites(), 0);
    bot.ada.closes().await.unwrap();
    bot.reviews(&bot.ada, &[("Role", "API Only - EMEA")]).await;
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn demands_of_a_new_policy_are_met_by_an_edit() {
    let mut bot = TestBot::open().await;
    bot.rae_requests(&[("Email", "svc-crm@example.com"), ("Reason", "")]).await;
    restarts_under(&mut bot, |policy| {
        policy.email_domains = vec!["example.org".to_owned()];
        policy.base.reason = Requirement::Required;
    })
    .await;
    bot.card_says(&["the domain of its email is no longer allowed, a reason is required."]);
    bot.clicks(&bot.ada, "Approve").await;
    bot.opens_review(&bot.ada).await;
    assert!(!bot.ada.submits().await.unwrap().closed);
    assert_eq!(bot.marketo.invites(), 0);
    bot.ada.closes().await.unwrap();
    bot.rae_edits(&[("Email", "svc-crm@example.org"), ("Reason", "CRM sync")]).await;
    assert!(!bot.card_text().contains("Not allowed any more"), "{}", bot.card_text());
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["The user is created", "svc-crm@example.org"]);
}

/// Marketo refuses the approved change; then it works again.
async fn fails(bot: &TestBot) {
    bot.rae_requests(&[]).await;
    bot.marketo.set_permissions(false);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    bot.marketo.set_permissions(true);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_under_a_stricter_policy_asks_the_approvers_again() {
    let mut bot = TestBot::open().await;
    fails(&bot).await;
    restarts_with(&mut bot, &users(&[SAM, "U0OUT"]), 1).await;
    bot.clicks(&bot.sam, "Retry").await;
    bot.card_says(&["its approval no longer counts because the policy has changed", "[ Approve ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    let thread = bot.slack.transcript(CARDS);
    assert!(thread.contains("The request is retried, but its approval no longer counts."), "{thread}");
    bot.clicks(&bot.ada, "Approve").await;
    assert!(bot.ephemeral_texts(ADA).contains("Only approvers"), "{}", bot.ephemeral_texts(ADA));
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approved by @Sam Second", "The user is created"]);
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_an_old_approval_asks_the_approvers_again() {
    let bot = TestBot::with(policy("remind_after = \"1d\"\n")).await;
    fails(&bot).await;
    bot.advance(7 * 24 * 3600 + 1).await;
    bot.clicks(&bot.sam, "Retry").await;
    bot.card_says(&["its approval is too old for another one", "[ Approve ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    // Reminders and expiry count from now.
    bot.advance(24 * 3600).await;
    let thread = bot.slack.transcript(CARDS);
    assert!(thread.contains("is still waiting for a decision"), "{thread}");
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approved by @Ada Approver", "The user is created"]);
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_within_the_validity_of_the_approval_creates_the_user() {
    let bot = TestBot::with(policy("approval_valid_for = \"2d\"\n")).await;
    fails(&bot).await;
    bot.advance(2 * 24 * 3600).await;
    bot.clicks(&bot.sam, "Retry").await;
    bot.card_says(&["Approved by @Ada Approver", "The user is created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_that_is_asked_again_expires_after_the_full_time() {
    let bot = TestBot::open().await;
    fails(&bot).await;
    bot.advance(8 * 24 * 3600).await;
    bot.clicks(&bot.ada, "Retry").await;
    bot.advance(7 * 24 * 3600 - 1).await;
    bot.card_says(&["[ Approve ]"]);
    bot.advance(1).await;
    bot.card_says(&["Expired"]);
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_of_what_needed_no_approval_before_asks_for_one() {
    let mut bot = TestBot::with(policy("approval = \"none\"\n")).await;
    bot.marketo.set_permissions(false);
    bot.rae_requests(&[]).await;
    bot.marketo.set_permissions(true);
    restarts_with(&mut bot, &users(&[ADA]), 1).await;
    assert_empty_ack(&bot.rae.clicks(&bot.request_message(), "Retry").await.unwrap());
    bot.drain().await.unwrap();
    bot.card_says(&["its approval no longer counts because the policy has changed", "[ Approve ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approved by @Ada Approver", "The user is created"]);
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}
