//! What a request asks for and how it was changed, as labeled lines: the same on the card, in the direct message, in
//! the announcement and in the review.

use super::change::messages_of;
use crate::{
    domain::{
        change::{Detail, Difference},
        request::{Request, Revision, State},
    },
    slack::rich_text::{InlineText, RichText},
};

/// How many revisions of a request are shown.
const REVISIONS_MAX: usize = 5;

/// The start of a labeled line.
pub(in crate::slack) fn fact(label: &str) -> InlineText {
    InlineText::new().bold(format!("{label}: "))
}

/// The requested values, their revisions and the reason.
pub(super) fn summary(request: &Request, names_instance: bool) -> RichText {
    let mut lines = messages_of(&request.change).summary(names_instance);
    // Once the request is decided, only what the decision changed still matters.
    lines.extend(revisions(request, matches!(request.state, State::Pending { .. })));
    reason(lines.into_iter().fold(RichText::new(), RichText::line), request)
}

/// Adds the reason of the request.
pub(in crate::slack) fn reason(text: RichText, request: &Request) -> RichText {
    match &request.reason {
        Some(reason) => text.line(fact("Reason")).quote(reason.as_str()),
        None => text.line(fact("Reason").text("none given")),
    }
}

/// What approvers changed and noted and, `with_edits`, what the requester changed: one line for each detail, the oldest
/// first, of the latest [`REVISIONS_MAX`] revisions.
pub(in crate::slack) fn revisions(request: &Request, with_edits: bool) -> Vec<InlineText> {
    let is_shown = |revision: &&Revision| with_edits || revision.by != request.requester;
    let shown: Vec<&Revision> = request.revisions.iter().filter(is_shown).collect();
    let omitted = shown.len().saturating_sub(REVISIONS_MAX);
    let omitted_line = (omitted > 0).then(|| InlineText::of(format!("Earlier changes not shown: {omitted}")));
    let lines = shown.iter().skip(omitted).flat_map(|revision| {
        let by = InlineText::new().bold("Changed by ").person(&revision.by).text(": ");
        let note = revision.note.as_ref().map(|note| {
            InlineText::new().bold("Note by ").person(&revision.by).text(": ").text(note.as_str())
        });
        let lines = differences(&revision.differences);
        lines.into_iter().map(move |line| by.clone().join(&line)).chain(note)
    });
    omitted_line.into_iter().chain(lines).collect()
}

/// The line about `count` approvals that were given before the last change; none if there were none.
pub(super) fn reset_approvals(count: u32) -> Option<InlineText> {
    match count {
        0 => None,
        1 => Some(InlineText::of("The approval given before the change no longer counts.")),
        _ => Some(InlineText::of(format!("The {count} approvals given before the change no longer count."))),
    }
}

/// One line for each difference. The reason, a long text, is not repeated.
pub(super) fn differences(differences: &[Difference]) -> Vec<InlineText> {
    differences.iter().map(difference).collect()
}

fn difference(difference: &Difference) -> InlineText {
    let Some((label, before, after)) = values(difference) else {
        return InlineText::of("Reason: changed");
    };
    InlineText::of(format!("{label}: {before} → {after}"))
}

/// What Marketo shows otherwise than approved: one line for each difference.
pub(super) fn shown_otherwise(differences: &[Difference]) -> Vec<InlineText> {
    let line = |(label, approved, shown): (&str, String, String)| {
        let shown = if shown.is_empty() { "nothing".to_owned() } else { shown };
        fact(label).text(format!("{approved} was approved, Marketo shows {shown}"))
    };
    differences.iter().filter_map(values).map(line).collect()
}

/// The label of a detail, and its values before and after; `None` for the reason.
fn values(Difference { detail, before, after }: &Difference) -> Option<(&'static str, String, String)> {
    let (label, none) = match detail {
        Detail::Instance => ("Marketo instance", ""),
        Detail::Email => ("Email", ""),
        Detail::FirstName => ("First name", ""),
        Detail::LastName => ("Last name", ""),
        Detail::Role => ("Role", ""),
        Detail::Workspace => ("Workspace", ""),
        Detail::Expiration => ("Access", "never expires"),
        Detail::ApiOnly => ("API Only", ""),
        Detail::Reason => return None,
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| none.to_owned());
    Some((label, value(before), value(after)))
}
