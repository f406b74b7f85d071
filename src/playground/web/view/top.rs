//! The top bar: the current person, the running scenario, the state of the bot, the simulated time, and the theme.

use maud::{Markup, html};

use super::Look;
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

pub(super) fn top(look: &Look<'_>) -> Markup {
    let (bot, status_line) = {
        let memory = look.scene.memory();
        (memory.bot.clone(), memory.status_line.clone())
    };
    html! {
        header #top {
            div .bar {
                h1 { "Playground" }
                p .note { "The bot is the real one; Slack and Marketo are simulated. Nothing leaves this machine." }
                (bot_state(&bot))
                p #clock data-ahead=(look.scene.clock.ahead() / 1000 * 1000) {
                    span .label { "Simulated time " }
                    time data-keep {
                        (look.scene.clock.now().strftime("%Y-%m-%d %H:%M UTC").to_string())
                    }
                }
                button #theme type="button" data-keep hidden { "Dark" }
            }
            nav #personas aria-label="Who you are" {
                span .label aria-hidden="true" { "You are" }
                ul {
                    @for user in fixtures::people(&look.setup) { (persona(look, user)) }
                }
            }
            (status(&status_line))
        }
    }
}

fn bot_state(bot: &Bot) -> Markup {
    let (class, text) = match bot {
        Bot::Runs => ("good", "Bot runs".to_owned()),
        Bot::Starts => ("open", "Bot is starting".to_owned()),
        Bot::Killed => ("bad", "Bot is dead".to_owned()),
        Bot::Failed(error) => ("bad", format!("Bot did not start: {error}")),
    };
    html! { p #bot role="status" { span .state.(class) { (text) } } }
}

fn persona(look: &Look<'_>, user: &SimUser) -> Markup {
    let viewer = Viewer { user: user.id.clone(), channel: look.viewer.channel.clone(), thread: None };
    let is_me = user.id == look.viewer.user;
    let has_modal = look.scene.slack.open_view(&user.id).is_some();
    html! {
        li {
            a .persona data-go id={ "persona-" (user.id) } href=(viewer.link()) aria-current=[is_me.then_some("true")] {
                span .name { (user.real_name) }
                " "
                span .part { (part(look, user)) }
                @if has_modal && !is_me { span .part { " · has a form open" } }
            }
        }
    }
}

/// What somebody may do, by the policy's word.
fn part(look: &Look<'_>, user: &SimUser) -> &'static str {
    let policy = &look.scene.policy;
    let decides = policy_fixture::is_among(&look.setup, &user.id, policy_fixture::deciders(policy));
    let asks =
        policy.requesters.is_empty() || policy_fixture::is_among(&look.setup, &user.id, &policy.requesters);
    match (decides, asks) {
        _ if user.team_id.is_some() => "of another company",
        _ if user.is_restricted || user.is_ultra_restricted => "guest",
        (true, true) if user.id == fixtures::RAE => "requester, may approve others'",
        (true, _) => "approver",
        (false, true) => "requester",
        (false, false) => "may not ask",
    }
}

fn status(status_line: &StatusLine) -> Markup {
    // Kept after the end, since its last step and its end can come as one.
    let follow = status_line
        .at
        .as_ref()
        .map(|(user, channel)| Viewer { user: user.clone(), channel: channel.clone(), thread: None }.link());
    html! {
        div #scenario data-playing=[status_line.playing] data-follow=[follow] {
            p role="status" { (status_line.line) }
            @if status_line.playing.is_some() {
                form method="post" action="/act/stop" { button type="submit" .quiet { "Stop" } }
            }
        }
    }
}
