//! A text of ours with people, groups and moments in it, written once and shown twice: as rich text in a block and
//! as the one-line text of a notification. What comes from people goes in as text, so that it is never interpreted.
//! What the lines say is not known here.

use jiff::{Timestamp, tz::TimeZone};
use slack_morphism::{
    SlackChannelId, SlackDateTime, SlackRelaxedUrl, SlackUserGroupId, SlackUserId,
    blocks::{
        SlackBlock, SlackBlockMarkDownText, SlackContextBlock, SlackRichTextBlock, SlackRichTextChannel,
        SlackRichTextDate, SlackRichTextElement, SlackRichTextInlineElement, SlackRichTextLink,
        SlackRichTextList, SlackRichTextListStyle, SlackRichTextQuote, SlackRichTextSection,
        SlackRichTextText, SlackRichTextUser, SlackRichTextUserGroup,
    },
};
use url::Url;

use super::text;
use crate::domain::{
    expiration::Expiration,
    people::{ChannelId, Principal, UserId},
};

/// The longest single text; a reason has at most 1000 characters.
const TEXT_MAX: usize = 1000;
/// The longest single text within a line that is also a notification.
const SHORT_MAX: usize = 300;
/// The longest top-level text; Slack advises 4000 for `chat.postMessage` and refuses more in `chat.update`.
const LINE_MAX: usize = 3000;
/// How many people and groups are named before the rest is only counted.
const NAMED_MAX: usize = 10;

#[derive(Clone, Debug)]
enum Inline {
    Text(String),
    Bold(String),
    Code(String),
    Who(Principal),
    Channel(ChannelId),
    Link { url: Url, text: &'static str },
    When { at: Timestamp, fallback: String },
}

/// Pieces that stand on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct InlineText(Vec<Inline>);

impl InlineText {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A line of one plain text.
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self::new().text(text)
    }

    pub(super) fn text(self, text: impl Into<String>) -> Self {
        self.with(Inline::Text(text.into()))
    }

    pub(super) fn bold(self, text: impl Into<String>) -> Self {
        self.with(Inline::Bold(text.into()))
    }

    pub(super) fn code(self, text: impl Into<String>) -> Self {
        self.with(Inline::Code(text.into()))
    }

    pub(super) fn person(self, user: &UserId) -> Self {
        self.with(Inline::Who(Principal::User(user.clone())))
    }

    /// `#channel`.
    pub(super) fn channel(self, channel: &ChannelId) -> Self {
        self.with(Inline::Channel(channel.clone()))
    }

    /// A text of ours that opens `url`. A notification, in which nothing can be opened, shows the text alone.
    pub(super) fn link(self, url: &Url, text: &'static str) -> Self {
        self.with(Inline::Link { url: url.clone(), text })
    }

    /// `@a, @b or @c`.
    pub(super) fn any_of(mut self, principals: &[Principal]) -> Self {
        let named = &principals[..principals.len().min(NAMED_MAX)];
        let more = principals.len() - named.len();
        for (at, principal) in named.iter().enumerate() {
            self = match named.len() - at {
                _ if at == 0 => self,
                1 if more == 0 => self.text(" or "),
                _ => self.text(", "),
            };
            self = self.with(Inline::Who(principal.clone()));
        }
        if more > 0 { self.text(format!(" or {more} more")) } else { self }
    }

    /// `@a, @b and @c`.
    pub(super) fn all_of(mut self, people: &[UserId]) -> Self {
        for (at, user) in people.iter().enumerate() {
            self = match people.len() - at {
                _ if at == 0 => self,
                1 => self.text(" and "),
                _ => self.text(", "),
            };
            self = self.person(user);
        }
        self
    }

    /// A moment, shown in the reader's zone.
    pub(super) fn moment(self, at: Timestamp) -> Self {
        let fallback = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string();
        self.with(Inline::When { at, fallback })
    }

    /// The last day of access, and its end in the reader's zone.
    pub(super) fn expiration(self, expiration: Option<&Expiration>) -> Self {
        let Some(expiration) = expiration else { return self.text("never expires") };
        let zoned = expiration.zoned();
        let fallback = format!("{} {}", zoned.strftime("%Y-%m-%d %H:%M"), expiration.zone().name());
        self.text(format!("{} (until ", expiration.date()))
            .with(Inline::When { at: expiration.at(), fallback })
            .text(")")
    }

