//! The message that keeps the head of the audit ledger outside of the database.

use super::Message;
use crate::slack::rich_text::{InlineText, RichText};

/// The head of the ledger on `day`, with the command that verifies it.
pub fn ledger_anchor(day: &str, seq: i64, hash: &str) -> Message {
    let head = InlineText::of(format!("Ledger on {day}: entry {seq}, SHA-256 ")).code(hash);
    let command = format!("marketo-api-user ledger verify --anchored {seq}:{hash}");
    let verify = InlineText::of("To verify it, run ").code(command);
    Message::of(&RichText::new().line(head).line(verify))
}
