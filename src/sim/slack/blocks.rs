//! Checks views and messages against Block Kit's rules and says what is wrong in Slack's manner, one
//! `[ERROR] … [json-pointer:…]` line for each fault. On the way it names blocks and elements that came
//! without an id, as Slack does. It knows nothing of channels, people or the calls that carried the blocks.

mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use self::tables::{Field, Place, Rule};
use super::inputs;

/// Where the blocks are to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    Message,
    Modal,
}

/// Checks the blocks of a message and gives those without an id one.
///
/// # Errors
/// The faults, one line each.
pub(crate) fn check_message(blocks: &mut Value) -> Result<(), Vec<String>> {
    let mut checker = Checker::new(Surface::Message);
    checker.value("/blocks", blocks, Rule::Blocks(0, 50));
    checker.verdict()
}

/// Checks a modal view and gives its blocks without an id one.
///
/// # Errors
/// The faults, one line each.
pub(crate) fn check_view(view: &mut Value) -> Result<(), Vec<String>> {
    let mut checker = Checker::new(Surface::Modal);
    match view["type"].as_str() {
        Some("modal") => checker.object("/view", view, tables::VIEW, &["type"]),
        _ => checker.fault("/view/type", "must be a valid view type"),
    }
    let inputs = view["blocks"].as_array().is_some_and(|all| all.iter().any(|b| b["type"] == "input"));
    if inputs && view.get("submit").is_none_or(Value::is_null) {
        checker.fault("/view", "missing required field: submit");
    }
    checker.verdict()
}

struct Checker {
    surface: Surface,
    faults: Vec<String>,
    block_ids: BTreeSet<String>,
    action_ids: BTreeSet<String>,
    focused: usize,
    named: usize,
}

impl Checker {
    fn new(surface: Surface) -> Self {
        let (block_ids, action_ids) = (BTreeSet::new(), BTreeSet::new());
        Self { surface, faults: Vec::new(), block_ids, action_ids, focused: 0, named: 0 }
    }

