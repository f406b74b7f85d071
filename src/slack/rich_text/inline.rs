//! Text on one line, with people, channels and times in it. What comes from people goes in as text, so that Slack never
//! interprets it.

use jiff::{Timestamp, tz::TimeZone};
use slack_morphism::{
    SlackChannelId, SlackDateTime, SlackRelaxedUrl, SlackUserGroupId, SlackUserId,
    blocks::{
        SlackBlock, SlackBlockMarkDownText, SlackContextBlock, SlackRichTextChannel, SlackRichTextDate,
        SlackRichTextInlineElement, SlackRichTextLink, SlackRichTextSection, SlackRichTextText,
        SlackRichTextUser, SlackRichTextUserGroup,
    },
};
use url::Url;

use super::SHORT_MAX;
use crate::{
    domain::{
        expiration::Expiration,
        people::{ChannelId, Principal, UserId},
    },
    slack::text,
};

/// The longest single text in a block, in characters; a reason has at most 1000.
const TEXT_MAX: usize = 1000;
/// How many people and groups are named before the rest is counted.
const NAMED_MAX: usize = 10;

#[derive(Clone, Debug)]
pub(super) enum Inline {
    Text(String),
    Bold(String),
    Code(String),
    Mention(Principal),
    Channel(ChannelId),
    Link { url: Url, text: &'static str },
    Time { at: Timestamp, fallback: String },
}

/// Text on one line.
#[derive(Clone, Debug, Default)]
pub(in crate::slack) struct InlineText(Vec<Inline>);

impl InlineText {
    pub(in crate::slack) fn new() -> Self {
        Self::default()
    }

    /// Starts with plain text.
    pub(in crate::slack) fn of(text: impl Into<String>) -> Self {
        Self::new().text(text)
    }

    pub(in crate::slack) fn text(self, text: impl Into<String>) -> Self {
        self.with(Inline::Text(text.into()))
    }

    pub(in crate::slack) fn bold(self, text: impl Into<String>) -> Self {
        self.with(Inline::Bold(text.into()))
    }

    pub(in crate::slack) fn code(self, text: impl Into<String>) -> Self {
        self.with(Inline::Code(text.into()))
    }

    pub(in crate::slack) fn person(self, user: &UserId) -> Self {
        self.with(Inline::Mention(Principal::User(user.clone())))
    }

    /// A link to the channel.
    pub(in crate::slack) fn channel(self, channel: &ChannelId) -> Self {
        self.with(Inline::Channel(channel.clone()))
    }

    /// A fixed text that opens `url`. A notification, which has no links, shows the text alone.
    pub(in crate::slack) fn link(self, url: &Url, text: &'static str) -> Self {
        self.with(Inline::Link { url: url.clone(), text })
    }

    /// `@a, @b or @c`.
    pub(in crate::slack) fn any_of(mut self, principals: &[Principal]) -> Self {
        let named = &principals[..principals.len().min(NAMED_MAX)];
        let more = principals.len() - named.len();
        for (index, principal) in named.iter().enumerate() {
            self = match named.len() - index {
                _ if index == 0 => self,
                1 if more == 0 => self.text(" or "),
                _ => self.text(", "),
            };
            self = self.with(Inline::Mention(principal.clone()));
        }
        if more > 0 { self.text(format!(" or {more} more")) } else { self }
    }

    /// `@a, @b and @c`.
    pub(in crate::slack) fn all_of(mut self, people: &[UserId]) -> Self {
        for (index, user) in people.iter().enumerate() {
            self = match people.len() - index {
                _ if index == 0 => self,
                1 => self.text(" and "),
                _ => self.text(", "),
            };
            self = self.person(user);
        }
        self
    }

    /// A time, shown in the reader's zone.
    pub(in crate::slack) fn moment(self, at: Timestamp) -> Self {
        let fallback = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string();
        self.with(Inline::Time { at, fallback })
    }

