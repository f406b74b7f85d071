//! `POST /slack/commands`: the slash command.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{
    BEFORE_MODAL, Edge, FILL_WITHIN, Owner,
    answer::Answer,
    body::{Signed, is_ssl_check},
};
use crate::{
    cache::people::May,
    domain::{
        form::{Draft, Expected},
        offer::{Catalog, Offer},
        people::{ChannelId, UserId},
        policy::Asks,
    },
    slack::{
        faults,
        inbound::SlashCommand,
        views::{self, Choices, Form, Wording},
        words,
    },
};

/// What was typed after the command.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// The form, with an e-mail to fill in, or an empty one.
    Form(&'a str),
    Help,
    Unknown,
}

pub(super) async fn command(State(edge): State<Edge>, request: Request) -> Response {
    let watch = edge.watch();
    let answer = match edge.verified(request, true).await {
        Ok(signed) => take(&edge, &signed),
        Err(answer) => answer,
    };
    answer.counted("commands", watch)
}

fn take(edge: &Edge, signed: &Signed) -> Answer {
    let Some(command) = SlashCommand::read(&signed.body) else {
        return Answer::status("unreadable", StatusCode::BAD_REQUEST);
    };
    if command.command.is_empty() || command.user_id.is_empty() {
        if is_ssl_check(&signed.body) {
            return Answer::empty("ssl_check");
        }
        return Answer::status("unreadable", StatusCode::BAD_REQUEST);
    }
    let line = read(&command.text);
    match edge.owner(&command.api_app_id, &[&command.team_id], &command.enterprise_id) {
        Owner::Others => return Answer::empty("foreign"),
        Owner::NotKnown if line != Line::Help => return Answer::told("starting", &words::starting()),
        Owner::NotKnown | Owner::Us => {}
    }
    match line {
        Line::Help => edge.usage(&command.command),
        Line::Unknown => Answer::told("not_understood", &words::not_understood(&command.command)),
        Line::Form(_) if !signed.is_first => Answer::empty("repeated"),
        Line::Form(email) => {
            edge.instances.modal_opens();
            let asked = Asked {
                user: command.user_id.as_ref().into(),
                channel: command.channel_id.clone().into_owned(),
                trigger_id: command.trigger_id.clone().into_owned(),
                response_url: command.response_url.clone().into_owned(),
                email: email.to_owned(),
            };
            edge.tasks.spawn(open_form(edge.clone(), asked));
            Answer::empty("form")
        }
    }
}

impl Edge {
    /// The answer to `help`. An app has one command, so its help is written once.
    fn usage(&self, command: &str) -> Answer {
        let told = |command: &str| Answer::told_bytes(&words::usage(command));
        let (known, bytes) = self.0.usage.get_or_init(|| (command.to_owned(), told(command)));
        let bytes = if known == command { bytes.clone() } else { told(command) };
        Answer::body("help", "application/json", bytes)
    }
}

/// Reads what was typed. Slack may show an e-mail as a link: `<mailto:a@b.c|a@b.c>`.
fn read(text: &str) -> Line<'_> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => Line::Form(""),
        (Some(word), None) if word.eq_ignore_ascii_case("help") => Line::Help,
        (Some(word), None) if word.contains('@') => Line::Form(
            word.strip_prefix("<mailto:")
                .and_then(|link| link.strip_suffix('>'))
                .map_or(word, |link| link.split('|').next().unwrap_or(link)),
        ),
        _ => Line::Unknown,
    }
}

struct Asked {
    user: UserId,
    channel: String,
    trigger_id: String,
    response_url: String,
    email: String,
}

/// Opens the form, unless the person may not ask. Not knowing does not keep it closed: rights are checked
/// again when it is submitted.
async fn open_form(edge: Edge, asked: Asked) {
    // Another replica may have got the same command. A database that cannot tell does not keep the form closed.
    let key = format!("command:{}", asked.trigger_id);
    let (first, may) = tokio::join!(
        tokio::time::timeout(BEFORE_MODAL, edge.engine.is_first(&key)),
        tokio::time::timeout(BEFORE_MODAL, edge.people.requester_now(&asked.user)),
    );
    match first {
        Ok(Ok(false)) => return,
        Ok(Ok(true)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "it cannot be told whether a command came before"),
        Err(_) => tracing::warn!("it could not be told in time whether a command came before"),
    }
    let policy = edge.engine.policy();
    let memberships = match may {
        Ok(May::No(why)) => {
            let message = words::may_not_request(why, &policy.requesters, policy.base.approvers());
            tracing::info!(user = %asked.user, "may not request");
            return edge.whisper(&asked.channel, asked.user.as_str(), &asked.response_url, message);
        }
        Ok(May::Yes(asker)) => asker.memberships,
        Ok(May::Unknown) | Err(_) => Vec::new(),
    };
    let channel = ChannelId(asked.channel.clone());
    let asks = Asks { instance: "", requester: &asked.user, memberships: &memberships, channel: &channel };
    let metadata = json!({"v": 1, "channel": asked.channel}).to_string();
    let initial = Draft { email: asked.email.clone(), ..Draft::default() };
    let filled = |instance: &str, catalog: &Catalog| {
        let form = Form {
            wording: Wording::REQUEST,
            instances: &edge.instances.names(),
            instance,
            choices: Choices::Offered(&Offer::of(policy, catalog)),
            expected: &Expected::of(policy, &Asks { instance, ..asks }),
            initial: &initial,
            takes_focus: true,
            metadata: &metadata,
        };
        views::request_modal(&form)
    };
    let known = edge.instances.known(|catalog| !Offer::of(policy, catalog).roles.is_empty());
    let view = match &known {
        Some((instance, catalog)) => filled(instance.name(), catalog),
        None => views::loading_modal(&metadata),
    };
    let opened = match edge.slack.open_view(&asked.trigger_id, &view).await {
        Ok(opened) => opened,
        Err(error) => {
            // Never repeated: the trigger is spent, and a second modal would surprise.
            tracing::warn!(user = %asked.user, %error, "the form did not open");
            return edge.whisper(&asked.channel, asked.user.as_str(), &asked.response_url, words::no_modal());
        }
    };
    if known.is_some() {
        return;
    }
    let view = match edge.instances.known_soon(FILL_WITHIN).await {
        Some((instance, catalog)) => filled(instance.name(), &catalog),
        None => views::unavailable_modal(faults::MARKETO_UNAVAILABLE),
    };
    if let Err(error) = edge.slack.update_view(&opened.id, opened.hash.as_deref(), &view).await {
        tracing::warn!(user = %asked.user, %error, "the form was not filled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_help_or_a_form_with_an_e_mail_to_fill_in() {
        for (text, expected) in [
            ("", Line::Form("")),
            ("  ", Line::Form("")),
            ("help", Line::Help),
            (" HELP ", Line::Help),
            ("svc@example.com", Line::Form("svc@example.com")),
            ("<mailto:svc@example.com|svc@example.com>", Line::Form("svc@example.com")),
            ("<mailto:svc@example.com>", Line::Form("svc@example.com")),
            ("please", Line::Unknown),
            ("svc@example.com now", Line::Unknown),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
