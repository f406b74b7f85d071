//! Validates views and messages against Block Kit's rules, and reports one `[ERROR] … [json-pointer:…]` line for each
//! error, as Slack does. It also generates missing block and action ids. It must not know channels, people or the
//! calls that carried the blocks.

mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use self::tables::{Field, Parent, Rule};
use super::inputs;

/// Where the blocks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    Message,
    Modal,
}

/// Validates the blocks of a message, and generates missing ids.
///
/// # Errors
/// One line for each error.
pub(crate) fn check_message(blocks: &mut Value) -> Result<(), Vec<String>> {
    let mut checker = Checker::new(Surface::Message);
    checker.value("/blocks", blocks, Rule::Blocks(0, 50));
    checker.finish()
}

/// Validates a modal view, and generates missing ids.
///
/// # Errors
/// One line for each error.
pub(crate) fn check_view(view: &mut Value) -> Result<(), Vec<String>> {
    let mut checker = Checker::new(Surface::Modal);
    match view["type"].as_str() {
        Some("modal") => checker.object("/view", view, tables::VIEW, &["type"]),
        _ => checker.error("/view/type", "must be a valid view type"),
    }
    let has_inputs = view["blocks"].as_array().is_some_and(|all| all.iter().any(|b| b["type"] == "input"));
    if has_inputs && view.get("submit").is_none_or(Value::is_null) {
        checker.error("/view", "missing required field: submit");
    }
    checker.finish()
}

struct Checker {
    surface: Surface,
    errors: Vec<String>,
    block_ids: BTreeSet<String>,
    action_ids: BTreeSet<String>,
    focused: usize,
    generated_ids: usize,
}

impl Checker {
    fn new(surface: Surface) -> Self {
        let (block_ids, action_ids) = (BTreeSet::new(), BTreeSet::new());
        Self { surface, errors: Vec::new(), block_ids, action_ids, focused: 0, generated_ids: 0 }
    }

