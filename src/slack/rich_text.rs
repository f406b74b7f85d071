//! The bot's own text with people, channels and times in it, written once and shown twice: as rich text in a block and
//! as the one-line text of a notification. This module does not know what the text says.

mod inline;

use slack_morphism::blocks::{
    SlackBlock, SlackRichTextBlock, SlackRichTextElement, SlackRichTextList, SlackRichTextListStyle,
    SlackRichTextQuote,
};

pub(super) use inline::InlineText;

use super::text;

/// The longest single text in a notification, in characters.
const SHORT_MAX: usize = 300;
/// The longest notification, in bytes. Slack advises 4000 characters for `chat.postMessage` and refuses more in
/// `chat.update`.
const NOTIFICATION_MAX: usize = 3000;

#[derive(Clone, Debug)]
enum Paragraph {
    Line(InlineText),
    Quote(String),
    Numbered(Vec<InlineText>),
    Bullets(Vec<InlineText>),
}

/// Lines, quotes and lists, one below the other.
#[derive(Clone, Debug, Default)]
pub(super) struct RichText(Vec<Paragraph>);

impl RichText {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn line(self, line: InlineText) -> Self {
        self.with(Paragraph::Line(line))
    }

    /// A person's own words.
    pub(super) fn quote(self, text: &str) -> Self {
        self.with(Paragraph::Quote(text.to_owned()))
    }

    /// A numbered list.
    pub(super) fn numbered(self, items: impl IntoIterator<Item = InlineText>) -> Self {
        self.with(Paragraph::Numbered(items.into_iter().collect()))
    }

    /// A bulleted list.
    pub(super) fn bullets(self, items: impl IntoIterator<Item = InlineText>) -> Self {
        self.with(Paragraph::Bullets(items.into_iter().collect()))
    }

    /// Appends `other`.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn with(mut self, paragraph: Paragraph) -> Self {
        self.0.push(paragraph);
        self
    }

    /// The text as one block. Consecutive lines are one section with line breaks in it, as Slack's own editor writes
    /// them.
    pub(super) fn block(&self) -> SlackBlock {
        let groups =
            self.0.chunk_by(|one, next| matches!((one, next), (Paragraph::Line(_), Paragraph::Line(_))));
        SlackRichTextBlock::new(groups.flat_map(elements).collect()).into()
    }

    /// The text as one line of escaped `mrkdwn`, for a notification.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in self.0.iter().flat_map(Paragraph::mrkdwn) {
            // Whole parts only: a cut within `<@U1>` would show its insides.
            if text.len() + part.len() < NOTIFICATION_MAX {
                text.push_str(if text.is_empty() { "" } else { " " });
                text.push_str(&part);
            }
        }
        text
    }
}

/// Consecutive lines as one element, any other paragraph as its own.
fn elements(group: &[Paragraph]) -> Vec<SlackRichTextElement> {
    let mut lines = InlineText::new();
    let mut elements = Vec::new();
    for (index, paragraph) in group.iter().enumerate() {
        match paragraph {
            Paragraph::Line(line) => lines = if index == 0 { lines } else { lines.text("\n") }.join(line),
            Paragraph::Quote(text) => {
                elements.push(SlackRichTextQuote::new(InlineText::of(text).elements()).into());
            }
            Paragraph::Numbered(items) => elements.push(list(SlackRichTextListStyle::Ordered, items)),
            Paragraph::Bullets(items) => elements.push(list(SlackRichTextListStyle::Bullet, items)),
        }
    }
    if !lines.is_empty() {
        elements.insert(0, lines.section().into());
    }
    elements
}

fn list(style: SlackRichTextListStyle, items: &[InlineText]) -> SlackRichTextElement {
    SlackRichTextList::new(style, items.iter().map(|item| item.section().into()).collect()).into()
}

impl Paragraph {
    fn mrkdwn(&self) -> Vec<String> {
        match self {
            Self::Line(line) => vec![line.mrkdwn()],
            Self::Quote(text) => vec![text::mrkdwn(text, SHORT_MAX)],
            Self::Numbered(items) | Self::Bullets(items) => items.iter().map(InlineText::mrkdwn).collect(),
        }
    }
}
