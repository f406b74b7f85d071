//! Texts as a person reads them: mrkdwn without its marks and entities, and rich text. Ids become names.
//! Only what Slack itself would interpret is interpreted, so that escaped text stays what it says.

use serde_json::Value;

use super::Names;

/// A `plain_text` or `mrkdwn` object.
pub(super) fn object(text: &Value, names: &Names) -> String {
    let words = text["text"].as_str().unwrap_or_default();
    if text["type"] == "mrkdwn" { mrkdwn(words, names) } else { words.to_owned() }
}

/// A moment in UTC, to the minute.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// One character of mrkdwn; only raw ones can be marks.
#[derive(Clone, Copy)]
struct Glyph {
    shown: char,
    raw: bool,
}

/// Text in mrkdwn.
pub(super) fn mrkdwn(text: &str, names: &Names) -> String {
    let mut glyphs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        if let Some((entity, shown)) = entity.into_iter().find(|(entity, _)| rest.starts_with(entity)) {
            glyphs.push(Glyph { shown, raw: false });
            rest = &rest[entity.len()..];
        } else if first == '<'
            && let Some(end) = rest.find('>')
        {
            let shown = reference(&rest[1..end], names);
            glyphs.extend(shown.chars().map(|shown| Glyph { shown, raw: false }));
            rest = &rest[end + 1..];
        } else {
            glyphs.push(Glyph { shown: first, raw: true });
            rest = &rest[first.len_utf8()..];
        }
    }
    let kept = marks(&glyphs);
    glyphs.iter().zip(kept).filter(|(_, kept)| *kept).map(|(glyph, _)| glyph.shown).collect()
}

/// Which glyphs stay: all but the pairs of `*`, `_` and `~` that format what is between them.
fn marks(glyphs: &[Glyph]) -> Vec<bool> {
    let mut kept = vec![true; glyphs.len()];
    let mut code = false;
    let mut open: Vec<usize> = Vec::new();
    for (place, glyph) in glyphs.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| glyphs.get(place)).map(|glyph| glyph.shown);
        let after = glyphs.get(place + 1).map(|glyph| glyph.shown);
        match glyph.shown {
            '`' if glyph.raw => code = !code,
            '\n' => open.clear(),
            '*' | '_' | '~' if glyph.raw && !code => {
                let starts =
                    before.is_none_or(|c| !c.is_alphanumeric()) && after.is_some_and(|c| !c.is_whitespace());
                let ends =
                    after.is_none_or(|c| !c.is_alphanumeric()) && before.is_some_and(|c| !c.is_whitespace());
                let partner = open.iter().rposition(|&other| glyphs[other].shown == glyph.shown);
                match partner {
                    Some(partner) if ends && open[partner] + 1 < place => {
                        kept[open[partner]] = false;
                        kept[place] = false;
                        open.truncate(partner);
                    }
                    _ if starts => open.push(place),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    kept
}

/// What stands between `<` and `>`.
fn reference(inner: &str, names: &Names) -> String {
    let (target, label) = inner.split_once('|').map_or((inner, None), |(t, l)| (t, Some(l)));
    if let Some(id) = target.strip_prefix('@') {
        return format!("@{}", names.user(id));
    }
    if let Some(id) = target.strip_prefix('#') {
        return format!("#{}", names.channel(id));
    }
    if let Some(id) = target.strip_prefix("!subteam^") {
        return format!("@{}", names.group(id));
    }
    if target.starts_with("!date^") {
        return unescaped(label.unwrap_or_default());
    }
    if let Some(word) = target.strip_prefix('!') {
        return format!("@{word}");
    }
    let target = unescaped(target);
    match label.map(unescaped) {
        Some(label) if target.strip_prefix("mailto:").is_some_and(|mail| mail == label) => label,
        Some(label) if label != target => format!("{label} ({target})"),
        _ => target,
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A `rich_text` block.
pub(super) fn rich(block: &Value, names: &Names) -> String {
    let parts: Vec<String> = items(block).map(|part| rich_part(part, names)).collect();
    parts.join("\n")
}

fn rich_part(part: &Value, names: &Names) -> String {
    match part["type"].as_str().unwrap_or("nothing") {
        "rich_text_section" => inline(part, names).trim_end_matches('\n').to_owned(),
        "rich_text_list" => {
            let indent = usize::try_from(part["indent"].as_u64().unwrap_or(0)).unwrap_or(0).min(8);
            let first = part["offset"].as_u64().unwrap_or(0) + 1;
            let lines: Vec<String> = items(part)
                .zip(first..)
                .map(|(item, number)| {
                    let bullet =
                        if part["style"] == "ordered" { format!("{number}.") } else { "•".to_owned() };
                    format!("{}{bullet} {}", "  ".repeat(indent), inline(item, names))
                })
                .collect();
            lines.join("\n")
        }
        "rich_text_quote" => super::indented(&inline(part, names), "> "),
        "rich_text_preformatted" => super::indented(&inline(part, names), "  "),
        other => format!("[unsupported block: {other}]"),
    }
}

fn inline(part: &Value, names: &Names) -> String {
    items(part).map(|element| inline_element(element, names)).collect()
}

fn inline_element(element: &Value, names: &Names) -> String {
    let word = |name: &str| element[name].as_str().unwrap_or_default();
    match element["type"].as_str().unwrap_or("nothing") {
        "text" => word("text").to_owned(),
        "link" if word("text").is_empty() || word("text") == word("url") => word("url").to_owned(),
        "link" => format!("{} ({})", word("text"), word("url")),
        "user" => format!("@{}", names.user(word("user_id"))),
        "usergroup" => format!("@{}", names.group(word("usergroup_id"))),
        "channel" => format!("#{}", names.channel(word("channel_id"))),
        "emoji" => format!(":{}:", word("name")),
        "broadcast" => format!("@{}", word("range")),
        "color" => word("value").to_owned(),
        "date" if word("fallback").is_empty() => time(element["timestamp"].as_i64().unwrap_or_default()),
        "date" => word("fallback").to_owned(),
        other => format!("[unsupported element: {other}]"),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value["elements"].as_array().into_iter().flatten()
}
