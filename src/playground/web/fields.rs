//! The form fields of a request to the page, and the viewer and place that they name. This file performs no action.

use url::form_urlencoded;

use crate::{
    playground::fixtures,
    sim::slack::{Setup, SimUser, state::direct_id},
};

/// The fields of a query or a form, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn of(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value with this name, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A person and what they look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Viewer {
    pub(super) user: String,
    pub(super) channel: String,
    pub(super) thread: Option<String>,
}

impl Viewer {
    /// The viewer of a request. An unknown person or conversation is replaced by the first one.
    pub(super) fn of(fields: &Fields, setup: &Setup) -> Self {
        let named = fields.get("as").and_then(|id| fixtures::people(setup).find(|user| user.id == id));
        let Some(user) = named.or_else(|| fixtures::people(setup).next()) else {
            return Self { user: String::new(), channel: String::new(), thread: None };
        };
        let conversations = conversations(setup, user);
        let is_visible = |id: &&str| conversations.iter().any(|conversation| conversation.id == **id);
        let first = || conversations.first().map_or("", |conversation| conversation.id.as_str());
        let channel = fields.get("in").filter(is_visible).unwrap_or_else(first).to_owned();
        Self { user: user.id.clone(), channel, thread: fields.get("thread").map(str::to_owned) }
    }

    /// The URL of this view.
    pub(super) fn link(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("as", &self.user).append_pair("in", &self.channel);
        if let Some(thread) = &self.thread {
            query.append_pair("thread", thread);
        }
        format!("/?{}", query.finish())
    }

    pub(super) fn at(&self, channel: &str) -> Self {
        Self { user: self.user.clone(), channel: channel.to_owned(), thread: None }
    }

    pub(super) fn in_thread(&self, thread: Option<&str>) -> Self {
        Self { thread: thread.map(str::to_owned), ..self.clone() }
    }
}

/// A conversation in a person's sidebar.
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_direct: bool,
    pub(super) is_private: bool,
}

/// The conversations of a person; the direct one with the bot is last.
pub(super) fn conversations(setup: &Setup, user: &SimUser) -> Vec<Conversation> {
    let channels = setup.channels.iter().filter(|channel| channel.members.contains(&user.id));
    let channels = channels.map(|channel| Conversation {
        id: channel.id.clone(),
        name: channel.name.clone(),
        is_direct: false,
        is_private: channel.is_private,
    });
    let bot = setup.users.iter().find(|user| user.is_bot).map_or("Bot", |bot| bot.real_name.as_str());
    let direct =
        Conversation { id: direct_id(&user.id), name: bot.to_owned(), is_direct: true, is_private: true };
    channels.chain([direct]).collect()
}
