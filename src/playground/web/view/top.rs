//! The top bar: the current person, the running scenario, the state of the bot, the simulated time, and the theme.

use maud::{Markup, html};

use super::ViewContext;
use crate::{
    playground::{
        fixtures, policy_fixture,
        web::{
            fields::Viewer,
            session::{Bot, StatusLine},
        },
    },
    sim::slack::SimUser,
};

pub(super) fn top(context: &ViewContext<'_>) -> Markup {
    let (bot, status_line) = {
        let memory = context.active.ui();
        (memory.bot.clone(), memory.status_line.clone())
    };
    html! {
        header #top {
            div .bar {
                h1 { "Playground" }
                p .note { "The bot is real; Slack and Marketo are simulated. Nothing leaves this machine." }
                (bot_state(&bot))
                p #clock data-ahead=(context.active.clock.ahead() / 1000 * 1000) {
                    span .label { "Simulated time " }
                    time data-keep {
                        (context.active.clock.now().strftime("%Y-%m-%d %H:%M UTC").to_string())
                    }
                }
                button #theme type="button" data-keep hidden { "Dark" }
            }
            nav #personas aria-label="Who you are" {
                span .label aria-hidden="true" { "You are" }
                ul {
                    @for user in fixtures::people(&context.setup) { (persona(context, user)) }
                }
            }
            (status(&status_line))
        }
    }
}

fn bot_state(bot: &Bot) -> Markup {
    let (class, text) = match bot {
        Bot::Running => ("good", "Bot is running".to_owned()),
        Bot::Starting => ("open", "Bot is starting".to_owned()),
        Bot::Killed => ("bad", "Bot is killed".to_owned()),
        Bot::Failed(error) => ("bad", format!("Bot did not start: {error}")),
    };
    html! { p #bot role="status" { span .state.(class) { (text) } } }
}

fn persona(context: &ViewContext<'_>, user: &SimUser) -> Markup {
    let viewer = Viewer { user: user.id.clone(), channel: context.viewer.channel.clone(), thread: None };
    let is_me = user.id == context.viewer.user;
    let has_modal = context.active.slack.open_view(&user.id).is_some();
    html! {
        li {
            a .persona data-go id={ "persona-" (user.id) } href=(viewer.link()) aria-current=[is_me.then_some("true")] {
                span .name { (user.real_name) }
                " "
                span .part { (part(context, user)) }
                @if has_modal && !is_me { span .part { " · has a form open" } }
            }
        }
    }
}

/// A person's role under the policy.
fn part(context: &ViewContext<'_>, user: &SimUser) -> &'static str {
    let policy = &context.active.policy;
    let is_approver = policy_fixture::is_among(&context.setup, &user.id, policy_fixture::approvers(policy));
    let is_requester = policy.requesters.is_empty()
        || policy_fixture::is_among(&context.setup, &user.id, &policy.requesters);
    match (is_approver, is_requester) {
        _ if user.team_id.is_some() => "external",
        _ if user.is_restricted || user.is_ultra_restricted => "guest",
        (true, true) if user.id == fixtures::RAE => "requester and approver",
        (true, _) => "approver",
        (false, true) => "requester",
        (false, false) => "cannot request",
    }
}

fn status(status_line: &StatusLine) -> Markup {
    // Kept after the end, since the last step and the end can arrive in one update.
    let follow = status_line
        .view
        .as_ref()
        .map(|(user, channel)| Viewer { user: user.clone(), channel: channel.clone(), thread: None }.link());
    html! {
        div #scenario data-running=[status_line.running] data-follow=[follow] {
            p role="status" { (status_line.text) }
            @if status_line.running.is_some() {
                form method="post" action="/act/stop" { button type="submit" .quiet { "Stop" } }
            }
        }
    }
}
