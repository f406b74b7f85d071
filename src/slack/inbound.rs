//! What Slack sends, read tolerantly: unknown and missing fields are no fault, `null` is the same as missing,
//! and an empty list may stand for an empty map. Slack's shapes:
//! <https://docs.slack.dev/interactivity/implementing-slash-commands>,
//! <https://docs.slack.dev/reference/interaction-payloads>, <https://docs.slack.dev/apis/events-api>.
//!
//! These types say what came, not whether it may; slack-morphism's own inbound types refuse too much
//! (org-wide installs, steps without a trigger, empty state) to be used here.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A slash command's form. Empty text stands for a missing field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SlashCommand<'a> {
    /// The workspace in which it was typed.
    #[serde(borrow)]
    pub team_id: Cow<'a, str>,
    /// The organization, where there is one.
    #[serde(borrow)]
    pub enterprise_id: Cow<'a, str>,
    /// The conversation in which it was typed.
    #[serde(borrow)]
    pub channel_id: Cow<'a, str>,
    /// Who typed it.
    #[serde(borrow)]
    pub user_id: Cow<'a, str>,
    /// The command with its slash.
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    /// What was typed after it.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// Where an answer may be posted for 30 minutes.
    #[serde(borrow)]
    pub response_url: Cow<'a, str>,
    /// With this a modal can be opened, once, within 3 s.
    #[serde(borrow)]
    pub trigger_id: Cow<'a, str>,
    /// The app that the command belongs to.
    #[serde(borrow)]
    pub api_app_id: Cow<'a, str>,
}

impl<'a> SlashCommand<'a> {
    /// Reads the form; a field that comes twice makes it unreadable, since nobody could say which one counts.
    pub fn read(form: &'a [u8]) -> Option<Self> {
        serde_urlencoded::from_bytes(form).ok()
    }
}

/// The form in which interactions and loads of options come: JSON in one field.
#[derive(Debug, Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// An interaction, or a load of options.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Interaction {
    /// `block_actions`, `view_submission`, …
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    /// Who acted.
    #[serde(deserialize_with = "lenient")]
    pub user: User,
    /// The workspace; missing for org-wide installs.
    #[serde(deserialize_with = "lenient")]
    pub team: Identified,
    /// The organization, where there is one.
    #[serde(deserialize_with = "lenient")]
    pub enterprise: Identified,
    /// The app.
    #[serde(deserialize_with = "lenient")]
    pub api_app_id: String,
    /// With this a modal can be opened, once, within 3 s.
    #[serde(deserialize_with = "lenient")]
    pub trigger_id: String,
    /// Where an answer may be posted for 30 minutes.
    #[serde(deserialize_with = "lenient")]
    pub response_url: String,
    /// The conversation of the message.
    #[serde(deserialize_with = "lenient")]
    pub channel: Identified,
    /// Where the element was.
    #[serde(deserialize_with = "lenient")]
    pub container: Container,
    /// The modal.
    #[serde(deserialize_with = "lenient")]
    pub view: View,
    /// The buttons that were pressed, or the choices that were made.
    #[serde(deserialize_with = "lenient")]
    pub actions: Vec<Action>,
    /// The block whose options are asked for.
    #[serde(deserialize_with = "lenient")]
    pub block_id: String,
    /// What was typed into a select whose options are asked for.
    #[serde(deserialize_with = "lenient")]
    pub value: String,
}

impl Interaction {
    /// Reads the JSON in the form's one field.
    pub fn read(form: &[u8]) -> Option<Self> {
        let wrapped: Wrapped<'_> = serde_urlencoded::from_bytes(form).ok()?;
        object(wrapped.payload.as_bytes())
    }

    /// The key of one submission of a modal that may be submitted again after it was refused.
    pub fn submission_key(&self) -> String {
        let attempt = if self.trigger_id.is_empty() { &self.view.hash } else { &self.trigger_id };
        format!("view:{}:{attempt}", self.view.id)
    }
}