    /// The last day of access, and its end in the reader's zone.
    pub(in crate::slack) fn expiration(self, expiration: Option<&Expiration>) -> Self {
        let Some(expiration) = expiration else { return self.text("never expires") };
        let zoned = expiration.zoned();
        let fallback = format!("{} {}", zoned.strftime("%Y-%m-%d %H:%M"), expiration.zone().name());
        self.text(format!("{} (until ", expiration.date()))
            .with(Inline::Time { at: expiration.at(), fallback })
            .text(")")
    }

    /// Appends `other`.
    pub(in crate::slack) fn join(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    fn with(mut self, inline: Inline) -> Self {
        self.0.push(inline);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn section(&self) -> SlackRichTextSection {
        SlackRichTextSection::new(self.elements())
    }

    pub(super) fn elements(&self) -> Vec<SlackRichTextInlineElement> {
        self.0.iter().flat_map(Inline::elements).collect()
    }

    /// The line as `mrkdwn`, escaped.
    pub(in crate::slack) fn mrkdwn(&self) -> String {
        self.0.iter().map(Inline::mrkdwn).collect()
    }

    /// The line as a context block, in small gray letters.
    pub(in crate::slack) fn context(&self) -> SlackBlock {
        let text = SlackBlockMarkDownText::new(self.mrkdwn()).with_verbatim(true);
        SlackContextBlock::new(vec![text.into()]).into()
    }
}

/// See "Rich text block" in Slack's Block Kit reference.
impl Inline {
    fn elements(&self) -> Vec<SlackRichTextInlineElement> {
        let text = |text: &str| SlackRichTextText::new(text::literal(text, TEXT_MAX));
        match self {
            // Slack refuses an empty text element.
            Self::Text(empty) | Self::Bold(empty) | Self::Code(empty)
                if text::literal(empty, TEXT_MAX).is_empty() =>
            {
                Vec::new()
            }
            Self::Text(plain) => vec![text(plain).into()],
            Self::Bold(bold) => vec![text(bold).bold().into()],
            Self::Code(code) => vec![text(code).code().into()],
            Self::Mention(Principal::User(user)) => {
                vec![SlackRichTextUser::new(SlackUserId(user.0.clone())).into()]
            }
            Self::Mention(Principal::Group(group)) => {
                vec![SlackRichTextUserGroup::new(SlackUserGroupId(group.0.clone())).into()]
            }
            Self::Mention(Principal::Channel(channel)) => vec![
                text("a member of ").into(),
                SlackRichTextChannel::new(SlackChannelId(channel.0.clone())).into(),
            ],
            Self::Channel(channel) => {
                vec![SlackRichTextChannel::new(SlackChannelId(channel.0.clone())).into()]
            }
            Self::Link { url, text } => {
                let link = SlackRichTextLink::new(SlackRelaxedUrl(url.to_string()));
                vec![link.with_text((*text).to_owned()).into()]
            }
            Self::Time { at, fallback } => {
                let date = SlackRichTextDate::new(SlackDateTime(*at), "{date_short}, {time}".to_owned());
                vec![date.with_fallback(fallback.clone()).into()]
            }
        }
    }

    fn mrkdwn(&self) -> String {
        match self {
            Self::Text(text) | Self::Bold(text) | Self::Code(text) => text::mrkdwn(text, SHORT_MAX),
            Self::Mention(Principal::User(user)) => format!("<@{}>", id(&user.0)),
            Self::Mention(Principal::Group(group)) => format!("<!subteam^{}>", id(&group.0)),
            Self::Mention(Principal::Channel(channel)) => format!("a member of <#{}>", id(&channel.0)),
            Self::Channel(channel) => format!("<#{}>", id(&channel.0)),
            Self::Link { text, .. } => text::mrkdwn(text, SHORT_MAX),
            Self::Time { at, fallback } => {
                format!("<!date^{}^{{date_short}}, {{time}}|{}>", at.as_second(), text::mrkdwn(fallback, 80))
            }
        }
    }
}

/// An id within `<…>` has letters and digits only, wherever it came from.
fn id(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}