    /// This line and then the other.
    pub(super) fn join(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    fn with(mut self, piece: Inline) -> Self {
        self.0.push(piece);
        self
    }

    fn section(&self) -> SlackRichTextSection {
        SlackRichTextSection::new(self.0.iter().flat_map(Inline::rich).collect())
    }

    /// The line as `mrkdwn`.
    pub(super) fn mrkdwn(&self) -> String {
        self.0.iter().map(Inline::mrkdwn).collect()
    }

    /// The line as a small grey block.
    pub(super) fn context(&self) -> SlackBlock {
        let text = SlackBlockMarkDownText::new(self.mrkdwn()).with_verbatim(true);
        SlackContextBlock::new(vec![text.into()]).into()
    }
}

/// The names of rich-text elements are those of "Rich text block" in Slack's Block Kit reference.
impl Inline {
    fn rich(&self) -> Vec<SlackRichTextInlineElement> {
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
            Self::Who(Principal::User(user)) => {
                vec![SlackRichTextUser::new(SlackUserId(user.0.clone())).into()]
            }
            Self::Who(Principal::Group(group)) => {
                vec![SlackRichTextUserGroup::new(SlackUserGroupId(group.0.clone())).into()]
            }
            Self::Who(Principal::Channel(channel)) => vec![
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
            Self::When { at, fallback } => {
                let date = SlackRichTextDate::new(SlackDateTime(*at), "{date_short}, {time}".to_owned());
                vec![date.with_fallback(fallback.clone()).into()]
            }
        }
    }

    fn mrkdwn(&self) -> String {
        match self {
            Self::Text(text) | Self::Bold(text) | Self::Code(text) => text::mrkdwn(text, SHORT_MAX),
            Self::Who(Principal::User(user)) => format!("<@{}>", id(&user.0)),
            Self::Who(Principal::Group(group)) => format!("<!subteam^{}>", id(&group.0)),
            Self::Who(Principal::Channel(channel)) => format!("a member of <#{}>", id(&channel.0)),
            Self::Channel(channel) => format!("<#{}>", id(&channel.0)),
            Self::Link { text, .. } => text::mrkdwn(text, SHORT_MAX),
            Self::When { at, fallback } => {
                format!("<!date^{}^{{date_short}}, {{time}}|{}>", at.as_second(), text::mrkdwn(fallback, 80))
            }
        }
    }
}

/// An id within `<…>` holds letters and digits only, whatever it came from.
fn id(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[derive(Clone, Debug)]
enum Paragraph {
    Line(InlineText),
    Quote(String),
    Steps(Vec<InlineText>),
    Items(Vec<InlineText>),
}

/// Lines, quotes and steps below each other.
#[derive(Clone, Debug, Default)]
pub(super) struct RichText(Vec<Paragraph>);

impl RichText {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn line(mut self, line: InlineText) -> Self {
        self.0.push(Paragraph::Line(line));
        self
    }

    /// Somebody's own words.
    pub(super) fn quote(mut self, words: &str) -> Self {
        self.0.push(Paragraph::Quote(words.to_owned()));
        self
    }

    /// A numbered list.
    pub(super) fn steps(mut self, steps: impl IntoIterator<Item = InlineText>) -> Self {
        self.0.push(Paragraph::Steps(steps.into_iter().collect()));
        self
    }

    /// A list of what stands beside each other.
    pub(super) fn items(mut self, items: impl IntoIterator<Item = InlineText>) -> Self {
        self.0.push(Paragraph::Items(items.into_iter().collect()));
        self
    }

    /// The paragraphs as one block. Lines below each other are one section with line breaks in it, as Slack's own
    /// editor writes them.
    pub(super) fn block(&self) -> SlackBlock {
        let groups =
            self.0.chunk_by(|one, next| matches!((one, next), (Paragraph::Line(_), Paragraph::Line(_))));
        SlackRichTextBlock::new(groups.flat_map(rich).collect()).into()
    }

    /// The paragraphs as one line of top-level text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in self.0.iter().flat_map(Paragraph::mrkdwn) {
            // Whole parts only: a cut within `<@U1>` would show its insides.
            if text.len() + part.len() < LINE_MAX {
                text.push_str(if text.is_empty() { "" } else { " " });
                text.push_str(&part);
            }
        }
        text
    }
}

/// A group of lines as one element, or anything else as it is.
fn rich(group: &[Paragraph]) -> Vec<SlackRichTextElement> {
    let mut lines = InlineText::new();
    let mut elements = Vec::new();
    for (at, paragraph) in group.iter().enumerate() {
        match paragraph {
            Paragraph::Line(line) => lines = if at == 0 { lines } else { lines.text("\n") }.join(line),
            Paragraph::Quote(words) => {
                elements.push(SlackRichTextQuote::new(Inline::Text(words.clone()).rich()).into());
            }
            Paragraph::Steps(steps) => elements.push(list(SlackRichTextListStyle::Ordered, steps)),
            Paragraph::Items(items) => elements.push(list(SlackRichTextListStyle::Bullet, items)),
        }
    }
    if !lines.0.is_empty() {
        elements.insert(0, lines.section().into());
    }
    elements
}

fn list(style: SlackRichTextListStyle, lines: &[InlineText]) -> SlackRichTextElement {
    SlackRichTextList::new(style, lines.iter().map(|line| line.section().into()).collect()).into()
}

impl Paragraph {
    fn mrkdwn(&self) -> Vec<String> {
        match self {
            Self::Line(line) => vec![line.mrkdwn()],
            Self::Quote(words) => vec![text::mrkdwn(words, SHORT_MAX)],
            Self::Steps(lines) | Self::Items(lines) => lines.iter().map(InlineText::mrkdwn).collect(),
        }
    }
}
