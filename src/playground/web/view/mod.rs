//! The views: the page and its parts, each an element with an id that can be sent again on its own. Views only read; the
//! templates escape all text from people and from the bot.

mod blocks;
mod controls;
mod elements;
mod emoji;
mod marketo;
mod modal;
mod slack;
mod text;
mod top;
mod traffic;

use maud::{DOCTYPE, Markup, html};

use super::{fields::Viewer, session::ActivePlayground};
use crate::{
    playground::screen,
    sim::{render::Names, slack::Setup},
};

/// The data that every view renders.
struct ViewContext<'a> {
    active: &'a ActivePlayground,
    setup: Setup,
    names: Names,
    viewer: &'a Viewer,
}

impl ViewContext<'_> {
    /// The hidden fields that identify the person and what they look at.
    fn viewer_fields(&self) -> Markup {
        html! {
            input type="hidden" name="as" value=(self.viewer.user);
            input type="hidden" name="in" value=(self.viewer.channel);
            @if let Some(thread) = &self.viewer.thread {
                input type="hidden" name="thread" value=(thread);
            }
        }
    }
}

/// The parts of the page by their ids.
pub(super) fn parts(active: &ActivePlayground, viewer: &Viewer) -> Vec<(&'static str, Markup)> {
    let setup = active.slack.setup();
    let names = Names::of(&setup);
    let context = ViewContext { active, setup, names, viewer };
    vec![
        ("top", top::top(&context)),
        ("sidebar", slack::sidebar(&context)),
        ("conversation", slack::conversation(&context)),
        ("thread", slack::thread(&context)),
        ("modal", modal::modal(&context)),
        ("controls", controls::controls(&context)),
        ("marketo", marketo::marketo(&context)),
        ("traffic", traffic::traffic(&context)),
    ]
}

/// The whole page.
pub(super) fn page(active: &ActivePlayground, viewer: &Viewer) -> Markup {
    let mut parts = parts(active, viewer).into_iter().map(|(_, part)| part);
    let mut next = || parts.next().unwrap_or_default();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Playground · marketo-api-user" }
                link rel="stylesheet" href="/assets/page.css";
                link rel="stylesheet" href="/assets/slack.css";
                script src="/assets/theme.js" {}
                script type="module" src="/assets/page.js" {}
            }
            body {
                a .skip href="#log" { "Skip to the conversation" }
                (next())
                main {
                    section #slack aria-label="Slack" {
                        (next())
                        (next())
                        (next())
                        (next())
                    }
                    div .tools {
                        (next())
                        (next())
                        (next())
                    }
                }
            }
        }
    }
}

/// Everything that people see, as text.
pub(super) fn transcript(active: &ActivePlayground) -> String {
    screen::everything(&active.slack)
}

/// An id from any text: letters, digits and hyphens.
fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
