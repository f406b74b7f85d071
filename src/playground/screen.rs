//! What people see on their screens, as text. This file only reads the simulated Slack.

use super::fixtures;
use crate::sim::{
    render::{self, Names},
    slack::{Setup, SimView, SlackSim},
};

/// Everything that people see, for all of them.
pub(super) fn everything(slack: &SlackSim) -> String {
    let setup = slack.setup();
    let mut parts: Vec<String> =
        setup.channels.iter().filter_map(|channel| conversation(slack, &channel.id)).collect();
    parts.extend(fixtures::people(&setup).filter_map(|user| private_view(slack, &user.id)));
    if parts.is_empty() { "Nothing to see yet.".to_owned() } else { parts.join("\n\n") }
}

/// A channel, unless it is empty.
fn conversation(slack: &SlackSim, id: &str) -> Option<String> {
    let text = slack.transcript(id);
    (!text.is_empty()).then(|| format!("{}:\n{text}", channel(&slack.setup(), id)))
}

/// What only one person sees: direct messages, ephemeral messages and the open modal.
fn private_view(slack: &SlackSim, id: &str) -> Option<String> {
    let (setup, names) = (slack.setup(), slack.names());
    let mut parts = Vec::new();
    let direct = slack.dm(id);
    if !direct.is_empty() {
        parts.push(format!("Direct message to {}:\n{}", names.user(id), render::transcript(&direct, &names)));
    }
    for ephemeral in slack.ephemerals_for(id) {
        let name = channel(&setup, &ephemeral.channel);
        parts.push(format!("{name}:\n{}", render::ephemeral(&ephemeral, &names)));
    }
    parts.extend(slack.open_view(id).map(|view| modal(&view, &names)));
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn modal(view: &SimView, names: &Names) -> String {
    format!("Modal of {}:\n{}", names.user(&view.user), render::view(view, names))
}

fn channel(setup: &Setup, id: &str) -> String {
    let channel = setup.channels.iter().find(|channel| channel.id == id);
    channel.map_or_else(|| "A direct conversation".to_owned(), |channel| format!("#{}", channel.name))
}
