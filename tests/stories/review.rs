//! An approver reviews a request: reads every detail, approves less than was asked for, or denies.

use insta::assert_snapshot;
use marketo_api_user::sim::marketo::{SimRole, SimWorkspace};
use serde_json::{Value, json};

use crate::support::{ADA, CARDS, House, OPS, RAE, SAM, assert_quiet, forged, options, policy};

/// A house with the workspaces Default and EMEA.
async fn with_workspaces() -> House {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    House::with(setup).await
}

/// Every field of an invite, as the review shows it.
fn shown(invite: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(places) => {
            let [place] = places.as_slice() else { panic!("one role in one workspace: {places:?}") };
            format!("accessRoleId {}, workspaceId {}", place["accessRoleId"], place["workspaceId"])
        }
        other => other.to_string(),
    };
    invite.as_object().unwrap().iter().map(|(name, value)| format!("{name}: {}", text(value))).collect()
}

#[tokio::test]
async fn an_approver_reads_every_detail_and_the_fields_as_marketo_gets_them() {
    let house = House::open().await;
    house.rae_asks(&[("Reason", "Sync *leads* from <!channel> the CRM")]).await;
    house.waits(600).await;
    house.opens_review(&house.ada).await;
    let modal = house.modal(&house.ada);
    assert_snapshot!("review", modal);
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Approved by @Ada Approver", "The user is created"]);
    let [invite] = house.invites().try_into().unwrap();
    let fields = shown(&invite);
    assert_eq!(fields.len(), 7);
    for field in fields {
        let lines = modal.lines().filter(|line| line.trim_start_matches(['│', ' ']) == field);
        assert_eq!(lines.count(), 1, "no {field:?} in\n{modal}");
    }
    assert!(!house.card_text().contains("Changed by"), "nothing was changed");
    house.ends().await;
}

#[tokio::test]
async fn what_an_approver_narrows_is_what_marketo_gets_and_everybody_reads_what_changed() {
    let house = with_workspaces().await;
    house.rae_asks(&[("Workspace", "Default"), ("Reason", "CRM sync")]).await;
    let narrowed = [
        ("Access expiration", "2026-12-31"),
        ("Role", "API Only - EMEA"),
        ("Workspace", "EMEA"),
        ("Note", "Only *EMEA*, only <!here> this year"),
    ];
    house.reviews(&house.ada, &narrowed).await;
    assert_eq!(
        house.invites(),
        [json!({
            "emailAddress": "svc-crm@example.com", "firstName": "Svc", "lastName": "Crm", "apiOnly": true,
            "reason": "CRM sync", "expiresAt": "2026-12-31T23:59:59-08:00",
            "userRoleWorkspaces": [{"accessRoleId": 102, "workspaceId": 7}],
        })]
    );
    assert_snapshot!("narrowed_card", house.slack.transcript(CARDS));
    assert_snapshot!("narrowed_requester", house.direct(RAE));
    assert_snapshot!("narrowed_announcement", house.slack.transcript(OPS));
    house.ends().await;
}

#[tokio::test]
async fn the_ledger_keeps_what_was_changed_and_by_whom() {
    let mut setup = options();
    let file = std::env::temp_dir().join(format!("ledger-{}.db", setup.clock.new_id()));
    let url = format!("sqlite:{}", file.display());
    setup.database_url = Some(url.clone());
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.edits(&[("First name", "Service")]).await;
    house.reviews(&house.ada, &[("Role", "API Only - EMEA"), ("Note", "EMEA only")]).await;
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
    house.ends().await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

#[tokio::test]
async fn a_note_without_a_change_is_read_by_everybody_too() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.reviews(&house.ada, &[("Note", "Fine until January")]).await;
    for text in [house.card_text(), house.direct(RAE), house.slack.transcript(OPS)] {
        assert!(text.contains("Note by @Ada Approver: Fine until January"), "{text}");
        assert!(!text.contains("Changed by"), "{text}");
    }
    house.ends().await;
}

