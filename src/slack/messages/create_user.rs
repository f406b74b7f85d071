//! What is specific to the creation of an API-only user: the lines that describe the requested user, the
//! announcement with the next steps in Marketo, and the failures that only a creation can have.

use slack_morphism::blocks::SlackHeaderBlock;

use super::{
    Message,
    change::{ChangeMessages, FailureTexts},
    request_summary::{fact, revisions, shown_otherwise},
};
use crate::{
    domain::{
        change::{CreateUser, CreatedUser},
        people::UserId,
        request::{Request, State},
    },
    slack::{
        confusables::confusables,
        rich_text::{InlineText, RichText},
        text::{self, label},
    },
};

/// How many confusable characters are named.
const CONFUSABLES_MAX: usize = 5;
/// How many characters of a name are shown in a list.
const NAME_MAX: usize = 60;

impl ChangeMessages for CreateUser {
    /// Name and email are separate texts, so that a long name does not cut the email off.
    fn subject(&self) -> InlineText {
        InlineText::of(full_name(self)).text(" (").text(self.email.as_str()).text(")")
    }

    fn summary(&self, names_instance: bool) -> Vec<InlineText> {
        let mut lines = vec![fact("Name").text(full_name(self)), fact("Email").text(self.email.as_str())];
        if names_instance {
            lines.push(fact("Marketo instance").text(&self.instance));
        }
        lines.extend([
            fact("Role").text(&self.role.name),
            fact("Workspace").text(&self.workspace.name),
            fact("Access").expiration(self.expiration.as_ref()),
        ]);
        lines.extend(warnings(self));
        lines
    }

    fn list_entry(&self, names_instance: bool) -> InlineText {
        let short = |name: &str| text::literal(name, NAME_MAX);
        let entry = InlineText::new()
            .bold(short(&full_name(self)))
            .text(" (")
            .text(self.email.as_str())
            .text("), role ")
            .text(short(&self.role.name));
        if names_instance { entry.text(" in ").text(short(&self.instance)) } else { entry }
    }

    fn requested(&self, requester: &UserId) -> InlineText {
        InlineText::new().person(requester).bold(" requests a Marketo API user.")
    }

    fn requested_headline(&self, requester: &UserId) -> InlineText {
        InlineText::new().person(requester).text(" requests a Marketo API user: ").join(&self.subject())
    }

    fn waiting_for_approval(&self) -> &'static str {
        "Your request for a Marketo API user is waiting for approval."
    }

    fn in_progress(&self) -> &'static str {
        "The user is being created in Marketo."
    }

    fn in_progress_headline(&self) -> InlineText {
        self.subject().text(" is being created in Marketo")
    }

    fn done(&self) -> &'static str {
        "The user is created in Marketo."
    }

    fn done_headline(&self) -> InlineText {
        self.subject().text(" is created in Marketo")
    }

    fn ended_headline(&self, outcome: &str) -> InlineText {
        InlineText::of(format!("{outcome}: Marketo API user ")).join(&self.subject())
    }

    fn announcement(&self, request: &Request, names_instance: bool) -> Message {
        let (created, approved_by) = match &request.state {
            State::Done { user, approved, .. } => (Some(user), approved.by.as_slice()),
            _ => (None, [].as_slice()),
        };
        let mut lines = self.summary(names_instance);
        lines.insert(2, user_id(created));
        lines.push(fact("Requested by").person(&request.requester));
        lines.push(approved_by_line(approved_by));
        lines.extend(revisions(request, false));
        lines.extend(shown_otherwise(created.map_or(&[], |created| created.differences.as_slice())));
        let details = lines.into_iter().fold(RichText::new(), RichText::line);
        let title = "Marketo API user created";
        Message {
            text: InlineText::of(format!("{title}: ")).join(&self.subject()).mrkdwn(),
            blocks: vec![
                SlackHeaderBlock::new(label(title)).into(),
                details.block(),
                next_steps(self).block(),
            ],
        }
    }

    fn already_exists(&self) -> FailureTexts {
        FailureTexts::new(
            "Someone else added a Marketo user with this email before I could.",
            "Use that user if it's the right one. Otherwise, send a new request with another email.",
        )
    }

    fn login_exists(&self) -> FailureTexts {
        FailureTexts::new(
            "Another Marketo user, whose own email is a different one, logs in with this email.",
            "Send a new request with another email. It doesn't have to be a real mailbox.",
        )
    }

    fn exists_elsewhere(&self) -> FailureTexts {
        FailureTexts::new(
            "Another Marketo instance already has a user with this email, and Marketo requires emails to be unique across \
             all instances, including sandboxes.",
            "Send a new request with another email. It doesn't have to be a real mailbox.",
        )
    }

    fn differs_from_approved(&self) -> FailureTexts {
        FailureTexts::new(
            "Marketo now has a user with this email, but it isn't what was approved.",
            "Ask a Marketo admin to check the user under Admin > Users & Roles, and to correct or delete it.",
        )
    }

    fn too_late(&self) -> FailureTexts {
        FailureTexts::new(
            "The last day of access passed before the user was in Marketo.",
            "Send a new request with a later date.",
        )
    }
}