    fn verdict(mut self) -> Result<(), Vec<String>> {
        if self.focused > 1 {
            self.fault("/view/blocks", "only one element can have focus_on_load");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    fn fault(&mut self, path: &str, what: &str) {
        self.faults.push(format!("[ERROR] {what} [json-pointer:{path}]"));
    }

    /// Checks an object's fields; fields in neither table nor `others` are refused.
    fn object(&mut self, path: &str, value: &mut Value, fields: &[Field], others: &[&str]) {
        let Some(map) = value.as_object_mut() else {
            return self.fault(path, "must be an object");
        };
        let names: Vec<String> = map.keys().cloned().collect();
        for name in names {
            if others.contains(&name.as_str()) {
                continue;
            }
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                self.fault(path, &format!("invalid additional property: {name}"));
                continue;
            };
            if let Some(inner) = map.get_mut(&name) {
                if inner.is_null() && !field.required {
                    continue;
                }
                self.value(&format!("{path}/{name}"), inner, field.rule);
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !map.contains_key(field.name) {
                self.fault(path, &format!("missing required field: {}", field.name));
            }
        }
    }

    fn value(&mut self, path: &str, value: &mut Value, rule: Rule) {
        match rule {
            Rule::Any => {}
            Rule::Bool | Rule::Int(..) | Rule::Number | Rule::Date | Rule::Time | Rule::One(_) => {
                if let Err(what) = scalar(value, rule) {
                    self.fault(path, &what);
                }
            }
            Rule::Str(least, most) => self.string(path, value, least, most),
            Rule::Plain(most) => self.text(path, value, most, true),
            Rule::Text(most) => self.text(path, value, most, false),
            Rule::Texts(count, most) => {
                self.list(path, value, 1, count, |me, at, item| me.text(at, item, most, false));
            }
            Rule::Options(most) => self.list(path, value, 1, most, |me, at, item| {
                me.object(at, item, tables::OPTION, &[]);
            }),
            Rule::RichOptions(most) => self.list(path, value, 1, most, |me, at, item| {
                me.object(at, item, tables::RICH_OPTION, &[]);
            }),
            Rule::Option => self.object(path, value, tables::RICH_OPTION, &["url"]),
            Rule::ChosenOptions => self.list(path, value, 1, 100, |me, at, item| {
                me.object(at, item, tables::RICH_OPTION, &["url"]);
            }),
            Rule::Groups => self.list(path, value, 1, 100, |me, at, item| {
                me.object(at, item, tables::GROUP, &[]);
            }),
            Rule::Ids => self.list(path, value, 1, 100, |me, at, item| me.string(at, item, 1, 255)),
            Rule::Confirm => self.object(path, value, tables::CONFIRM_DIALOG, &[]),
            Rule::Element(place) => self.element(path, value, place),
            Rule::Elements(place, most) => {
                self.list(path, value, 1, most, |me, at, item| me.element(at, item, place));
            }
            Rule::Blocks(least, most) => self.list(path, value, least, most, Self::block),
            Rule::RichParts => self.list(path, value, 1, 1000, |me, at, item| {
                me.tagged(at, item, tables::rich_part);
            }),
            Rule::RichSections => self.list(path, value, 1, 1000, |me, at, item| {
                me.tagged(at, item, |kind| tables::rich_part(kind).filter(|_| kind == "rich_text_section"));
            }),
            Rule::RichInline => self.list(path, value, 0, 1000, |me, at, item| {
                me.tagged(at, item, tables::rich_inline);
            }),
        }
    }

    fn list(
        &mut self,
        path: &str,
        value: &mut Value,
        least: usize,
        most: usize,
        check: impl Fn(&mut Self, &str, &mut Value),
    ) {
        let Some(items) = value.as_array_mut() else {
            return self.fault(path, "must be an array");
        };
        if items.len() < least {
            self.fault(path, &format!("no less than {least} items allowed"));
        }
        if items.len() > most {
            self.fault(path, &format!("no more than {most} items allowed"));
        }
        for (index, item) in items.iter_mut().enumerate() {
            check(self, &format!("{path}/{index}"), item);
        }
    }

    fn string(&mut self, path: &str, value: &Value, least: usize, most: usize) {
        let Some(text) = value.as_str() else {
            return self.fault(path, "must be a string");
        };
        let length = text.chars().count();
        if length < least {
            self.fault(path, &format!("must be more than {} characters", least.saturating_sub(1)));
        }
        if length > most {
            self.fault(path, &format!("must be less than {} characters", most + 1));
        }
    }

    fn text(&mut self, path: &str, value: &mut Value, most: usize, plain: bool) {
        let others: &[&str] = match value["type"].as_str() {
            Some("plain_text") => &["type", "text", "emoji"],
            Some("mrkdwn") if !plain => &["type", "text", "verbatim"],
            Some(kind) => return self.fault(path, &format!("unsupported type: {kind}")),
            None if value.is_object() => return self.fault(path, "missing required field: type"),
            None => return self.fault(path, "must be an object"),
        };
        self.string(&format!("{path}/text"), &value["text"], 1, most);
        self.object(path, value, &[], others);
    }

    fn tagged(&mut self, path: &str, value: &mut Value, table: impl Fn(&str) -> Option<&'static [Field]>) {
        let kind = value["type"].as_str().unwrap_or_default();
        match table(kind) {
            Some(fields) => self.object(path, value, fields, &["type"]),
            None => self.fault(path, &format!("unsupported type: {kind}")),
        }
    }

    fn block(&mut self, path: &str, block: &mut Value) {
        let kind = block["type"].as_str().unwrap_or_default().to_owned();
        let Some(fields) =
            tables::block(&kind).filter(|_| self.surface == Surface::Message || kind != "markdown")
        else {
            return self.fault(path, &format!("unsupported type: {kind}"));
        };
        self.action_ids.clear();
        self.object(path, block, fields, &["type", "block_id"]);
        if kind == "section" && block.get("text").is_none() && block.get("fields").is_none() {
            self.fault(path, "missing required field: text or fields");
        }
        if kind == "image" && block.get("image_url").is_none() && block.get("slack_file").is_none() {
            self.fault(path, "missing required field: image_url or slack_file");
        }
        if let Some(id) = self.id(path, block, "block_id")
            && !self.block_ids.insert(id.clone())
        {
            self.fault(path, &format!("block_id already exists: {id}"));
        }
    }

    fn element(&mut self, path: &str, element: &mut Value, place: Place) {
        let kind = element["type"].as_str().unwrap_or_default().to_owned();
        if place == Place::Context && (kind == "plain_text" || kind == "mrkdwn") {
            return self.text(path, element, tables::TEXT, false);
        }
        let found = tables::element(&kind).filter(|(places, _)| places.contains(&place));
        let Some((_, fields)) =
            found.filter(|_| self.surface == Surface::Modal || !inputs::modal_only(&kind))
        else {
            return self.fault(path, &format!("unsupported type: {kind}"));
        };
        if kind == "image" {
            return self.object(path, element, fields, &["type"]);
        }
        self.object(path, element, fields, &["type", "action_id"]);
        if let Some(id) = self.id(path, element, "action_id")
            && !self.action_ids.insert(id.clone())
        {
            self.fault(path, &format!("action_id already exists in this block: {id}"));
        }
        self.focused += usize::from(element["focus_on_load"] == true);
        if kind.ends_with("static_select")
            && element.get("options").is_some() == element.get("option_groups").is_some()
        {
            self.fault(path, "exactly one of options and option_groups must be given");
        }
        self.initial_options(path, element, &kind);
    }

    /// What is chosen at the start must be one of the options, equal in every field.
    fn initial_options(&mut self, path: &str, element: &Value, kind: &str) {
        if kind.contains("external") {
            return;
        }
        let offered = inputs::options(element);
        if let Some(chosen) = element.get("initial_option").filter(|value| !value.is_null())
            && !offered.contains(&chosen)
        {
            self.fault(&format!("{path}/initial_option"), "initial_option must equal one of the options");
        }
        let several = element["initial_options"].as_array();
        for (index, chosen) in several.into_iter().flatten().enumerate() {
            if !offered.contains(&chosen) {
                let at = format!("{path}/initial_options/{index}");
                self.fault(&at, "initial_options must equal some of the options");
            }
        }
    }

    /// The id under `name`, made up if there is none; `None` if it cannot be one.
    fn id(&mut self, path: &str, value: &mut Value, name: &str) -> Option<String> {
        let map: &mut Map<String, Value> = value.as_object_mut()?;
        if map.get(name).is_none_or(Value::is_null) {
            self.named += 1;
            map.insert(name.to_owned(), json!(format!("auto{}", self.named)));
        }
        let id = map.get(name).cloned().unwrap_or_default();
        self.string(&format!("{path}/{name}"), &id, 1, 255);
        id.as_str().map(str::to_owned)
    }
}

fn scalar(value: &Value, rule: Rule) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    let fault = match rule {
        Rule::Bool if !value.is_boolean() => "must be a boolean".to_owned(),
        Rule::Int(least, most) if !value.as_i64().is_some_and(|n| (least..=most).contains(&n)) => {
            format!("must be an integer from {least} to {most}")
        }
        Rule::Number if !value.is_number() && text.parse::<f64>().is_err() => "must be a number".to_owned(),
        Rule::Date if text.len() != 10 || text.parse::<jiff::civil::Date>().is_err() => {
            "must be a date in the format YYYY-MM-DD".to_owned()
        }
        Rule::Time if text.len() != 5 || text.parse::<jiff::civil::Time>().is_err() => {
            "must be a time in the format HH:mm".to_owned()
        }
        Rule::One(names) if !names.contains(&text) => format!("must be one of {}", names.join(", ")),
        _ => return Ok(()),
    };
    Err(fault)
}
