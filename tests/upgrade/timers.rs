//! Timers that the earlier version stored: reminders, escalation, expiration of pending requests, and the daily anchor.

use crate::{
    fixture::{BOSS, Opened, anchor_in},
    support::{OPS, assert_quiet},
};

#[tokio::test]
async fn stored_reminders_and_escalations_fire() {
    for opened in Opened::all().await {
        opened.until("2026-11-24T18:00:00Z").await;
        let subject = "pending-to-edit@example.com";
        assert_eq!(opened.replies(subject).len(), 0);
        opened.until("2026-11-25T09:00:00Z").await;
        assert_eq!(opened.replies(subject).len(), 1, "{:?}", opened.replies(subject));
        opened.card_says(subject, &["[ Approve ]"]);
        opened.until("2026-11-26T09:00:00Z").await;
        let replies = opened.replies(subject);
        assert!(replies.len() == 2 && replies[1].contains("Bea Boss"), "{replies:?}");
        opened.clicks(&opened.person(BOSS), subject, "Approve").await;
        opened.assert_created(subject, 1);
        opened.finish().await;
    }
}

#[tokio::test]
async fn old_pending_request_times_out() {
    for opened in Opened::all().await {
        let subject = "pending-times-out@example.com";
        let old = opened.card(subject);
        opened.until("2026-11-25T13:00:00Z").await;
        opened.card_says(subject, &["[ Approve ]"]);
        opened.until("2026-11-25T15:00:00Z").await;
        opened.card_says(subject, &["Expired"]);
        assert_quiet(&opened.ada.clicks_stale(&old, "Approve").await.unwrap());
        opened.drain().await.unwrap();
        assert_eq!(opened.invited(subject), 0);
        opened.finish().await;
    }
}

#[tokio::test]
async fn unconfirmed_anchor_is_posted_once() {
    for opened in Opened::all().await {
        let anchors = opened.copy.anchors();
        assert!(!opened.anchor().await.unwrap(), "another process may hold it");
        opened.waits(301).await;
        assert!(opened.anchor().await.unwrap());
        let shown = opened.slack.channel(OPS).into_iter().filter_map(|message| anchor_in(&message.blocks));
        assert_eq!(shown.collect::<Vec<_>>(), anchors, "it was already posted");
        let entries = opened.copy.ledger().await;
        let anchored: Vec<_> = entries.iter().filter(|entry| entry.name == "anchored").collect();
        assert_eq!(anchored.len(), 3);
        assert!(anchored[2].body.contains(&anchors[2].hash), "{}", anchored[2].body);
        opened.until("2026-11-25T10:00:00Z").await;
        assert!(opened.anchor().await.unwrap());
        opened.finish().await;
    }
}