    fn finish(mut self) -> Result<(), Vec<String>> {
        if self.focused > 1 {
            self.error("/view/blocks", "only one element can have focus_on_load");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    fn error(&mut self, path: &str, message: &str) {
        self.errors.push(format!("[ERROR] {message} [json-pointer:{path}]"));
    }

    /// Validates an object's fields. Fields that are neither in `fields` nor in `others` are refused.
    fn object(&mut self, path: &str, value: &mut Value, fields: &[Field], others: &[&str]) {
        let Some(map) = value.as_object_mut() else {
            return self.error(path, "must be an object");
        };
        let names: Vec<String> = map.keys().cloned().collect();
        for name in names {
            if others.contains(&name.as_str()) {
                continue;
            }
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                self.error(path, &format!("invalid additional property: {name}"));
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
                self.error(path, &format!("missing required field: {}", field.name));
            }
        }
    }

    fn value(&mut self, path: &str, value: &mut Value, rule: Rule) {
        match rule {
            Rule::Any => {}
            Rule::Bool | Rule::Int(..) | Rule::Number | Rule::Date | Rule::Time | Rule::One(_) => {
                if let Err(message) = scalar(value, rule) {
                    self.error(path, &message);
                }
            }
            Rule::Str(min, max) => self.string(path, value, min, max),
            Rule::Plain(max) => self.text(path, value, max, true),
            Rule::Text(max) => self.text(path, value, max, false),
            Rule::Texts(count, max) => {
                self.list(path, value, 1, count, |checker, path, item| checker.text(path, item, max, false));
            }
            Rule::Options(max) => self.list(path, value, 1, max, |checker, path, item| {
                checker.object(path, item, tables::OPTION, &[]);
            }),
            Rule::RichOptions(max) => self.list(path, value, 1, max, |checker, path, item| {
                checker.object(path, item, tables::RICH_OPTION, &[]);
            }),
            Rule::Option => self.object(path, value, tables::RICH_OPTION, &["url"]),
            Rule::ChosenOptions => self.list(path, value, 1, 100, |checker, path, item| {
                checker.object(path, item, tables::RICH_OPTION, &["url"]);
            }),
            Rule::Groups => self.list(path, value, 1, 100, |checker, path, item| {
                checker.object(path, item, tables::GROUP, &[]);
            }),
            Rule::Ids => {
                self.list(path, value, 1, 100, |checker, path, item| checker.string(path, item, 1, 255))
            }
            Rule::Confirm => self.object(path, value, tables::CONFIRM_DIALOG, &[]),
            Rule::Element(parent) => self.element(path, value, parent),
            Rule::Elements(parent, max) => {
                self.list(path, value, 1, max, |checker, path, item| checker.element(path, item, parent));
            }
            Rule::Blocks(min, max) => self.list(path, value, min, max, Self::block),
            Rule::RichParts => self.list(path, value, 1, 1000, |checker, path, item| {
                checker.tagged(path, item, tables::rich_part);
            }),
            Rule::RichSections => self.list(path, value, 1, 1000, |checker, path, item| {
                checker.tagged(path, item, |kind| {
                    tables::rich_part(kind).filter(|_| kind == "rich_text_section")
                });
            }),
            Rule::RichInline => self.list(path, value, 0, 1000, |checker, path, item| {
                checker.tagged(path, item, tables::rich_inline);
            }),
        }
    }

    fn list(
        &mut self,
        path: &str,
        value: &mut Value,
        min: usize,
        max: usize,
        check: impl Fn(&mut Self, &str, &mut Value),
    ) {
        let Some(items) = value.as_array_mut() else {
            return self.error(path, "must be an array");
        };
        if items.len() < min {
            self.error(path, &format!("no less than {min} items allowed"));
        }
        if items.len() > max {
            self.error(path, &format!("no more than {max} items allowed"));
        }
        for (index, item) in items.iter_mut().enumerate() {
            check(self, &format!("{path}/{index}"), item);
        }
    }

    fn string(&mut self, path: &str, value: &Value, min: usize, max: usize) {
        let Some(text) = value.as_str() else {
            return self.error(path, "must be a string");
        };
        let length = text.chars().count();
        if length < min {
            self.error(path, &format!("must be more than {} characters", min.saturating_sub(1)));
        }
        if length > max {
            self.error(path, &format!("must be less than {} characters", max + 1));
        }
    }

    fn text(&mut self, path: &str, value: &mut Value, max: usize, plain: bool) {
        let others: &[&str] = match value["type"].as_str() {
            Some("plain_text") => &["type", "text", "emoji"],
            Some("mrkdwn") if !plain => &["type", "text", "verbatim"],
            Some(kind) => return self.error(path, &format!("unsupported type: {kind}")),
            None if value.is_object() => return self.error(path, "missing required field: type"),
            None => return self.error(path, "must be an object"),
        };
        self.string(&format!("{path}/text"), &value["text"], 1, max);
        self.object(path, value, &[], others);
    }

    fn tagged(&mut self, path: &str, value: &mut Value, table: impl Fn(&str) -> Option<&'static [Field]>) {
        let kind = value["type"].as_str().unwrap_or_default();
        match table(kind) {
            Some(fields) => self.object(path, value, fields, &["type"]),
            None => self.error(path, &format!("unsupported type: {kind}")),
        }
    }

    fn block(&mut self, path: &str, block: &mut Value) {
        let kind = block["type"].as_str().unwrap_or_default().to_owned();
        let Some(fields) =
            tables::block(&kind).filter(|_| self.surface == Surface::Message || kind != "markdown")
        else {
            return self.error(path, &format!("unsupported type: {kind}"));
        };
        self.action_ids.clear();
        self.object(path, block, fields, &["type", "block_id"]);
        if kind == "section" && block.get("text").is_none() && block.get("fields").is_none() {
            self.error(path, "missing required field: text or fields");
        }
        if kind == "image" && block.get("image_url").is_none() && block.get("slack_file").is_none() {
            self.error(path, "missing required field: image_url or slack_file");
        }
        if let Some(id) = self.id(path, block, "block_id")
            && !self.block_ids.insert(id.clone())
        {
            self.error(path, &format!("block_id already exists: {id}"));
        }
    }

    fn element(&mut self, path: &str, element: &mut Value, parent: Parent) {
        let kind = element["type"].as_str().unwrap_or_default().to_owned();
        if parent == Parent::Context && (kind == "plain_text" || kind == "mrkdwn") {
            return self.text(path, element, tables::TEXT, false);
        }
        let rule = tables::element(&kind).filter(|(parents, _)| parents.contains(&parent));
        let Some((_, fields)) =
            rule.filter(|_| self.surface == Surface::Modal || !inputs::is_modal_only(&kind))
        else {
            return self.error(path, &format!("unsupported type: {kind}"));
        };
        if kind == "image" {
            return self.object(path, element, fields, &["type"]);
        }
        self.object(path, element, fields, &["type", "action_id"]);
        if let Some(id) = self.id(path, element, "action_id")
            && !self.action_ids.insert(id.clone())
        {
            self.error(path, &format!("action_id already exists in this block: {id}"));
        }
        self.focused += usize::from(element["focus_on_load"] == true);
        if kind.ends_with("static_select")
            && element.get("options").is_some() == element.get("option_groups").is_some()
        {
            self.error(path, "exactly one of options and option_groups must be given");
        }
        self.initial_options(path, element, &kind);
    }

    /// An initial option must equal one of the options in every field.
    fn initial_options(&mut self, path: &str, element: &Value, kind: &str) {
        if kind.contains("external") {
            return;
        }
        let options = inputs::options(element);
        if let Some(initial) = element.get("initial_option").filter(|value| !value.is_null())
            && !options.contains(&initial)
        {
            self.error(&format!("{path}/initial_option"), "initial_option must equal one of the options");
        }
        let initial_options = element["initial_options"].as_array();
        for (index, initial) in initial_options.into_iter().flatten().enumerate() {
            if !options.contains(&initial) {
                let path = format!("{path}/initial_options/{index}");
                self.error(&path, "initial_options must equal some of the options");
            }
        }
    }

    /// The id in the field `name`, generated if it is missing; `None` if it is not a string.
    fn id(&mut self, path: &str, value: &mut Value, name: &str) -> Option<String> {
        let map: &mut Map<String, Value> = value.as_object_mut()?;
        if map.get(name).is_none_or(Value::is_null) {
            self.generated_ids += 1;
            map.insert(name.to_owned(), json!(format!("auto{}", self.generated_ids)));
        }
        let id = map.get(name).cloned().unwrap_or_default();
        self.string(&format!("{path}/{name}"), &id, 1, 255);
        id.as_str().map(str::to_owned)
    }
}

fn scalar(value: &Value, rule: Rule) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    let message = match rule {
        Rule::Bool if !value.is_boolean() => "must be a boolean".to_owned(),
        Rule::Int(min, max) if !value.as_i64().is_some_and(|n| (min..=max).contains(&n)) => {
            format!("must be an integer from {min} to {max}")
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
    Err(message)
}
