//! What is asked for, as lines under each other: the same words on the card, in the direct message and in the
//! announcement.

use crate::{
    domain::{
        change::{Change, CreateUser},
        request::Request,
    },
    slack::line::{Line, Paragraphs},
};

/// The user that the request is about.
pub(super) fn user_of(request: &Request) -> &CreateUser {
    let Change::CreateUser(user) = &request.change;
    user
}

/// Name and address in one. They are pieces of their own, so that a long name does not cut the address off.
pub(super) fn subject(user: &CreateUser) -> Line {
    Line::new().text(full_name(user)).text(" (").text(user.email.as_str()).text(")")
}

fn full_name(user: &CreateUser) -> String {
    format!("{} {}", user.first_name.as_str(), user.last_name.as_str())
}

/// One labelled line.
pub(super) fn fact(label: &str) -> Line {
    Line::new().bold(format!("{label}: "))
}

/// Name, address, role, workspace and end of access.
pub(super) fn user_lines(user: &CreateUser) -> [Line; 5] {
    [
        fact("Name").text(full_name(user)),
        fact("Email").text(user.email.as_str()),
        fact("Role").text(&user.role.name),
        fact("Workspace").text(&user.workspace.name),
        fact("Access").expiration(user.expiration.as_ref()),
    ]
}

/// The user and why they are asked for.
pub(super) fn facts(request: &Request) -> Paragraphs {
    let lines = user_lines(user_of(request)).into_iter();
    let facts = lines.fold(Paragraphs::new(), Paragraphs::line);
    match &request.reason {
        Some(reason) => facts.line(fact("Reason")).quote(reason.as_str()),
        None => facts.line(fact("Reason").text("none given")),
    }
}
