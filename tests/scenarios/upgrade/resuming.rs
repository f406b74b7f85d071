//! People click the buttons that the earlier version posted, and effects that it left unfinished run exactly once.

use marketo_api_user::sim::marketo::SimUser;

use super::fixture::{BOSS, Opened};
use crate::test_bot::{RAE, SAM, assert_empty_ack};

#[tokio::test(flavor = "multi_thread")]
async fn old_approve_button_creates_the_user_once() {
    for opened in Opened::all().await {
        let old = opened.card("pending@example.com");
        let click = opened.ada.clicks(&old, "Approve").await.unwrap();
        assert_empty_ack(&click);
        assert_empty_ack(&opened.work.send(&click.sent).await);
        opened.drain().await.unwrap();
        assert_empty_ack(&opened.sam.clicks_stale(&old, "Approve").await.unwrap());
        opened.advance(5).await;
        opened.assert_created("pending@example.com", 1);
        opened.card_says("pending@example.com", &["Approved by @Ada Approver"]);
        let answer = opened.ephemerals_to(SAM).join("\n");
        assert!(answer.contains("already approved by <@U0APPROVE>"), "{answer}");
        // The second of two approvals, an escalated request, and a card that somebody deleted.
        opened.clicks(&opened.sam, "pending-one-of-two@example.com", "Approve").await;
        opened.assert_created("pending-one-of-two@example.com", 1);
        opened.card_says("pending-one-of-two@example.com", &["Approved by @Ada Approver and @Sam Second"]);
        opened.clicks(&opened.person(BOSS), "pending-escalated@example.com", "Approve").await;
        opened.assert_created("pending-escalated@example.com", 1);
        let deleted = opened.card("pending-card-deleted@example.com");
        opened.slack.delete_message(&deleted.channel, &deleted.ts);
        assert_empty_ack(&opened.ada.clicks_stale(&deleted, "Approve").await.unwrap());
        opened.advance(10).await;
        opened.assert_created("pending-card-deleted@example.com", 1);
        opened.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_requests_can_be_cancelled_edited_reviewed_and_denied() {
    for opened in Opened::all().await {
        let message = opened.direct("pending-to-cancel@example.com");
        assert_empty_ack(&opened.rae.clicks(&message, "Cancel request").await.unwrap());
        opened.drain().await.unwrap();
        opened.card_says("pending-to-cancel@example.com", &["Cancelled by @Rae Requester"]);
        // A request that waits for Marketo can be cancelled unless it may have been executed.
        let message = opened.direct("waiting-quota@example.com");
        assert_empty_ack(&opened.rae.clicks(&message, "Cancel request").await.unwrap());
        opened.drain().await.unwrap();
        opened.card_says("waiting-quota@example.com", &["Cancelled by @Rae Requester"]);
        let message = opened.direct("waiting-may-be-applied@example.com");
        assert!(opened.rae.clicks(&message, "Cancel request").await.is_err());

        let old = opened.card("pending-to-edit@example.com");
        let message = opened.direct("pending-to-edit@example.com");
        assert_empty_ack(&opened.rae.clicks(&message, "Edit").await.unwrap());
        opened.drain().await.unwrap();
        opened.rae.fills(&[("First name", "Service")]).await.unwrap();
        assert!(opened.rae.submits().await.unwrap().closed);
        opened.drain().await.unwrap();
        assert_empty_ack(&opened.ada.clicks_stale(&old, "Approve").await.unwrap());
        opened.drain().await.unwrap();
        assert_eq!(opened.invited("pending-to-edit@example.com"), 0, "Ada approved an old revision");
        for subject in ["pending-to-edit@example.com", "pending-edited@example.com"] {
            opened.clicks(&opened.ada, subject, "Approve").await;
            opened.assert_created(subject, 1);
            let user = user(&opened, subject);
            assert_eq!(user.first_name, "Service");
        }

        assert_empty_ack(
            &opened.ada.clicks(&opened.card("pending-to-review@example.com"), "Review").await.unwrap(),
        );
        opened.drain().await.unwrap();
        opened.ada.fills(&[("Access expiration", "2026-12-31")]).await.unwrap();
        assert!(opened.ada.submits().await.unwrap().closed);
        opened.drain().await.unwrap();
        opened.assert_created("pending-to-review@example.com", 1);
        let end = user(&opened, "pending-to-review@example.com").expires_at.unwrap();
        assert_eq!(end.to_string(), "2027-01-01T07:59:59Z");

        let subject = "pending@example.com";
        assert_empty_ack(&opened.ada.clicks(&opened.card(subject), "Deny").await.unwrap());
        opened.ada.fills(&[("Reason", "Use the user that is there")]).await.unwrap();
        assert!(opened.ada.submits().await.unwrap().closed);
        opened.drain().await.unwrap();
        opened.card_says(subject, &["Denied by @Ada Approver", "Use the user that is there"]);
        opened.finish().await;
    }
}

fn user(opened: &Opened, subject: &str) -> SimUser {
    opened.marketo.users().into_iter().find(|user| user.email == subject).expect("a user")
}

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_invites_are_looked_up_before_another_is_sent() {
    for opened in Opened::all().await {
        opened.drain().await.unwrap();
        // On PostgreSQL the killed worker still holds the lease.
        assert_eq!(opened.invited("killed-at-invite@example.com"), 0);
        opened.advance(30).await;
        opened.assert_created("in-doubt-applied@example.com", 0);
        opened.assert_created("killed-at-invite@example.com", 0);
        opened.advance(10 * 60).await;
        opened.assert_created("in-doubt-lost@example.com", 1);
        opened.assert_created("waiting-may-be-applied@example.com", 1);
        let calls = opened.marketo.calls();
        let invite = calls.iter().find(|call| {
            call.body.as_ref().is_some_and(|body| body["emailAddress"] == "in-doubt-lost@example.com")
        });
        let looked_for = invite.unwrap().at.as_second()
            - "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        assert!(looked_for >= 15, "{looked_for} s");
        opened.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_requests_resume_by_themselves() {
    for opened in Opened::all().await {
        opened.advance(60).await;
        opened.assert_created("approved@example.com", 1);
        opened.assert_created("waiting-unavailable@example.com", 1);
        assert_eq!(opened.sandbox().invites(), 1);
        opened.until("2026-11-25T05:59:00Z").await;
        opened.card_says("waiting-quota@example.com", &["2026-11-25"]);
        assert_eq!(opened.invited("waiting-quota@example.com"), 0);
        opened.until("2026-11-25T06:01:00Z").await;
        opened.assert_created("waiting-quota@example.com", 1);
        opened.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_requests_can_be_retried_when_the_cause_can_be_fixed() {
    for opened in Opened::all().await {
        for cause in ["access-denied", "configuration", "credentials", "unavailable"] {
            let subject = format!("failed-{cause}@example.com");
            opened.clicks(&opened.sam, &subject, "Retry").await;
            // They were approved long ago.
            opened.card_says(&subject, &["its approval is too old for another one"]);
            assert_eq!(opened.invited(&subject), 0);
            opened.clicks(&opened.ada, &subject, "Approve").await;
            opened.assert_created(&subject, 1);
        }
        opened.clicks(&opened.ada, "failed-instance-gone@example.com", "Retry").await;
        opened.clicks(&opened.ada, "failed-instance-gone@example.com", "Approve").await;
        opened.card_says("failed-instance-gone@example.com", &["Failed", "former"]);
        for cause in ["expired", "mismatch", "rejected", "taken", "taken-elsewhere"] {
            let card = opened.card(&format!("failed-{cause}@example.com"));
            assert!(opened.ada.clicks(&card, "Retry").await.is_err(), "{cause}");
        }
        opened.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_deliveries_have_no_second_effect() {
    for opened in Opened::all().await {
        let before = opened.copy.ledger().await.len();
        opened.repeat_deliveries().await;
        assert_eq!(opened.copy.ledger().await.len(), before, "nothing new happened");
        opened.advance(5).await;
        opened.repeat_deliveries().await;
        opened.drain().await.unwrap();
        opened.assert_created("approved@example.com", 1);
        opened.assert_created("pending-check@example.com", 1);
        opened.assert_created("failed-retry-check@example.com", 1);
        assert_eq!(opened.cards("pending-card-waits@example.com").len(), 1);
        for subject in ["pending-approval-untold@example.com", "pending-edit-untold@example.com"] {
            assert_eq!(opened.replies(subject).len(), 1, "{subject}");
        }
        assert!(opened.slack.ephemerals().is_empty(), "nobody is told that a repeated click was too late");
        opened.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undelivered_effects_are_delivered_once() {
    for opened in Opened::all().await {
        assert!(opened.cards("pending-card-waits@example.com").is_empty());
        opened.advance(5).await;
        // One card was never posted; the other one was, but the response was lost.
        for subject in ["pending-card-waits@example.com", "pending-card-unanswered@example.com"] {
            opened.card_says(subject, &["[ Approve ]"]);
            assert_empty_ack(&opened.rae.clicks(&opened.direct(subject), "Cancel request").await.unwrap());
            opened.drain().await.unwrap();
            opened.card_says(subject, &["Cancelled by @Rae Requester"]);
        }
        // Two clicks whose membership check had not run.
        opened.assert_created("pending-check@example.com", 1);
        opened.card_says("pending-check@example.com", &["Approved by @Sam Second"]);
        assert!(opened.ephemerals_to(SAM).is_empty() && opened.ephemerals_to(RAE).is_empty());
        opened.assert_created("failed-retry-check@example.com", 1);
        // An announcement, a denial, one of two approvals, and an edit.
        opened.assert_created("done-announcement-waits@example.com", 0);
        opened.card_says("denied-untold@example.com", &["Denied by @Ada Approver"]);
        let direct = opened.bot().direct_messages(RAE);
        assert!(direct.contains("denied-untold@example.com") && direct.contains("There is a user for it"));
        opened.card_says("pending-approval-untold@example.com", &["Approvals: 1 of 2, by @Ada Approver"]);
        opened.card_says("pending-edit-untold@example.com", &["Name: Service Crm"]);
        for subject in ["pending-approval-untold@example.com", "pending-edit-untold@example.com"] {
            assert_eq!(opened.replies(subject).len(), 1, "{subject}");
        }
        // The dead letter stays.
        assert_eq!(opened.depth().await.unwrap().dead_letters, 1);
        opened.finish().await;
    }
}
