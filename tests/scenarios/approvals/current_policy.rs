//! Decisions follow the policy of the moment: of the values that are approved, and of the latest configuration.

use marketo_api_user::domain::{people::Principal, policy::Approval};

use crate::test_bot::{ADA, SAM, TestBot, policy};

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
