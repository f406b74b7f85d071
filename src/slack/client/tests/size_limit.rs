//! Responses that are too large are not read to their end.

use super::*;

/// A response with so many bytes of padding.
fn padded(bytes: usize) -> Reply {
    let body = json!({ "ok": true, "padding": "x".repeat(bytes) }).to_string();
    Reply::Raw(200, &[("content-type", "application/json")], body.leak())
}

#[tokio::test]
async fn limit_is_for_each_response_and_not_for_a_connection() {
    let (allowed, too_large) = (|| padded(7 * 1024 * 1024), || padded(9 * 1024 * 1024));
    let slack = Slack::replying(vec![allowed(), allowed(), too_large(), too_large()]).await;
    for _ in 0..2 {
        // It was read to its end, but lacks what the method returns.
        assert_eq!(error(slack.client.auth_test().await).code, "unreadable");
    }
    let refused = error(slack.client.auth_test().await);
    assert_eq!((refused.class, refused.code.as_str()), (Class::Unknown, "too_large"));
    assert_eq!(error(slack.client.granted_scopes().await).code, "too_large");
}