#[tokio::test]
async fn where_no_end_was_asked_for_an_approver_may_set_one_or_leave_it() {
    for day in ["", "2027-06-30"] {
        let house = House::open().await;
        house.rae_asks(&[("Access expiration", "")]).await;
        house.opens_review(&house.ada).await;
        assert!(house.modal(&house.ada).contains("Access expiration (optional): (empty)"));
        house.ada.fills(&[("Access expiration", "2027-11-25")]).await.unwrap();
        let refused = house.ada.submits().await.unwrap();
        assert!(refused.errors["Access expiration"].contains("2027-11-24 at the latest"), "{refused:?}");
        house.ada.fills(&[("Access expiration", day)]).await.unwrap();
        assert!(house.ada.submits().await.unwrap().closed);
        house.drain().await.unwrap();
        // The day ends where Rae lives.
        let expected = if day.is_empty() { json!(null) } else { json!("2027-06-30T23:59:59-07:00") };
        assert_eq!(house.invites()[0]["expiresAt"], expected);
        assert_eq!(house.card_text().contains("Access: never expires → 2027-06-30"), !day.is_empty());
        house.ends().await;
    }
}

#[tokio::test]
async fn a_request_whose_last_day_is_over_can_be_approved_in_a_review_with_a_later_one() {
    let house = House::open().await;
    house.rae_asks(&[("Access expiration", "2026-11-26")]).await;
    house.waits(3 * 24 * 3600).await;
    house.presses(&house.ada, "Approve").await;
    assert!(house.whispers(ADA).contains("Press Review to choose a later day"), "{}", house.whispers(ADA));
    house.opens_review(&house.ada).await;
    let as_it_is = house.ada.submits().await.unwrap();
    assert!(as_it_is.errors["Access expiration"].contains("That day is over"), "{as_it_is:?}");
    assert_snapshot!("review_of_a_day_that_is_over", house.modal(&house.ada));
    house.ada.fills(&[("Access expiration", "2027-11-28")]).await.unwrap();
    let too_far = house.ada.submits().await.unwrap();
    assert!(too_far.errors["Access expiration"].contains("2027-11-27 at the latest"), "{too_far:?}");
    house.ada.fills(&[("Access expiration", "2027-01-31")]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["The user is created", "Access: 2026-11-26 → 2027-01-31"]);
    assert_eq!(house.invites()[0]["expiresAt"], "2027-01-31T23:59:59-08:00");
    house.ends().await;
}

#[tokio::test]
async fn a_denial_in_a_review_asks_for_a_reason_on_top_and_closes_both() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    assert_quiet(&house.ada.clicks_in_modal("Deny").await.unwrap());
    house.slack.wait_for(|slack| slack.calls_to("views.push").len() == 1).await;
    assert_snapshot!("denial_in_a_review", house.modal(&house.ada));
    // Who thinks better of it is back in the review.
    house.ada.closes().await.unwrap();
    assert_eq!(house.ada.open_view().unwrap().title(), "Review request");
    assert_quiet(&house.ada.clicks_in_modal("Deny").await.unwrap());
    house.slack.wait_for(|slack| slack.calls_to("views.push").len() == 2).await;
    let empty = house.ada.submits().await.unwrap();
    assert!(empty.errors.contains_key("Reason"), "{empty:?}");
    house.ada.fills(&[("Reason", "Use the shared user")]).await.unwrap();
    let denied = house.ada.submits().await.unwrap();
    assert_eq!((denied.reply.body.as_str(), denied.closed), (r#"{"response_action":"clear"}"#, true));
    assert!(house.ada.open_view().is_none(), "the review is closed as well");
    house.drain().await.unwrap();
    house.card_says(&["Denied by @Ada Approver", "Use the shared user"]);
    assert!(house.direct(RAE).contains("Use the shared user"));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test]
async fn of_two_who_must_agree_one_narrows_and_the_other_has_to_look_again() {
    let house = House::with(policy("approvals_needed = 2\n")).await;
    house.rae_asks(&[]).await;
    let before = house.card();
    house.opens_review(&house.ada).await;
    house.reviews(&house.sam, &[("Role", "API Only - EMEA"), ("Note", "EMEA only")]).await;
    assert_snapshot!("narrowed_by_the_first_of_two", house.slack.transcript(CARDS));
    // Ada's screens still show what was asked for at first.
    let stale = house.ada.submits().await.unwrap();
    assert!(stale.errors["Note"].contains("The request has changed"), "{stale:?}");
    assert_quiet(&house.ada.clicks_stale(&before, "Approve").await.unwrap());
    house.drain().await.unwrap();
    let told = house.told(ADA);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.contains("changed since you looked at it")), "{told:?}");
    assert_eq!(house.marketo.invites(), 0);
    house.opens_review(&house.ada).await;
    assert!(house.modal(&house.ada).contains("Changed by @Sam Second: Role: API Only → API Only - EMEA"));
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Approved by @Sam Second and @Ada Approver", "The user is created"]);
    assert_eq!(house.invites()[0]["userRoleWorkspaces"][0]["accessRoleId"], 102);
    house.ends().await;
}

