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

/// Name, address, instance (where `names_instance`), role, workspace and end of access.
pub(super) fn user_lines(user: &CreateUser, names_instance: bool) -> Vec<Line> {
    let mut lines = vec![fact("Name").text(full_name(user)), fact("Email").text(user.email.as_str())];
    if names_instance {
        lines.push(fact("Marketo instance").text(&user.instance));
    }
    lines.extend([
        fact("Role").text(&user.role.name),
        fact("Workspace").text(&user.workspace.name),
        fact("Access").expiration(user.expiration.as_ref()),
    ]);
    lines
}

/// The user and why they are asked for.
pub(super) fn facts(request: &Request, names_instance: bool) -> Paragraphs {
    let lines = user_lines(user_of(request), names_instance).into_iter();
    let facts = lines.fold(Paragraphs::new(), Paragraphs::line);
    match &request.reason {
        Some(reason) => facts.line(fact("Reason")).quote(reason.as_str()),
        None => facts.line(fact("Reason").text("none given")),
    }
}
