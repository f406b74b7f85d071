//! Every shape of error body, and the words in it.

use serde_json::{Value, json};

use crate::marketo::{
    Call, Class, Error,
    response::{RawResponse, classify},
};

fn error(status: u16, body: &[u8]) -> Error {
    let response = RawResponse { status, retry_after: None, body };
    classify(Call::Invite, &response, jiff::Timestamp::UNIX_EPOCH, &["secret"]).unwrap_err()
}

#[test]
fn words_are_found_in_every_shape() {
    let two = json!({"errors": [{"code": 709, "message": "One."}, {"code": "710", "message": "Two."}]});
    let table: [(Value, &str, Option<i64>); 16] = [
        (json!({"errors": [{"code": 709, "message": "Taken."}]}), "Taken.", Some(709)),
        (two, "One.; Two.", Some(709)),
        (json!({"errors": [{"code": 709, "detail": "Taken."}]}), "Taken.", Some(709)),
        (json!({"errors": ["Taken."]}), "Taken.", None),
        (json!({"success": false, "errors": [], "message": "Taken."}), "Taken.", None),
        (json!({"code": 709, "message": "Taken."}), "Taken.", Some(709)),
        (json!({"code": "709", "message": "Taken."}), "Taken.", Some(709)),
        (json!({"message": "Taken.", "detail": "By another user."}), "Taken.; By another user.", None),
        (json!({"title": "Conflict", "detail": "Taken."}), "Taken.; Conflict", None),
        (json!({"error": "invalid", "error_description": "Taken."}), "Taken.; invalid", None),
        (json!({"error": "Taken."}), "Taken.", None),
        (json!({"errors": [{"message": "Taken."}], "message": "Taken."}), "Taken.", None),
        (json!("Taken."), "Taken.", None),
        (json!(false), "false", None),
        (json!({"errors": [{"code": 709, "message": "The secret is taken."}]}), "The … is taken.", Some(709)),
        (json!({"errors": [{"code": 709, "message": null}]}), "", Some(709)),
    ];
    for (body, expected, code) in table {
        let error = error(400, body.to_string().as_bytes());
        assert_eq!((error.message.as_str(), error.code), (expected, code), "{body}");
    }
}

#[test]
fn bare_text_is_words_and_a_page_is_not() {
    for (body, expected) in [
        (&b"User already exists\n"[..], "User already exists"),
        (b"\xef\xbb\xbfUser already exists", "User already exists"),
        (b"<html>Sign in</html>", ""),
        (b"{\"broken", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ] {
        assert_eq!(error(409, body).message, expected);
    }
    assert_eq!(error(409, "x".repeat(3000).as_bytes()).message, "");
}

#[test]
fn byte_order_mark_is_skipped() {
    let body = b"\xef\xbb\xbf{\"errors\":[{\"code\":603,\"message\":\"Access denied\"}]}";
    assert_eq!((error(200, body).class, error(200, body).code), (Class::Denied, Some(603)));
    let response = RawResponse { status: 200, retry_after: None, body: b"\xef\xbb\xbftrue" };
    assert!(classify(Call::Invite, &response, jiff::Timestamp::UNIX_EPOCH, &[]).is_ok());
}

#[test]
fn answer_to_a_write_that_explains_nothing_is_neither_a_refusal_nor_an_outage() {
    for (status, body) in [
        (200, "false"),
        (200, "User could not be created"),
        (200, "{\"success\":false}"),
        (200, "<html>"),
        (500, ""),
        (500, "{\"errors\":[{\"code\":611,\"message\":\"System error\"}]}"),
        (400, "{\"errors\":[{\"code\":\"611\",\"message\":\"System error\"}]}"),
    ] {
        let error = error(status, body.as_bytes());
        assert_eq!(error.class, Class::Unexplained, "{status} {body}");
        assert!(!error.certainly_not_executed());
    }
    for (status, class) in
        [(502, Class::Unknown), (503, Class::Unknown), (504, Class::Unknown), (400, Class::Refused)]
    {
        assert_eq!(error(status, b"false").class, class);
    }
}
