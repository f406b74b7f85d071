//! The emoji that bots usually use, by name. Others are shown by their name, as Slack does with names that it does not
//! know.

use maud::{Markup, html};

const KNOWN: [(&str, &str); 40] = [
    ("+1", "👍"),
    ("-1", "👎"),
    ("alarm_clock", "⏰"),
    ("ballot_box_with_check", "☑️"),
    ("bell", "🔔"),
    ("boom", "💥"),
    ("bulb", "💡"),
    ("busts_in_silhouette", "👥"),
    ("calendar", "📆"),
    ("clock1", "🕐"),
    ("email", "📧"),
    ("eyes", "👀"),
    ("fire", "🔥"),
    ("gear", "⚙️"),
    ("hammer_and_wrench", "🛠️"),
    ("heavy_check_mark", "✔️"),
    ("hourglass", "⌛"),
    ("hourglass_flowing_sand", "⏳"),
    ("information_source", "ℹ️"),
    ("key", "🔑"),
    ("large_blue_circle", "🔵"),
    ("lock", "🔒"),
    ("mag", "🔍"),
    ("memo", "📝"),
    ("no_entry", "⛔"),
    ("no_entry_sign", "🚫"),
    ("pencil2", "✏️"),
    ("question", "❓"),
    ("robot_face", "🤖"),
    ("rocket", "🚀"),
    ("rotating_light", "🚨"),
    ("smile", "😄"),
    ("tada", "🎉"),
    ("thumbsup", "👍"),
    ("unlock", "🔓"),
    ("warning", "⚠️"),
    ("wave", "👋"),
    ("white_check_mark", "✅"),
    ("wrench", "🔧"),
    ("x", "❌"),
];

/// The emoji of that name.
pub(super) fn named(name: &str) -> Markup {
    match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((_, shown)) => html! { span role="img" aria-label=(name.replace('_', " ")) { (shown) } },
        None => html! { ":" (name) ":" },
    }
}
