//! The traffic, one line for each message in either direction. The body is loaded when somebody opens the line.

use maud::{Markup, html};

use super::Look;
use crate::playground::web::traffic::{self, Entry, State};

/// More lines are not shown.
const LINES: usize = 80;

pub(super) fn traffic(look: &Look<'_>) -> Markup {
    let all = traffic::all(look.scene);
    html! {
        section #traffic aria-labelledby="traffic-title" {
            h2 #traffic-title { "Traffic" }
            p .hint { "Signed requests to the bot, and its calls. Open a line for its JSON; secrets are masked." }
            ol #traffic-lines tabindex="0" aria-label="Requests and calls, the newest first" {
                @for entry in all.iter().take(LINES) { (line(entry)) }
            }
            @if all.len() > LINES { p .hint { (all.len() - LINES) " earlier ones are not shown." } }
        }
    }
}

fn line(entry: &Entry) -> Markup {
    let (class, state) = match &entry.state {
        State::Open => ("open", "…"),
        State::Good(text) => ("good", text.as_str()),
        State::Bad(text) => ("bad", text.as_str()),
    };
    html! {
        li id={ "t-" (entry.id) } {
            details data-src={ "/traffic/" (entry.id) } {
                summary {
                    time datetime=(entry.at.to_string()) data-format="{time_secs}" {
                        (entry.at.strftime("%H:%M:%S UTC").to_string())
                    }
                    " " span .way { (entry.way) }
                    " " span .call { (entry.name) }
                    " " span .state.(class) { (state) }
                    @if let Some(took) = entry.took {
                        " " span .took { (format!("{:.0} ms", took.as_secs_f64() * 1000.0)) }
                    }
                }
                pre tabindex="0" data-keep {}
            }
        }
    }
}
