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
    asked::Asked,
    body::{Signed, is_ssl_check},
    line::{Line, Word, help, read},
    lookups,
};
use crate::{
    directory::membership::Eligibility,
    domain::{
        allowed_options::{AllowedOptions, Catalog},
        form::{FormInput, FormPreview},
        policy::RuleContext,
    },
    slack::{
        form_errors,
        inbound::SlashCommand,
        replies,
        views::{self, Form, FormLabels, SelectOptions},
    },
};

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
    let is_help = line == Line::Word(Word::Help);
    match edge.owner(&command.api_app_id, &[&command.team_id], &command.enterprise_id) {
        Owner::Others => return Answer::empty("foreign"),
        Owner::NotKnown if !is_help => return Answer::told("starting", &replies::starting()),
        Owner::NotKnown | Owner::Us => {}
    }
    if let Some(answer) = edge.limited_command(signed, &command) {
        return answer;
    }
    match line {
        Line::Word(Word::Help) => edge.usage(&command.command),
        Line::Near(word) => {
            Answer::told("near_miss", &replies::suggestion(&format!("{} {}", command.command, word.name())))
        }
        Line::Unknown => Answer::told("not_understood", &replies::not_understood(&command.command)),
        Line::Word(_) | Line::Form(_) if !signed.is_first => Answer::empty("repeated"),
        Line::Word(word) => {
            edge.tasks.spawn(lookups::answer(edge.clone(), Asked::of(&command), word));
            Answer::empty(word.name())
        }
        Line::Form(email) => {
            edge.instances.request_refresh();
            edge.tasks.spawn(open_form(edge.clone(), Asked::of(&command), email.to_owned()));
            Answer::empty("form")
        }
    }
}

impl Edge {
    /// The answer to `help`. An app has one command, so its help is written once.
    fn usage(&self, command: &str) -> Answer {
        let told = |command: &str| Answer::told_bytes(&replies::usage(command, help()));
        let (known, bytes) = self.0.usage.get_or_init(|| (command.to_owned(), told(command)));
        let bytes = if known == command { bytes.clone() } else { told(command) };
        Answer::body("help", "application/json", bytes)
    }
}

/// Opens the form, unless the person may not ask. Not knowing does not keep it closed: rights are checked
/// again when it is submitted.
async fn open_form(edge: Edge, asked: Asked, email: String) {
    let (is_first, may) = tokio::join!(
        edge.is_first("command", &asked.trigger_id),
        tokio::time::timeout(BEFORE_MODAL, edge.people.requester_now(&asked.user)),
    );
    if !is_first {
        return;
    }
    let policy = edge.engine.policy();
    let memberships = match may {
        Ok(Eligibility::No(why)) => {
            let message = replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            tracing::info!(user = %asked.user, "may not request");
            return edge.whisper(asked.channel.as_str(), asked.user.as_str(), &asked.response_url, message);
        }
        Ok(Eligibility::Yes(asker)) => asker.memberships,
        Ok(Eligibility::Unknown) | Err(_) => Vec::new(),
    };
    let channel = &asked.channel;
    let asks = RuleContext { instance: "", requester: &asked.user, memberships: &memberships, channel };
    let metadata = json!({"v": 1, "channel": asked.channel}).to_string();
    let initial = FormInput { email, ..FormInput::default() };
    let filled = |instance: &str, catalog: &Catalog| {
        let form = Form {
            labels: FormLabels::REQUEST,
            instances: &edge.instances.names(),
            instance,
            options: SelectOptions::Offered(&AllowedOptions::of(policy, catalog)),
            preview: &FormPreview::of(policy, &RuleContext { instance, ..asks }),
            initial: &initial,
            takes_focus: true,
            metadata: &metadata,
        };
        views::request_modal(&form)
    };
    let known =
        edge.instances.first_with_catalog(|catalog| !AllowedOptions::of(policy, catalog).roles.is_empty());
    let view = match &known {
        Some((instance, catalog)) => filled(instance.name(), catalog),
        None => views::loading_modal(&metadata),
    };
    let opened = match edge.slack.open_view(&asked.trigger_id, &view).await {
        Ok(opened) => opened,
        Err(error) => {
            // Never repeated: the trigger is spent, and a second modal would surprise.
            tracing::warn!(user = %asked.user, %error, "the form did not open");
            return edge.whisper(
                asked.channel.as_str(),
                asked.user.as_str(),
                &asked.response_url,
                replies::modal_failed(),
            );
        }
    };
    if known.is_some() {
        return;
    }
    let view = match edge.instances.wait_for_catalog(FILL_WITHIN).await {
        Some((instance, catalog)) => filled(instance.name(), &catalog),
        None => views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE),
    };
    if let Err(error) = edge.slack.update_view(&opened.id, opened.hash.as_deref(), &view).await {
        tracing::warn!(user = %asked.user, %error, "the form was not filled");
    }
}