/// Somebody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    /// Their id.
    #[serde(deserialize_with = "lenient")]
    pub id: String,
    /// Their own workspace, which with Slack Connect may be another one.
    #[serde(deserialize_with = "lenient")]
    pub team_id: String,
}

/// Something of which only the id counts. Slack sends an object, or the bare id.
#[derive(Debug, Default)]
pub struct Identified {
    /// The id.
    pub id: String,
}

impl<'de> Deserialize<'de> for Identified {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = match Value::deserialize(deserializer)? {
            Value::String(id) => id,
            Value::Object(mut fields) => match fields.remove("id") {
                Some(Value::String(id)) => id,
                _ => String::new(),
            },
            _ => String::new(),
        };
        Ok(Self { id })
    }
}

/// Where an element was.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The conversation of the message.
    #[serde(deserialize_with = "lenient")]
    pub channel_id: String,
    /// The message.
    #[serde(deserialize_with = "lenient")]
    pub message_ts: String,
}

/// A modal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// Its id.
    #[serde(deserialize_with = "lenient")]
    pub id: String,
    /// Which modal it is.
    #[serde(deserialize_with = "lenient")]
    pub callback_id: String,
    /// The mark of its present content, by which an update of something newer is refused.
    #[serde(deserialize_with = "lenient")]
    pub hash: String,
    /// What the bot left in it when it was opened.
    #[serde(deserialize_with = "lenient")]
    pub private_metadata: String,
    /// The workspace in which the app is installed: with Slack Connect the one that counts.
    #[serde(deserialize_with = "lenient")]
    pub app_installed_team_id: String,
    /// The workspace of the modal.
    #[serde(deserialize_with = "lenient")]
    pub team_id: String,
    /// What was typed and chosen.
    #[serde(deserialize_with = "lenient")]
    pub state: ViewState,
}

/// What was typed and chosen in a modal, by block and action.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ViewState {
    #[serde(deserialize_with = "lenient")]
    values: BTreeMap<String, Value>,
}

impl ViewState {
    /// The id of each block that holds something or could.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// What the one element of a block holds: typed text, a date, or the value of a chosen option.
    pub fn value(&self, block_id: &str) -> Option<&str> {
        let element = self.values.get(block_id)?.as_object()?.values().next()?;
        let chosen = element.get("selected_option").and_then(|option| option.get("value"));
        let text = element.get("value").or_else(|| element.get("selected_date")).or(chosen);
        text.and_then(Value::as_str)
    }
}

/// A button that was pressed, or a choice that was made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    /// Which button or input.
    #[serde(deserialize_with = "lenient")]
    pub action_id: String,
    /// The block in which it is.
    #[serde(deserialize_with = "lenient")]
    pub block_id: String,
    /// The chosen option.
    #[serde(deserialize_with = "lenient")]
    pub selected_option: Chosen,
    /// What the button carries.
    #[serde(deserialize_with = "lenient")]
    pub value: String,
    /// When, unique for each press.
    #[serde(deserialize_with = "lenient")]
    pub action_ts: String,
}

/// An option.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    /// What it carries.
    #[serde(deserialize_with = "lenient")]
    pub value: String,
}

/// An event of the Events API, with its envelope.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope {
    /// `event_callback`, `url_verification`, …
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    /// What `url_verification` wants back.
    #[serde(deserialize_with = "lenient")]
    pub challenge: String,
    /// The workspace; missing for org-wide installs.
    #[serde(deserialize_with = "lenient")]
    pub team_id: String,
    /// The organization, where there is one.
    #[serde(deserialize_with = "lenient")]
    pub enterprise_id: String,
    /// The app.
    #[serde(deserialize_with = "lenient")]
    pub api_app_id: String,
    /// What tells it from every other event, however often it is delivered.
    #[serde(deserialize_with = "lenient")]
    pub event_id: String,
    /// The event.
    #[serde(deserialize_with = "lenient")]
    pub event: Event,
}

