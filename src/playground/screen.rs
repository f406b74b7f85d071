//! What people see on their screens, as text. This file only reads the simulated Slack.

use super::fixtures;
use crate::sim::{
    render::{self, Names},
    slack::{Setup, SimView, SlackSim},
};

/// Everything that everybody sees.
pub(super) fn everything(slack: &SlackSim) -> String {
    let setup = slack.setup();
    let mut parts: Vec<String> =
        setup.channels.iter().filter_map(|channel| conversation(slack, &channel.id)).collect();
    parts.extend(fixtures::people(&setup).filter_map(|user| of_person(slack, &user.id)));
    if parts.is_empty() { "Nothing to see yet.".to_owned() } else { parts.join("\n\n") }
}

/// A channel, if there is anything in it.
fn conversation(slack: &SlackSim, id: &str) -> Option<String> {
    let text = slack.transcript(id);
    (!text.is_empty()).then(|| format!("{}:\n{text}", channel(&slack.setup(), id)))
}

/// What only one person sees: direct messages, messages only visible to them, and the open form.
fn of_person(slack: &SlackSim, id: &str) -> Option<String> {
    let (setup, names) = (slack.setup(), slack.names());
    let mut parts = Vec::new();
    let direct = slack.dm(id);
    if !direct.is_empty() {
        parts.push(format!("Direct message to {}:\n{}", names.user(id), render::transcript(&direct, &names)));
    }
    for ephemeral in slack.ephemerals_for(id) {
        let place = channel(&setup, &ephemeral.channel);
        parts.push(format!("{place}:\n{}", render::ephemeral(&ephemeral, &names)));
    }
    parts.extend(slack.open_view(id).map(|view| form(&view, &names)));
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn form(view: &SimView, names: &Names) -> String {
    format!("In front of {}:\n{}", names.user(&view.user), render::view(view, names))
}

fn channel(setup: &Setup, id: &str) -> String {
    let found = setup.channels.iter().find(|channel| channel.id == id);
    found.map_or_else(|| "A direct conversation".to_owned(), |channel| format!("#{}", channel.name))
}
