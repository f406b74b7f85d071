//! The controls of the playground: scenarios, killing and restarting the bot, time, and faults.

use maud::{Markup, html};

use super::Look;
use crate::playground::web::{
    SCENARIOS, actions,
    faults::{SWITCHES, Switch},
    session::Bot,
};

/// How far one can jump.
const JUMPS: [(&str, &str); 4] =
    [("minute", "+1 minute"), ("hour", "+1 hour"), ("day", "+1 day"), ("week", "+1 week")];

pub(super) fn controls(look: &Look<'_>) -> Markup {
    let memory = look.scene.memory();
    let is_dead = memory.bot == Bot::Killed;
    let has_end = actions::next_expiration(look.scene).is_some();
    let broken = memory.switches.len();
    html! {
        section #controls aria-labelledby="controls-title" {
            h2 #controls-title { "Controls" }
            details #scenarios open {
                summary { "Play a scenario" }
                p .hint { "Each begins anew. The address " code { "/?scenario=approve" } " plays one, too." }
                form .row method="post" action="/act/scenario" {
                    (look.who())
                    @for scenario in &SCENARIOS {
                        button type="submit" id={ "scenario-" (scenario.name) } name="name" value=(scenario.name) {
                            (scenario.label)
                        }
                    }
                }
                div .row {
                    form method="post" action="/act/reset" {
                        (look.who())
                        button #reset type="submit" .quiet { "Start over" }
                    }
                    a #transcript .quiet href="/transcript" data-copies { "Copy the transcript" }
                    span #copied role="status" data-keep {}
                }
            }
            details #bot-and-time open {
                summary { "Bot and time" }
                form .row method="post" action="/act/bot" {
                    (look.who())
                    button #restart type="submit" name="do" value="restart" { "Kill and restart the bot" }
                    @if is_dead {
                        button #start type="submit" name="do" value="start" { "Start the bot" }
                    } @else {
                        button #kill type="submit" name="do" value="kill" .danger { "Kill the bot" }
                    }
                }
                p .hint {
                    "Killed as by a crash: its tasks are dropped where they stand, nothing is finished, and it starts \
                     again on the same database. What it had in hand comes back when its lease ends, after half a minute."
                }
                form .row method="post" action="/act/time" {
                    (look.who())
                    @for (jump, label) in JUMPS {
                        button type="submit" id={ "jump-" (jump) } name="jump" value=(jump) { (label) }
                    }
                    button #jump-expiration type="submit" name="jump" value="expiration" disabled[!has_end] {
                        "Jump to the next expiration"
                    }
                }
            }
            details #faults open[broken > 0] {
                summary { "Break something" @if broken > 0 { " " span .state.bad { (broken) " broken" } } }
                ul .plain { @for switch in &SWITCHES { (fault(look, switch, memory.switches.contains(switch.name))) } }
                form .row method="post" action="/act/tokens" {
                    (look.who())
                    button #expire-tokens type="submit" { "Marketo: expire the token now" }
                }
            }
        }
    }
}

fn fault(look: &Look<'_>, switch: &Switch, is_on: bool) -> Markup {
    let id = format!("switch-{}", switch.name);
    html! {
        li {
            form .switch method="post" action="/act/switch" {
                (look.who())
                input type="hidden" name="name" value=(switch.name);
                button type="submit" role="switch" id=(id) name="on" value=(if is_on { "0" } else { "1" })
                    aria-checked=(if is_on { "true" } else { "false" }) aria-describedby={ (id) "-says" } {
                    (switch.label)
                }
                p .hint id={ (id) "-says" } { (switch.says) }
            }
        }
    }
}
