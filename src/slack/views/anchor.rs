//! The message that keeps the head of the ledger outside of the database.

use super::Message;
use crate::slack::rich_text::{InlineText, RichText};

/// The head of the ledger on `day`, as `ledger verify --anchored` takes it.
pub fn anchor(day: &str, seq: i64, hash: &str) -> Message {
    let head = InlineText::of(format!("Ledger on {day}: entry {seq}, SHA-256 ")).code(hash);
    let check = InlineText::of("Whether it still holds: ")
        .code(format!("marketo-api-user ledger verify --anchored {seq}:{hash}"));
    Message::of(&RichText::new().line(head).line(check))
}