fn full_name(user: &CreateUser) -> String {
    format!("{} {}", user.first_name.as_str(), user.last_name.as_str())
}

/// A line for each value that may not be what it looks like.
fn warnings(user: &CreateUser) -> Vec<InlineText> {
    let name = full_name(user);
    let values = [("name", &name), ("role", &user.role.name), ("workspace", &user.workspace.name)];
    let mut warnings: Vec<String> =
        values.into_iter().filter_map(|(field, value)| confusables_warning(field, value)).collect();
    if has_punycode_domain(user) {
        warnings.push(
            "The email's domain contains non-ASCII characters (xn--) and may be displayed differently."
                .to_owned(),
        );
    }
    warnings.into_iter().map(|warning| fact("Look closely").text(warning)).collect()
}

fn confusables_warning(field: &str, value: &str) -> Option<String> {
    let found = confusables(value);
    let named: Vec<String> = found.iter().take(CONFUSABLES_MAX).map(ToString::to_string).collect();
    let more = if found.len() > named.len() { " and more" } else { "" };
    let named = named.join(", ");
    (!found.is_empty())
        .then(|| format!("The {field} contains characters that look like other letters: {named}{more}."))
}

fn has_punycode_domain(user: &CreateUser) -> bool {
    let email = user.email.key();
    let domain = email.rsplit('@').next().unwrap_or_default();
    domain.split('.').any(|label| label.starts_with("xn--"))
}

fn user_id(created: Option<&CreatedUser>) -> InlineText {
    match created.and_then(|created| created.user_id.as_deref()) {
        Some(id) => fact("User ID").code(id),
        None => fact("User ID").text("not shown by Marketo yet"),
    }
}

fn approved_by_line(approvers: &[UserId]) -> InlineText {
    match approvers {
        [] => fact("Approved by").text("no approval needed"),
        approvers => fact("Approved by").all_of(approvers),
    }
}

/// How the user becomes a custom service. The names are those of Marketo's own screens.
fn next_steps(user: &CreateUser) -> RichText {
    let steps = [
        InlineText::of("In Marketo, go to ")
            .bold("Admin > LaunchPoint")
            .text(" and select ")
            .bold("New > New Service")
            .text("."),
        InlineText::of("Select ")
            .bold("Custom")
            .text(" as the service and ")
            .bold(user.email.as_str())
            .text(" as its API-only user."),
        InlineText::of("Click ")
            .bold("View Details")
            .text(" next to the new service to see its Client Id and Client Secret."),
        InlineText::of("Store both where you keep your secrets. Never paste the secret into Slack."),
    ];
    RichText::new().line(InlineText::new().bold("Next: create the custom service")).numbered(steps)
}
