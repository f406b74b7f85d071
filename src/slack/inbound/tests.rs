//! Parsing is lenient: every JSON object is accepted, and missing fields have defaults.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::form::Field;

fn parse(value: &Value) -> Inbound<'static> {
    Inbound::of_interaction(value.to_string().as_bytes()).unwrap()
}

fn state_of(view: &Value) -> ViewState {
    match parse(&json!({"type": "view_submission", "view": view})) {
        Inbound::ViewSubmission(submission) => submission.view.state,
        other => panic!("{other:?}"),
    }
}

fn block(id: &str) -> BlockId {
    BlockId::parse(id.to_owned())
}

#[test]
fn org_wide_installs_plain_ids_and_empty_states_are_accepted() {
    let inbound = parse(&json!({
        "type": "view_submission", "team": null, "enterprise": "E0001", "user": {"id": "U0REQ"},
        "view": {"id": "V1", "callback_id": "deny", "state": {"values": []}, "hash": 7},
        "actions": null, "is_enterprise_install": true, "new_field": {"a": [1]}
    }));
    let tenant = inbound.tenant().unwrap();
    assert_eq!((tenant.team_id(), tenant.enterprise_id, inbound.user_id()), (None, "E0001", "U0REQ"));
    let Inbound::ViewSubmission(submission) = inbound else { panic!("{inbound:?}") };
    assert_eq!(submission.view.callback_id, CallbackId::DenyForm);
    assert_eq!((submission.view.id.as_str(), submission.view.state.value(&block("reason"))), ("V1", None));
    for state in [json!([]), json!({}), json!(null), json!("text"), json!({"values": {"reason": []}})] {
        assert_eq!(state_of(&json!({"state": state})).value(&block("reason")), None);
    }
}

#[test]
fn value_reads_text_dates_and_selected_options() {
    let state = state_of(&json!({"state": {"values": {
        "email": {"value": {"type": "email_text_input", "value": "svc@example.com"}},
        "reason": {"value": {"type": "plain_text_input", "value": null}},
        "expiration": {"value": {"type": "datepicker", "selected_date": "2027-01-31"}},
        "role": {"value": {"type": "static_select", "selected_option": {"value": "101"}}},
        "workspace": {"value": {"type": "static_select", "selected_option": null}},
    }}}));
    let fields = [Field::Email, Field::Reason, Field::Expiration, Field::Role, Field::Workspace];
    let values = fields.map(|field| state.value(&BlockId::input(field, None)).map(str::to_owned));
    let expected = [Some("svc@example.com"), None, Some("2027-01-31"), Some("101"), None];
    assert_eq!(values, expected.map(|value| value.map(str::to_owned)));
}

#[test]
fn commands_parse_the_same_from_a_form_and_from_json() {
    let form =
        Inbound::of_command_form(b"command=%2Fx&user_id=U1&text=a+b&team_id=T1&trigger_id=1.2").unwrap();
    let json = br#"{"command":"/x","user_id":"U1","text":"a b","team_id":"T1","trigger_id":"1.2","enterprise_id":null,"is_enterprise_install":false,"api_app_id":[1]}"#;
    let json = Inbound::of_command(json).unwrap();
    for inbound in [form, json] {
        assert_eq!(inbound.delivery_key(), Some(DeliveryKey::Command { trigger_id: "1.2".to_owned() }));
        let Inbound::SlashCommand(command) = inbound else { panic!("{inbound:?}") };
        let fields = (&*command.command, &*command.user_id, &*command.text, &*command.team_id);
        assert_eq!(fields, ("/x", "U1", "a b", "T1"));
    }
    assert!(Inbound::of_command_form(b"text=help").is_none());
    assert!(matches!(Inbound::of_command_form(b"ssl_check=1&token=x"), Some(Inbound::SslCheck)));
}

#[test]
fn each_interaction_type_has_a_variant() {
    for (kind, expected) in [
        ("block_actions", "block_actions"),
        ("view_submission", "view_submission"),
        ("view_closed", "view_closed"),
        ("block_suggestion", "block_suggestion"),
        ("shortcut", "shortcut"),
        ("message_action", "message_action"),
        ("interactive_message", "unknown"),
        ("", "unknown"),
    ] {
        let inbound =
            parse(&json!({"type": kind, "user": {"id": "U1", "team_id": "T2"}, "team": {"id": "T1"}}));
        assert_eq!((inbound.kind(), inbound.user_id()), (expected, "U1"));
        assert_eq!(inbound.tenant().unwrap().team_id(), Some("T1"));
    }
}

#[test]
fn instance_select_has_its_own_delivery_key() {
    let with = |view: Value| {
        parse(&json!({"type": "block_actions", "trigger_id": "1.2", "view": view,
            "actions": [{"action_id": "value", "block_id": "instance"}, {"action_id": "request_deny"}]}))
    };
    let trigger_id = "1.2".to_owned();
    let form = with(json!({"callback_id": "edit"}));
    assert_eq!(form.delivery_key(), Some(DeliveryKey::InstanceSelect { trigger_id: trigger_id.clone() }));
    assert_eq!(with(json!(null)).delivery_key(), Some(DeliveryKey::Action { trigger_id }));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z_]{0,8}".prop_map(Value::from),
        prop_oneof![Just("block_actions"), Just("view_submission"), Just("block_suggestion")]
            .prop_map(Value::from),
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
        Just("command"),
        Just("user_id"),
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
    fn any_object_is_parsed_without_a_panic(value in any_json(), bytes in any::<Vec<u8>>()) {
        let text = value.to_string();
        let interaction = Inbound::of_interaction(text.as_bytes());
        let is_event = Inbound::of_event(text.as_bytes()).is_some();
        prop_assert_eq!((interaction.is_some(), is_event), (value.is_object(), value.is_object()));
        let _ = interaction.map(|interaction| interaction.delivery_key());
        let is_command = value["command"].as_str().is_some_and(|text| !text.is_empty())
            && value["user_id"].as_str().is_some_and(|text| !text.is_empty());
        prop_assert_eq!(Inbound::of_command(text.as_bytes()).is_some(), is_command);
        let _ = Inbound::of_interaction(&bytes);
        let _ = Inbound::of_event(&bytes);
        let _ = Inbound::of_command(&bytes);
        let _ = Inbound::of_command_form(&bytes);
        let _ = Inbound::of_interaction_form(&bytes);
    }
}
