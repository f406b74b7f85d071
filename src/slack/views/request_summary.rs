//! What is asked for, as lines under each other: the same words on the card, in the direct message and in the
//! announcement.

use crate::{
    domain::{
        change::{Change, CreateUser, Detail, Difference},
        request::{Request, Revision, State},
    },
    slack::{
        confusables::confusables,
        rich_text::{InlineText, RichText},
    },
};

/// How many letters that look like others are named.
const LETTERS_MAX: usize = 5;
/// How many changes of a request are told on a card.
const TOLD_MAX: usize = 5;

/// The user that the request is about.
pub(in crate::slack) fn user_of(request: &Request) -> &CreateUser {
    let Change::CreateUser(user) = &request.change;
    user
}

/// Name and address in one. They are pieces of their own, so that a long name does not cut the address off.
pub(super) fn subject(user: &CreateUser) -> InlineText {
    InlineText::new().text(full_name(user)).text(" (").text(user.email.as_str()).text(")")
}

fn full_name(user: &CreateUser) -> String {
    format!("{} {}", user.first_name.as_str(), user.last_name.as_str())
}

/// One labelled line.
pub(super) fn fact(label: &str) -> InlineText {
    InlineText::new().bold(format!("{label}: "))
}

/// Name, address, instance (where `names_instance`), role, workspace and end of access.
pub(super) fn user_lines(user: &CreateUser, names_instance: bool) -> Vec<InlineText> {
    let mut lines = vec![fact("Name").text(full_name(user)), fact("Email").text(user.email.as_str())];
    if names_instance {
        lines.push(fact("Marketo instance").text(&user.instance));
    }
    lines.extend([
        fact("Role").text(&user.role.name),
        fact("Workspace").text(&user.workspace.name),
        fact("Access").expiration(user.expiration.as_ref()),
    ]);
    lines.extend(cautions(user));
    lines
}

/// What is not what it looks like, a line each.
fn cautions(user: &CreateUser) -> Vec<InlineText> {
    let name = full_name(user);
    let texts = [("name", &name), ("role", &user.role.name), ("workspace", &user.workspace.name)];
    let letters = texts.into_iter().filter_map(|(what, text)| {
        let found = confusables(text);
        let named: Vec<String> = found.iter().take(LETTERS_MAX).map(ToString::to_string).collect();
        let more = if found.len() > named.len() { " and more" } else { "" };
        let named = named.join(", ");
        (!found.is_empty())
            .then(|| caution(format!("the {what} has letters that look like others: {named}{more}")))
    });
    let is_encoded = user
        .email
        .key()
        .rsplit('@')
        .next()
        .is_some_and(|domain| domain.split('.').any(|label| label.starts_with("xn--")));
    let encoded = is_encoded.then(|| {
        caution("the domain of the e-mail stands for letters outside of ASCII (xn--), and may be shown as another".to_owned())
    });
    letters.chain(encoded).collect()
}

fn caution(text: String) -> InlineText {
    fact("Look closely").text(text)
}

/// The user and why they are asked for.
pub(super) fn facts(request: &Request, names_instance: bool) -> RichText {
    let lines = user_lines(user_of(request), names_instance).into_iter();
    let facts = lines.fold(RichText::new(), RichText::line);
    // Once it is decided, only what the decision was about still matters.
    let with_edits = matches!(request.state, State::Pending { .. });
    let facts = amendments(request, with_edits).into_iter().fold(facts, RichText::line);
    match &request.reason {
        Some(reason) => facts.line(fact("Reason")).quote(reason.as_str()),
        None => facts.line(fact("Reason").text("none given")),
    }
}

/// What approvers changed and said, and, `with_edits`, what the requester changed: a line for each thing, the oldest
/// first. Of many changes only the latest are told.
pub(super) fn amendments(request: &Request, with_edits: bool) -> Vec<InlineText> {
    let is_told = |amendment: &&Revision| with_edits || amendment.by != request.requester;
    let told: Vec<&Revision> = request.revisions.iter().filter(is_told).collect();
    let earlier = told.len().saturating_sub(TOLD_MAX);
    let left_out =
        (earlier > 0).then(|| InlineText::of(format!("Earlier changes that are not shown: {earlier}")));
    let lines = told.iter().skip(earlier).flat_map(|amendment| {
        let by = InlineText::new().bold("Changed by ").person(&amendment.by).text(": ");
        let note = amendment.note.as_ref().map(|note| {
            InlineText::new().bold("Note by ").person(&amendment.by).text(": ").text(note.as_str())
        });
        let lines = differences(&amendment.differences);
        lines.into_iter().map(move |line| by.clone().join(&line)).chain(note)
    });
    left_out.into_iter().chain(lines).collect()
}

/// What is said where `lapsed` approvals were given to what the request was before.
pub(super) fn no_longer_count(lapsed: u32) -> Option<InlineText> {
    match lapsed {
        0 => None,
        1 => Some(InlineText::of("The approval given before the change no longer counts.")),
        _ => Some(InlineText::of(format!("The {lapsed} approvals given before the change no longer count."))),
    }
}

/// What is different, a line each. A long text is not repeated.
pub(super) fn differences(differences: &[Difference]) -> Vec<InlineText> {
    let given = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
    differences
        .iter()
        .map(|Difference { detail, before, after }| {
            let (label, none) = match detail {
                Detail::Instance => ("Marketo instance", ""),
                Detail::Email => ("Email", ""),
                Detail::FirstName => ("First name", ""),
                Detail::LastName => ("Last name", ""),
                Detail::Role => ("Role", ""),
                Detail::Workspace => ("Workspace", ""),
                Detail::Expiration => ("Access", "never expires"),
                Detail::Reason => return InlineText::of("Reason: changed"),
            };
            InlineText::of(format!("{label}: {} → {}", given(before, none), given(after, none)))
        })
        .collect()
}