#[tokio::test]
async fn a_review_that_is_submitted_again_since_its_answer_was_lost_counts_once() {
    let house = House::with(policy("approvals_needed = 2\n")).await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    house.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let sent = house.ada.submits().await.unwrap().reply.sent;
    house.drain().await.unwrap();
    let before = house.slack.transcript(CARDS);
    assert_quiet(&house.work.send(&sent).await);
    let again = forged(&house, &sent, |payload| payload["trigger_id"] = json!("1.2.again"));
    assert_quiet(&house.work.send(&again).await);
    house.drain().await.unwrap();
    assert_eq!(house.slack.transcript(CARDS), before);
    assert!(house.told(ADA).is_empty(), "it is acked as the first one was: {:?}", house.told(ADA));
    house.presses(&house.sam, "Approve").await;
    assert_eq!(house.created()[0].roles, [(102, 1)]);
    house.ends().await;
}

#[tokio::test]
async fn an_approval_in_a_review_waits_whole_until_slack_tells_who_may_approve() {
    let house = with_workspaces().await;
    house.rae_asks(&[("Workspace", "Default")]).await;
    house.opens_review(&house.sam).await;
    let narrowed = [("Access expiration", "2026-12-31"), ("Workspace", "EMEA"), ("Note", "For a month")];
    house.sam.fills(&narrowed).await.unwrap();
    // Who is in the group was heard too long ago to be relied on.
    house.clock.advance(std::time::Duration::from_secs(61));
    assert!(house.sam.submits().await.unwrap().closed);
    assert_ne!(house.depth().await.unwrap(), Default::default(), "the press waits");
    house.drain().await.unwrap();
    house.card_says(&["Approved by @Sam Second", "Note by @Sam Second: For a month"]);
    let invite = house.invites().remove(0);
    assert_eq!(invite["expiresAt"], "2026-12-31T23:59:59-08:00");
    assert_eq!(invite["userRoleWorkspaces"][0], json!({"accessRoleId": 101, "workspaceId": 7}));
    house.ends().await;
}

#[tokio::test]
async fn an_approval_in_a_review_that_cannot_be_checked_is_refused_where_the_card_is() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.sam).await;
    house.clock.advance(std::time::Duration::from_secs(61));
    house.slack.refuse("usergroups.users.list", "internal_error");
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert!(house.whispers(SAM).contains("I cannot check right now"), "{}", house.whispers(SAM));
    assert_eq!(house.slack.ephemerals_for(SAM)[0].channel, CARDS);
    house.presses(&house.ada, "Approve").await;
    house.ends_despite(&["internal_error"]).await;
}

#[tokio::test]
async fn more_than_a_hundred_roles_and_workspaces_are_searched_by_name() {
    let mut setup = options();
    setup.marketo.workspaces = (1..=150).map(|id| SimWorkspace::new(id, &format!("Region {id}"))).collect();
    setup.marketo.roles.extend((200..350).map(|id| SimRole::new(id, &format!("Role {id}"))));
    let names: Vec<String> = (200..350).map(|id| format!("\"Role {id}\"")).collect();
    let roles = format!("roles = [\"API Only\", {}, ", names.join(", "));
    setup.policy = setup.policy.replace("roles = [\"API Only\", ", &roles);
    let house = House::with(setup).await;
    house.rae_asks(&[("Workspace", "Region 1")]).await;
    house.opens_review(&house.ada).await;
    assert_eq!(house.ada.asks_options("Role", "role 34").await.unwrap().texts().len(), 10);
    house.ada.fills(&[("Role", "Role 349"), ("Workspace", "Region 149")]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_eq!(house.created()[0].roles, [(349, 149)]);
    house.ends().await;
}
