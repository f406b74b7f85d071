//! Decisions follow the policy of the moment: of the values that are approved, and of the latest configuration.

use crate::test_bot::{ADA, TestBot, policy};

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
