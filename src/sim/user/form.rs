//! Fills in modals: finds fields by their labels and options by their text. It skips the validation of Slack's client,
//! such as required fields, so that the bot receives what a modified client could send.

use serde_json::{Value, json};

use super::{NotVisible, User, payloads, wire::Reply};
use crate::sim::slack::{SimView, inputs, state::SlackState};

/// The bot's options for a search in an external select.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The bot's response.
    pub reply: Reply,
    /// The options, including those in option groups.
    pub options: Vec<Value>,
}

impl Offered {
    /// The texts of the options.
    pub fn texts(&self) -> Vec<&str> {
        self.options.iter().filter_map(|option| option["text"]["text"].as_str()).collect()
    }
}

impl User {
    /// Fills in fields by their labels. An option is named by its text, several options by a comma-separated list, and
    /// no option by an empty text. Waits for each field to appear. Returns the bot's responses to dispatched actions.
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
    /// When there is no such field, or the text is shorter than `min_query_length`.
    pub async fn asks_options(&self, label: &str, typed: &str) -> Result<Offered, NotVisible> {
        let (view, block, element) = self.sees_field(label).await?;
        let min_length = element["min_query_length"].as_u64().unwrap_or(3);
        if u64::try_from(typed.chars().count()).unwrap_or(0) < min_length {
            return Err(self.not_visible(format!("options of {label} before {min_length} characters"), &[]));
        }
        let payload =
            self.slack().change(|state| payloads::suggestion(state, &view, &block, &element, typed));
        let reply = self.post_payload("/slack/options", &payload).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let options = inputs::options(&answer).into_iter().cloned().collect();
        Ok(Offered { reply, options })
    }

    async fn sees_field(&self, label: &str) -> Result<(SimView, Value, Value), NotVisible> {
        let find = || self.open_view().and_then(|view| field(&view, label).map(|(b, e)| (view, b, e)));
        self.slack().wait_for(|_| find().is_some()).await;
        find().ok_or_else(|| {
            let view = self.open_view();
            let labels = view.as_ref().map(SimView::labels).unwrap_or_default();
            self.not_visible(format!("field {label}"), &labels)
        })
    }

    async fn value_for(&self, label: &str, element: &Value, wanted: &str) -> Result<Value, NotVisible> {
        let kind = element["type"].as_str().unwrap_or_default();
        let is_multiple = kind.starts_with("multi_") || kind == "checkboxes";
        if wanted.is_empty() {
            return Ok(if is_multiple { json!([]) } else { Value::Null });
        }
        if kind == "datetimepicker" {
            let seconds: Result<i64, _> = wanted.parse();
            return seconds.map(Value::from).map_err(|_| self.not_visible(format!("time {wanted}"), &[]));
        }
        if kind == "datepicker" && wanted.parse::<jiff::civil::Date>().is_err() {
            return Err(self.not_visible(format!("date {wanted}"), &[]));
        }
        if !(kind.contains("select") || kind == "radio_buttons" || kind == "checkboxes") {
            return Ok(json!(wanted));
        }
        if !is_multiple {
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

    /// The JSON of one option, or the id of one user or channel.
    async fn choice(&self, label: &str, element: &Value, wanted: &str) -> Result<Value, NotVisible> {
        let kind = element["type"].as_str().unwrap_or_default();
        if kind.contains("users") || kind.contains("channels") || kind.contains("conversations") {
            let id = self.slack().change(|state| find_id(state, wanted));
            return id.map(Value::from).ok_or_else(|| self.not_visible(format!("{wanted} in {label}"), &[]));
        }
        let offered = if kind.contains("external") {
            self.asks_options(label, wanted).await?.options
        } else {
            inputs::options(element).into_iter().cloned().collect()
        };
        let option = offered.iter().find(|option| option["text"]["text"] == wanted).cloned();
        option.ok_or_else(|| {
            let texts: Vec<&str> = offered.iter().filter_map(|o| o["text"]["text"].as_str()).collect();
            self.not_visible(format!("option {wanted} in {label}"), &texts)
        })
    }

    /// Sets a field, and sends an action if the block dispatches actions.
    pub(super) async fn enters(
        &self,
        view_id: &str,
        block: &Value,
        element: &Value,
        value: Value,
    ) -> Option<Reply> {
        let dispatches = block["type"] != "input" || block["dispatch_action"] == true;
        let payload = self.slack().change(|state| {
            let key = (text_of(&block["block_id"]), text_of(&element["action_id"]));
            let view = state.top(self.id()).filter(|view| view.id == view_id)?;
            view.typed.insert(key, value);
            let view = view.clone();
            let value = view.value(block, element);
            let action = payloads::action(state, block, element, value);
            Some(payloads::view_action(state, &view, action))
        })?;
        if dispatches { Some(self.post_payload("/slack/interactions", &payload).await) } else { None }
    }
}

/// The block and element with this label; a section's text labels its accessory.
fn field(view: &SimView, label: &str) -> Option<(Value, Value)> {
    let block = view.blocks().iter().find(|block| {
        block["label"]["text"] == label || (block["accessory"].is_object() && block["text"]["text"] == label)
    })?;
    let element = inputs::elements(block).into_iter().next()?;
    inputs::value_keys(element["type"].as_str()?)?;
    Some((block.clone(), element.clone()))
}

/// The id of a user or channel, by id or display name.
fn find_id(state: &mut SlackState, wanted: &str) -> Option<String> {
    let user = state.setup.users.iter().find(|user| user.id == wanted || user.real_name == wanted);
    let channel = state.setup.channels.iter().find(|c| c.id == wanted || c.name == wanted);
    user.map(|user| user.id.clone()).or_else(|| channel.map(|channel| channel.id.clone()))
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