/// The event itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Which event.
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    /// The user group, in events about one: an object in some, an id in others.
    #[serde(deserialize_with = "lenient")]
    pub subteam: Identified,
    /// The user group's id, in `subteam_members_changed`.
    #[serde(deserialize_with = "lenient")]
    pub subteam_id: String,
    /// The revoked tokens, in `tokens_revoked`.
    #[serde(deserialize_with = "lenient")]
    pub tokens: RevokedTokens,
}

/// Whose tokens were revoked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RevokedTokens {
    /// Bot users.
    #[serde(deserialize_with = "lenient")]
    pub bot: Vec<String>,
}

/// Reads a JSON object; nothing else stands for one, although a list could fill the fields in their order. What is no
/// text is not read, even where the fault lies in a part that nobody looks at.
pub fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let json = std::str::from_utf8(json).ok()?.trim_ascii_start();
    json.starts_with('{').then(|| serde_json::from_str(json).ok())?
}

/// Reads a value; `null`, and anything of another shape, is the default.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Interaction {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_org_wide_install_a_bare_id_and_an_empty_state_are_no_fault() {
        let interaction = read(json!({
            "type": "view_submission", "team": null, "enterprise": "E0001", "user": {"id": "U0REQ"},
            "view": {"id": "V1", "callback_id": "deny", "state": {"values": []}, "hash": 7},
            "actions": null, "is_enterprise_install": true, "new_field": {"a": [1]}
        }));
        assert_eq!((interaction.team.id.as_str(), interaction.enterprise.id.as_str()), ("", "E0001"));
        assert_eq!((interaction.view.id.as_str(), interaction.view.state.value("reason")), ("V1", None));
        for state in [json!([]), json!({}), json!(null), json!("odd"), json!({"values": {"reason": []}})] {
            assert_eq!(read(json!({"view": {"state": state}})).view.state.value("reason"), None);
        }
    }

    #[test]
    fn typed_text_dates_and_choices_are_read_alike() {
        let interaction = read(json!({"view": {"state": {"values": {
            "email": {"value": {"type": "email_text_input", "value": "svc@example.com"}},
            "reason": {"value": {"type": "plain_text_input", "value": null}},
            "expiration": {"value": {"type": "datepicker", "selected_date": "2027-01-31"}},
            "role": {"value": {"type": "static_select", "selected_option": {"value": "101"}}},
            "workspace": {"value": {"type": "static_select", "selected_option": null}},
        }}}}));
        let state = interaction.view.state;
        let values = ["email", "reason", "expiration", "role", "workspace"].map(|block| state.value(block));
        assert_eq!(values, [Some("svc@example.com"), None, Some("2027-01-31"), Some("101"), None]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z_]{0,8}".prop_map(Value::from),
        ];
        let keys = prop_oneof![
            Just("type"),
            Just("user"),
            Just("team"),
            Just("view"),
            Just("state"),
            Just("values"),
            Just("actions"),
            Just("value"),
            Just("channel"),
            Just("id"),
            Just("event"),
            Just("tokens"),
            Just("bot"),
            Just("selected_option"),
        ];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys.clone(), inner, 0..6).prop_map(|map| map
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_is_read_without_a_panic(value in any_json(), bytes in any::<Vec<u8>>()) {
            let text = value.to_string();
            let interaction = object::<Interaction>(text.as_bytes());
            prop_assert_eq!((interaction.is_some(), object::<Envelope>(text.as_bytes()).is_some()), (value.is_object(), value.is_object()));
            let _ = interaction.map(|interaction| interaction.view.state.value("value").is_some());
            let _ = object::<Interaction>(&bytes);
            let _ = SlashCommand::read(&bytes);
            let _ = Interaction::read(&bytes);
        }
    }
}
