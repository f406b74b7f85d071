//! What people have on their screens, as text, and what of it is new since the last look. It reads the simulated
//! Slack only and never acts in it.

use std::collections::BTreeMap;

use super::fixtures;
use crate::sim::{
    render::{self, Names},
    slack::{Setup, SimMessage, SimView, SlackSim},
};

/// What was seen at the last look.
#[derive(Debug, Default)]
pub(super) struct Screen {
    messages: BTreeMap<(String, String), SimMessage>,
    ephemerals: usize,
    views: BTreeMap<String, SimView>,
}

impl Screen {
    /// What is new or changed since the last look, each with a line that says where.
    pub(super) fn news(&mut self, slack: &SlackSim) -> Vec<String> {
        let (setup, names) = (slack.setup(), slack.names());
        let mut news = Vec::new();
        for (place, message) in places(slack, &setup) {
            let key = (message.channel.clone(), message.ts.clone());
            let what = match self.messages.get(&key) {
                Some(before) if *before == message => continue,
                Some(_) => "changed",
                None if message.thread_ts.is_some() => "new reply",
                None => "new",
            };
            news.push(format!("{place} ({what}):\n{}", render::message(&message, &names)));
            self.messages.insert(key, message);
        }
        let ephemerals = slack.ephemerals();
        for ephemeral in ephemerals.iter().skip(self.ephemerals) {
            let place = channel(&setup, &ephemeral.channel);
            news.push(format!("{place} (new):\n{}", render::ephemeral(ephemeral, &names)));
        }
        self.ephemerals = ephemerals.len();
        for user in fixtures::people(&setup) {
            let before = self.views.remove(&user.id);
            match (before, slack.open_view(&user.id)) {
                (None, None) => {}
                (Some(_), None) => news.push(format!("{} has no form open any more.", user.real_name)),
                (before, Some(view)) => {
                    if before.as_ref() != Some(&view) {
                        news.push(form(&view, &names));
                    }
                    self.views.insert(user.id.clone(), view);
                }
            }
        }
        news
    }
}

/// Everything that everybody sees.
pub(super) fn everything(slack: &SlackSim) -> String {
    let setup = slack.setup();
    let mut parts: Vec<String> =
        setup.channels.iter().filter_map(|channel| conversation(slack, &channel.id)).collect();
    parts.extend(fixtures::people(&setup).filter_map(|user| of_person(slack, &user.id)));
    if parts.is_empty() { "Nothing to see yet.".to_owned() } else { parts.join("\n\n") }
}

/// A channel, if there is anything in it.
pub(super) fn conversation(slack: &SlackSim, id: &str) -> Option<String> {
    let text = slack.transcript(id);
    (!text.is_empty()).then(|| format!("{}:\n{text}", channel(&slack.setup(), id)))
}

/// What only one person sees: direct messages, messages only visible to them, and the open form.
pub(super) fn of_person(slack: &SlackSim, id: &str) -> Option<String> {
    let (setup, names) = (slack.setup(), slack.names());
    let mut parts = Vec::new();
    let direct = slack.dm(id);
    if !direct.is_empty() {
        let title = direct_title(names.user(id));
        parts.push(format!("{title}:\n{}", render::transcript(&direct, &names)));
    }
    for ephemeral in slack.ephemerals_for(id) {
        let place = channel(&setup, &ephemeral.channel);
        parts.push(format!("{place}:\n{}", render::ephemeral(&ephemeral, &names)));
    }
    parts.extend(slack.open_view(id).map(|view| form(&view, &names)));
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// Every message with the name of its place.
fn places(slack: &SlackSim, setup: &Setup) -> Vec<(String, SimMessage)> {
    let mut places = Vec::new();
    for one in &setup.channels {
        let messages = slack.channel(&one.id).into_iter();
        places.extend(messages.map(|message| (format!("#{}", one.name), message)));
    }
    for user in fixtures::people(setup) {
        let title = direct_title(&user.real_name);
        places.extend(slack.dm(&user.id).into_iter().map(|message| (title.clone(), message)));
    }
    places
}

fn direct_title(name: &str) -> String {
    format!("Direct message to {name}")
}

fn form(view: &SimView, names: &Names) -> String {
    format!("In front of {}:\n{}", names.user(&view.user), render::view(view, names))
}

fn channel(setup: &Setup, id: &str) -> String {
    let found = setup.channels.iter().find(|channel| channel.id == id);
    found.map_or_else(|| "A direct conversation".to_owned(), |channel| format!("#{}", channel.name))
}
