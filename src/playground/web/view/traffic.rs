//! The traffic, one line for each message in either direction. The body is loaded when somebody opens the line.

use maud::{Markup, html};

use super::ViewContext;
use crate::playground::web::traffic::{self, Entry, State};

/// The maximum number of entries that are shown.
const MAX_ENTRIES: usize = 80;

pub(super) fn traffic(context: &ViewContext<'_>) -> Markup {
    let all = traffic::all(context.active);
    html! {
        section #traffic aria-labelledby="traffic-title" {
            h2 #traffic-title { "Traffic" }
            p .hint { "Signed requests to the bot, and the bot's calls. Open an entry for its JSON; secrets are masked." }
            ol #traffic-lines tabindex="0" aria-label="Requests and calls, the newest first" {
                @for entry in all.iter().take(MAX_ENTRIES) { (row(entry)) }
            }
            @if all.len() > MAX_ENTRIES { p .hint { (all.len() - MAX_ENTRIES) " earlier entries are not shown." } }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let (class, state) = match &entry.state {
        State::Pending => ("open", "…"),
        State::Succeeded(text) => ("good", text.as_str()),
        State::Failed(text) => ("bad", text.as_str()),
    };
    html! {
        li id={ "t-" (entry.id) } {
            details data-src={ "/traffic/" (entry.id) } {
                summary {
                    time datetime=(entry.at.to_string()) data-format="{time_secs}" {
                        (entry.at.strftime("%H:%M:%S UTC").to_string())
                    }
                    " " span .way { (entry.direction) }
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
