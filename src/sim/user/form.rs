//! How a person fills in a modal: fields found by their labels, choices by the text of their options.
//! Nothing is checked that Slack's own client would check only for convenience, such as required fields,
//! so that the bot meets what a modified client could send.

use serde_json::{Value, json};

use super::{NotVisible, User, payloads, wire::Reply};
use crate::sim::slack::{SimView, inputs, state::SlackState};

/// What the bot offered for a search in an external select.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The raw answer.
    pub reply: Reply,
    /// The options, through their groups if there are some.
    pub options: Vec<Value>,
}

impl Offered {
    /// The options as a person reads them.
    pub fn texts(&self) -> Vec<&str> {
        self.options.iter().filter_map(|option| option["text"]["text"].as_str()).collect()
    }
}

impl User {
    /// Fills in fields by their labels; a choice is named by the text of its option, several by their texts
    /// with a comma between, and nothing by an empty text. Waits for each field to be shown. Returns the
    /// bot's answers to changes that it asked to hear of.
    ///
    /// # Errors
    /// When there is no such field, or no such option.
    pub async fn fills(&self, fields: &[(&str, &str)]) -> Result<Vec<Reply>, NotVisible> {
        let mut replies = Vec::new();
        for (label, wanted) in fields {
            let (view, block, element) = self.sees_field(label).await?;
            let value = self.value_for(label, &element, wanted).await?;
            replies.extend(self.enters(&view.id, &block, &element, value).await);
        }
        Ok(replies)
    }

    /// Searches in an external select by its label.
    ///
    /// # Errors
    /// When there is no such field, or fewer characters are typed than Slack waits for.
    pub async fn asks_options(&self, label: &str, typed: &str) -> Result<Offered, NotVisible> {
        let (view, block, element) = self.sees_field(label).await?;
        let least = element["min_query_length"].as_u64().unwrap_or(3);
        if u64::try_from(typed.chars().count()).unwrap_or(0) < least {
            return Err(self.not_there(format!("options of {label} before {least} characters"), &[]));
        }
        let payload =
            self.slack().change(|world| payloads::suggestion(world, &view, &block, &element, typed));
        let reply = self.posts("/slack/options", &payload).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let options = inputs::options(&answer).into_iter().cloned().collect();
        Ok(Offered { reply, options })
    }

    async fn sees_field(&self, label: &str) -> Result<(SimView, Value, Value), NotVisible> {
        let found = || self.open_view().and_then(|view| field(&view, label).map(|(b, e)| (view, b, e)));
        self.slack().wait_for(|_| found().is_some()).await;
        found().ok_or_else(|| {
            let view = self.open_view();
            let labels = view.as_ref().map(SimView::labels).unwrap_or_default();
            self.not_there(format!("field {label}"), &labels)
        })
    }

    async fn value_for(&self, label: &str, element: &Value, wanted: &str) -> Result<Value, NotVisible> {
        let kind = element["type"].as_str().unwrap_or_default();
        let several = kind.starts_with("multi_") || kind == "checkboxes";
        if wanted.is_empty() {
            return Ok(if several { json!([]) } else { Value::Null });
        }
        if kind == "datetimepicker" {
            let seconds: Result<i64, _> = wanted.parse();
            return seconds.map(Value::from).map_err(|_| self.not_there(format!("time {wanted}"), &[]));
        }
        if kind == "datepicker" && wanted.parse::<jiff::civil::Date>().is_err() {
            return Err(self.not_there(format!("date {wanted}"), &[]));
        }
        if !(kind.contains("select") || kind == "radio_buttons" || kind == "checkboxes") {
            return Ok(json!(wanted));
        }
        if !several {
            return self.choice(label, element, wanted).await;
        }
        if let Ok(choice) = self.choice(label, element, wanted).await {
            return Ok(json!([choice]));
        }
        let mut choices = Vec::new();
        for part in wanted.split(',') {
            choices.push(self.choice(label, element, part.trim()).await?);
        }
        Ok(json!(choices))
    }

    /// One option, or the id of one user or channel.
    async fn choice(&self, label: &str, element: &Value, wanted: &str) -> Result<Value, NotVisible> {
        let kind = element["type"].as_str().unwrap_or_default();
        if kind.contains("users") || kind.contains("channels") || kind.contains("conversations") {
            let id = self.slack().change(|world| directory(world, wanted));
            return id.map(Value::from).ok_or_else(|| self.not_there(format!("{wanted} in {label}"), &[]));
        }
        let offered = if kind.contains("external") {
            self.asks_options(label, wanted).await?.options
        } else {
            inputs::options(element).into_iter().cloned().collect()
        };
        let found = offered.iter().find(|option| option["text"]["text"] == wanted).cloned();
        found.ok_or_else(|| {
            let texts: Vec<&str> = offered.iter().filter_map(|o| o["text"]["text"].as_str()).collect();
            self.not_there(format!("option {wanted} in {label}"), &texts)
        })
    }

    /// Puts a value into a field, and tells the bot if it asked to hear of it.
    pub(super) async fn enters(
        &self,
        view_id: &str,
        block: &Value,
        element: &Value,
        value: Value,
    ) -> Option<Reply> {
        let tells = block["type"] != "input" || block["dispatch_action"] == true;
        let payload = self.slack().change(|world| {
            let key = (word(&block["block_id"]), word(&element["action_id"]));
            let view = world.top(self.id()).filter(|view| view.id == view_id)?;
            view.typed.insert(key, value);
            let view = view.clone();
            let state = view.value(block, element);
            let action = payloads::action(world, block, element, state);
            Some(payloads::view_action(world, &view, action))
        })?;
        if tells { Some(self.posts("/slack/interactions", &payload).await) } else { None }
    }
}

/// The block and element of a view under this label; a section's text labels its accessory.
fn field(view: &SimView, label: &str) -> Option<(Value, Value)> {
    let block = view.blocks().iter().find(|block| {
        block["label"]["text"] == label || (block["accessory"].is_object() && block["text"]["text"] == label)
    })?;
    let element = inputs::elements(block).into_iter().next()?;
    inputs::held(element["type"].as_str()?)?;
    Some((block.clone(), element.clone()))
}

/// The id of a user or channel, by id or by the name that people read.
fn directory(world: &mut SlackState, wanted: &str) -> Option<String> {
    let user = world.setup.users.iter().find(|user| user.id == wanted || user.real_name == wanted);
    let channel = world.setup.channels.iter().find(|c| c.id == wanted || c.name == wanted);
    user.map(|user| user.id.clone()).or_else(|| channel.map(|channel| channel.id.clone()))
}

pub(super) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
