//! The controls of the playground: scenarios, killing and restarting the bot, time, and faults.

use maud::{Markup, html};

use super::ViewContext;
use crate::playground::web::{
    SCENARIOS, actions,
    faults::{SWITCHES, Switch},
    session::Bot,
};

/// The jumps in time.
const JUMPS: [(&str, &str); 4] =
    [("minute", "+1 minute"), ("hour", "+1 hour"), ("day", "+1 day"), ("week", "+1 week")];

pub(super) fn controls(context: &ViewContext<'_>) -> Markup {
    html! {
        section #controls aria-labelledby="controls-title" {
            h2 #controls-title { "Controls" }
            (scenarios(context))
            (bot_and_time(context))
            (faults(context))
        }
    }
}

fn scenarios(context: &ViewContext<'_>) -> Markup {
    html! {
        details #scenarios open {
            summary { "Play a scenario" }
            p .hint { "Each one starts over. The address " code { "/?scenario=approve" } " plays one, too." }
            form .row method="post" action="/act/scenario" {
                (context.viewer_fields())
                @for scenario in &SCENARIOS {
                    button type="submit" id={ "scenario-" (scenario.name) } name="name" value=(scenario.name) {
                        (scenario.label)
                    }
                }
            }
            div .row {
                form method="post" action="/act/reset" {
                    (context.viewer_fields())
                    button #reset type="submit" .quiet { "Start over" }
                }
                a #transcript .quiet href="/transcript" data-copies { "Copy the transcript" }
                span #copied role="status" data-keep {}
            }
        }
    }
}

fn bot_and_time(context: &ViewContext<'_>) -> Markup {
    let is_killed = context.active.ui().bot == Bot::Killed;
    let has_expiration = actions::next_expiration(context.active).is_some();
    html! {
        details #bot-and-time open {
            summary { "Bot and time" }
            form .row method="post" action="/act/bot" {
                (context.viewer_fields())
                button #restart type="submit" name="do" value="restart" { "Kill and restart the bot" }
                @if is_killed {
                    button #start type="submit" name="do" value="start" { "Start the bot" }
                } @else {
                    button #kill type="submit" name="do" value="kill" .danger { "Kill the bot" }
                }
            }
            p .hint {
                "Killed as by a crash: nothing is finished, and the bot starts again on the same database. It resumes \
                 work that was in progress when the lease expires, after half a minute."
            }
            form .row method="post" action="/act/time" {
                (context.viewer_fields())
                @for (jump, label) in JUMPS {
                    button type="submit" id={ "jump-" (jump) } name="jump" value=(jump) { (label) }
                }
                button #jump-expiration type="submit" name="jump" value="expiration" disabled[!has_expiration] {
                    "Jump to the next expiration"
                }
            }
        }
    }
}

fn faults(context: &ViewContext<'_>) -> Markup {
    let switches = context.active.ui().switches.clone();
    let broken = switches.len();
    html! {
        details #faults open[broken > 0] {
            summary { "Break something" @if broken > 0 { " " span .state.bad { (broken) " broken" } } }
            ul .plain { @for switch in &SWITCHES { (fault(context, switch, switches.contains(switch.name))) } }
            form .row method="post" action="/act/tokens" {
                (context.viewer_fields())
                button #expire-tokens type="submit" { "Marketo: expire the token now" }
            }
        }
    }
}

fn fault(context: &ViewContext<'_>, switch: &Switch, is_on: bool) -> Markup {
    let id = format!("switch-{}", switch.name);
    html! {
        li {
            form .switch method="post" action="/act/switch" {
                (context.viewer_fields())
                input type="hidden" name="name" value=(switch.name);
                button type="submit" role="switch" id=(id) name="on" value=(if is_on { "0" } else { "1" })
                    aria-checked=(if is_on { "true" } else { "false" }) aria-describedby={ (id) "-description" } {
                    (switch.label)
                }
                p .hint id={ (id) "-description" } { (switch.description) }
            }
        }
    }
}
