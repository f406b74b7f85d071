//! An approver reviews a request: reads every detail, reduces the access, or denies.

use insta::assert_snapshot;
use marketo_api_user::sim::marketo::{SimRole, SimWorkspace};
use serde_json::{Value, json};

use crate::test_bot::{ADA, CARDS, OPS, RAE, SAM, TestBot, assert_empty_ack, forged, options, policy};

/// A bot with the workspaces Default and EMEA.
async fn with_workspaces() -> TestBot {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    TestBot::with(setup).await
}

/// Every field of an invite, as the review shows it.
fn shown(invite: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(assignments) => {
            let [assignment] = assignments.as_slice() else {
                panic!("one role in one workspace: {assignments:?}")
            };
            format!("accessRoleId {}, workspaceId {}", assignment["accessRoleId"], assignment["workspaceId"])
        }
        other => other.to_string(),
    };
    invite.as_object().unwrap().iter().map(|(name, value)| format!("{name}: {}", text(value))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn review_shows_every_detail_and_the_final_marketo_fields() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Reason", "Sync *leads* from <!channel> the CRM")]).await;
    bot.advance(600).await;
    bot.opens_review(&bot.ada).await;
    let modal = bot.modal_text(&bot.ada);
    assert_snapshot!("review", modal);
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Approved by @Ada Approver", "The user is created"]);
    let [invite] = bot.invite_bodies().try_into().unwrap();
    let fields = shown(&invite);
    assert_eq!(fields.len(), 7);
    for field in fields {
        let lines = modal.lines().filter(|line| line.trim_start_matches(['│', ' ']) == field);
        assert_eq!(lines.count(), 1, "no {field:?} in\n{modal}");
    }
    assert!(!bot.card_text().contains("Changed by"), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn reduction_is_shown_and_sent_to_marketo() {
    let bot = with_workspaces().await;
    bot.rae_requests(&[("Workspace", "Default"), ("Reason", "CRM sync")]).await;
    let reduced = [
        ("Access expiration", "2026-12-31"),
        ("Role", "API Only - EMEA"),
        ("Workspace", "EMEA"),
        ("Note", "Only *EMEA*, only <!here> this year"),
    ];
    bot.reviews(&bot.ada, &reduced).await;
    assert_eq!(
        bot.invite_bodies(),
        [json!({
            "emailAddress": "svc-crm@example.com", "firstName": "Svc", "lastName": "Crm", "apiOnly": true,
            "reason": "CRM sync", "expiresAt": "2026-12-31T23:59:59-08:00",
            "userRoleWorkspaces": [{"accessRoleId": 102, "workspaceId": 7}],
        })]
    );
    assert_snapshot!("reduced_card", bot.slack.transcript(CARDS));
    assert_snapshot!("reduced_requester", bot.direct_messages(RAE));
    assert_snapshot!("reduced_announcement", bot.slack.transcript(OPS));
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_records_each_reduction_and_its_author() {
    let mut setup = options();
    let file = std::env::temp_dir().join(format!("ledger-{}.db", setup.clock.new_id()));
    let url = format!("sqlite:{}", file.display());
    setup.database_url = Some(url.clone());
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.rae_edits(&[("First name", "Service")]).await;
    bot.reviews(&bot.ada, &[("Role", "API Only - EMEA"), ("Note", "EMEA only")]).await;
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let kept = "SELECT actor, body FROM ledger WHERE entry IN ('edited', 'approved') ORDER BY seq";
    let kept: Vec<(String, String)> = sqlx::query_as(kept).fetch_all(&pool).await.unwrap();
    let kept = kept.into_iter().map(|(actor, body)| {
        let body: Value = serde_json::from_str(&body).unwrap();
        let amendment = &body["amendment"];
        (actor, amendment["revision"].clone(), amendment["differences"].clone(), amendment["note"].clone())
    });
    let named = json!([{"detail": "first_name", "before": "Svc", "after": "Service"}]);
    let role = json!([{"detail": "role", "before": "API Only", "after": "API Only - EMEA"}]);
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [
            (RAE.to_owned(), json!(2), named, Value::Null),
            (ADA.to_owned(), json!(3), role, json!("EMEA only")),
        ]
    );
    pool.close().await;
    drop(bot);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn review_note_without_a_change_is_shown() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.reviews(&bot.ada, &[("Note", "Fine until January")]).await;
    for text in [bot.card_text(), bot.direct_messages(RAE), bot.slack.transcript(OPS)] {
        assert!(text.contains("Note by @Ada Approver: Fine until January"), "{text}");
        assert!(!text.contains("Changed by"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn review_can_set_a_missing_access_expiration() {
    for day in ["", "2027-06-30"] {
        let bot = TestBot::open().await;
        bot.rae_requests(&[("Access expiration", "")]).await;
        bot.opens_review(&bot.ada).await;
        assert!(bot.modal_text(&bot.ada).contains("Access expiration (optional): (empty)"));
        bot.ada.fills(&[("Access expiration", "2027-11-25")]).await.unwrap();
        let refused = bot.ada.submits().await.unwrap();
        assert!(refused.errors["Access expiration"].contains("2027-11-24 at the latest"), "{refused:?}");
        bot.ada.fills(&[("Access expiration", day)]).await.unwrap();
        assert!(bot.ada.submits().await.unwrap().closed);
        bot.drain().await.unwrap();
        // The day ends in Rae's time zone.
        let expected = if day.is_empty() { json!(null) } else { json!("2027-06-30T23:59:59-07:00") };
        assert_eq!(bot.invite_bodies()[0]["expiresAt"], expected);
        assert_eq!(bot.card_text().contains("Access: never expires → 2027-06-30"), !day.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn review_can_extend_an_access_expiration_in_the_past() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Access expiration", "2026-11-26")]).await;
    bot.advance(3 * 24 * 3600).await;
    bot.clicks(&bot.ada, "Approve").await;
    assert!(
        bot.ephemeral_texts(ADA).contains("Click Review to choose a later date"),
        "{}",
        bot.ephemeral_texts(ADA)
    );
    bot.opens_review(&bot.ada).await;
    let as_it_is = bot.ada.submits().await.unwrap();
    assert!(as_it_is.errors["Access expiration"].contains("That date has passed"), "{as_it_is:?}");
    assert_snapshot!("review_of_expired_access", bot.modal_text(&bot.ada));
    bot.ada.fills(&[("Access expiration", "2027-11-28")]).await.unwrap();
    let too_far = bot.ada.submits().await.unwrap();
    assert!(too_far.errors["Access expiration"].contains("2027-11-27 at the latest"), "{too_far:?}");
    bot.ada.fills(&[("Access expiration", "2027-01-31")]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["The user is created", "Access: 2026-11-26 → 2027-01-31"]);
    assert_eq!(bot.invite_bodies()[0]["expiresAt"], "2027-01-31T23:59:59-08:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_from_review_asks_for_a_reason_and_closes_both_modals() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    assert_empty_ack(&bot.ada.clicks_in_modal("Deny").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("denial_from_review", bot.modal_text(&bot.ada));
    // Closing the denial form leads back to the review.
    bot.ada.closes().await.unwrap();
    assert_eq!(bot.ada.open_view().unwrap().title(), "Review request");
    assert_empty_ack(&bot.ada.clicks_in_modal("Deny").await.unwrap());
    bot.drain().await.unwrap();
    let empty = bot.ada.submits().await.unwrap();
    assert!(empty.errors.contains_key("Reason"), "{empty:?}");
    bot.ada.fills(&[("Reason", "Use the shared user")]).await.unwrap();
    let denied = bot.ada.submits().await.unwrap();
    assert_eq!((denied.reply.body.as_str(), denied.closed), (r#"{"response_action":"clear"}"#, true));
    assert!(bot.ada.open_view().is_none(), "the review is closed as well");
    bot.drain().await.unwrap();
    bot.card_says(&["Denied by @Ada Approver", "Use the shared user"]);
    assert!(bot.direct_messages(RAE).contains("Use the shared user"));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reduction_resets_other_approvals() {
    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    let before = bot.card();
    bot.opens_review(&bot.ada).await;
    bot.reviews(&bot.sam, &[("Role", "API Only - EMEA"), ("Note", "EMEA only")]).await;
    assert_snapshot!("reduced_by_the_first_of_two", bot.slack.transcript(CARDS));
    // Ada's screens still show the original request.
    let stale = bot.ada.submits().await.unwrap();
    assert!(stale.errors["Note"].contains("The request changed"), "{stale:?}");
    assert_empty_ack(&bot.ada.clicks_stale(&before, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    let answer = bot.ephemerals_to(ADA);
    assert_eq!(answer.len(), 1);
    assert!(answer.iter().all(|answer| answer.contains("changed since you looked at it")), "{answer:?}");
    assert_eq!(bot.marketo.invites(), 0);
    bot.opens_review(&bot.ada).await;
    assert!(bot.modal_text(&bot.ada).contains("Changed by @Sam Second: Role: API Only → API Only - EMEA"));
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Approved by @Sam Second and @Ada Approver", "The user is created"]);
    assert_eq!(bot.invite_bodies()[0]["userRoleWorkspaces"][0]["accessRoleId"], 102);
}

#[tokio::test(flavor = "multi_thread")]
async fn resubmitted_review_counts_once() {
    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let sent = bot.ada.submits().await.unwrap().reply.sent;
    bot.drain().await.unwrap();
    let before = bot.slack.transcript(CARDS);
    assert_empty_ack(&bot.work.send(&sent).await);
    let again = forged(&bot, &sent, |payload| payload["trigger_id"] = json!("1.2.again"));
    assert_empty_ack(&bot.work.send(&again).await);
    bot.drain().await.unwrap();
    assert_eq!(bot.slack.transcript(CARDS), before);
    assert!(bot.ephemerals_to(ADA).is_empty(), "acknowledged like the first: {:?}", bot.ephemerals_to(ADA));
    bot.clicks(&bot.sam, "Approve").await;
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn review_approval_waits_until_slack_reports_membership() {
    let bot = with_workspaces().await;
    bot.rae_requests(&[("Workspace", "Default")]).await;
    bot.opens_review(&bot.sam).await;
    let reduced = [("Access expiration", "2026-12-31"), ("Workspace", "EMEA"), ("Note", "For a month")];
    bot.sam.fills(&reduced).await.unwrap();
    // The known membership is too old to rely on.
    bot.clock.advance(std::time::Duration::from_secs(61));
    assert!(bot.sam.submits().await.unwrap().closed);
    assert_ne!(bot.depth().await.unwrap(), Default::default(), "the click waits");
    bot.drain().await.unwrap();
    bot.card_says(&["Approved by @Sam Second", "Note by @Sam Second: For a month"]);
    let invite = bot.invite_bodies().remove(0);
    assert_eq!(invite["expiresAt"], "2026-12-31T23:59:59-08:00");
    assert_eq!(invite["userRoleWorkspaces"][0], json!({"accessRoleId": 101, "workspaceId": 7}));
}

#[tokio::test(flavor = "multi_thread")]
async fn review_with_unknown_membership_is_refused_next_to_the_card() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["internal_error"]);
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.sam).await;
    bot.clock.advance(std::time::Duration::from_secs(61));
    bot.slack.refuse("usergroups.users.list", "internal_error");
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert!(
        bot.ephemeral_texts(SAM).contains("I couldn't check who the approvers are"),
        "{}",
        bot.ephemeral_texts(SAM)
    );
    assert_eq!(bot.slack.ephemerals_for(SAM)[0].channel, CARDS);
    bot.clicks(&bot.ada, "Approve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_100_roles_and_workspaces_are_searched_by_name() {
    let mut setup = options();
    setup.marketo.workspaces = (1..=150).map(|id| SimWorkspace::new(id, &format!("Region {id}"))).collect();
    setup.marketo.roles.extend((200..350).map(|id| SimRole::new(id, &format!("Role {id}"))));
    let names: Vec<String> = (200..350).map(|id| format!("\"Role {id}\"")).collect();
    let roles = format!("roles = [\"API Only\", {}, ", names.join(", "));
    setup.policy = setup.policy.replace("roles = [\"API Only\", ", &roles);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[("Workspace", "Region 1")]).await;
    bot.opens_review(&bot.ada).await;
    assert_eq!(bot.ada.asks_options("Role", "role 34").await.unwrap().texts().len(), 10);
    bot.ada.fills(&[("Role", "Role 349"), ("Workspace", "Region 149")]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users()[0].roles, [(349, 149)]);
}
