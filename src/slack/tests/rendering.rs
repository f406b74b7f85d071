//! Snapshots of everything that is sent, for a person to read when it changes.

use super::*;
use crate::domain::{
    policy::Violation,
    request::{ApprovalLapse, AskedAgain},
};

/// The messages as a person reads them, one below the other.
fn transcript(messages: &[(String, Message)]) -> String {
    let one =
        |(name, message): &(String, Message)| format!("== {name}\n({})\n{}", message.text, read(message));
    messages.iter().map(one).collect::<Vec<_>>().join("\n")
}

macro_rules! assert_json {
    ($name:expr, $value:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!($name, $value);
        })
    };
}

macro_rules! assert_text {
    ($name:expr, $value:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $value);
        })
    };
}

#[test]
fn every_message_is_sent_as_expected() {
    for (name, message) in messages("") {
        // The kinds of failure differ in their texts only, which the next test shows.
        if !name.contains("_failed_") || name.ends_with("_accessdenied") {
            assert_json!(name, message);
        }
    }
}

#[test]
fn every_message_reads_well() {
    assert_text!("messages", transcript(&messages("")));
    assert_text!("replies", transcript(&answers()));
}

#[test]
fn messages_name_the_instance_where_there_are_several() {
    let done = states("").into_iter().find(|(name, _)| name == "done").unwrap().1;
    let (pending, done) = (request(State::pending()), request(done));
    for (message, names) in [
        (messages::card(&pending, &approver_set(), true), true),
        (messages::requester(&pending, &approver_set(), true), true),
        (messages::announcement(&done, true), true),
        (messages::announcement(&done, false), false),
    ] {
        let read = read(&message);
        let line = "Email: svc_crm@example.com\nMarketo instance: production\nRole";
        let after_id = "User ID: svc_crm@example.com\nMarketo instance: production\nRole";
        assert_eq!(read.contains(line) || read.contains(after_id), names, "{read}");
    }
}

#[test]
fn every_modal_is_sent_as_expected() {
    let strict = Terms { reason: form::tests::terms().expiration, ..terms() };
    assert_json!("form_one_role", modal(&allowed(1, 1, "API Only"), &strict, ""));
    let required = crate::domain::policy::Requirement::Required;
    let open = Terms {
        approval: Approval::None { per_week: None },
        reason: required,
        expiration: required,
        ..terms()
    };
    assert_json!("form_choice_filled", modal(&allowed(2, 2, "Choice"), &open, "svc_crm@example.com"));
    assert_json!("form_many_workspaces", modal(&allowed(2, 101, "Choice"), &open, "").pointer("/blocks/7"));
    assert_json!("form_without_roles", modal(&allowed(0, 1, "x"), &open, ""));
    let reason = Reason::parse("Sync").unwrap();
    let Change::CreateUser(user) = request(State::pending()).change;
    let initial = FormInput { role: Some("2".into()), ..FormInput::of(&user, Some(&reason)) };
    let names = ["production", "sandbox"];
    let filled = modal_of(&names, SelectOptions::Offered(&allowed(2, 101, "Choice")), &open, &initial);
    assert_json!("form_instances_filled", filled);
    let empty = allowed(0, 1, "x");
    for (name, options) in [
        ("form_instance_without_roles", SelectOptions::Offered(&empty)),
        ("form_instance_loading", SelectOptions::Loading),
        ("form_instance_unavailable", SelectOptions::Unavailable),
    ] {
        assert_json!(name, modal_of(&names, options, &open, &FormInput::default()).pointer("/blocks/7"));
    }
    assert_json!("loading", views::loading_modal(r#"{"v":1}"#));
    assert_json!(
        "unavailable",
        views::unavailable_modal("Marketo can't be reached right now. Try again in a minute.")
    );
    assert_json!("deny", views::deny_modal(&request(State::pending()), r#"{"v":1}"#));
    let revised = revised("", State::pending());
    assert_json!("review", review(&revised, &allowed(2, 2, "Choice"), false));
    assert_json!("edit", edit(&revised, &allowed(2, 2, "Choice")));
    assert_json!("options", views::options(&allowed(0, 12, "EMEA"), Field::Workspace, " emea 1"));
}

#[test]
fn each_state_is_recognizable_by_its_word() {
    let words = ["is being created", "created", "denied", "cancelled", "expired", "failed"];
    for (name, message) in messages("") {
        let Some(state) = name.strip_prefix("card_").or(name.strip_prefix("requester_")) else { continue };
        let said = json_of(&message).to_string().to_lowercase();
        let found: Vec<&str> = words.into_iter().filter(|word| said.contains(word)).collect();
        let expected: &[&str] = match state.split('_').next() {
            Some("pending") => &[],
            Some("applying" | "waiting") => &["is being created", "created"],
            Some("done") => &["created"],
            Some("denied") => &["denied"],
            Some("cancelled") => &["cancelled"],
            Some("timed") => &["expired"],
            Some("failed") if state == "failed_accessdenied" => &["denied", "failed"],
            _ => &["failed"],
        };
        // The detail "603: Access denied" is Marketo's response.
        let found: Vec<&str> = found
            .into_iter()
            .filter(|word| {
                state == "failed_accessdenied" || !(*word == "denied" && state.starts_with("failed"))
            })
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn messages_have_buttons_only_where_an_action_is_possible() {
    let retryable = [
        "failed_accessdenied",
        "failed_credentials",
        "failed_configuration",
        "failed_instancegone",
        "failed_mismatch",
        "failed_declined",
        "failed_unavailable",
    ];
    for (name, message) in messages("") {
        let buttons: Vec<String> = read(&message)
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split_once(']').map(|(text, _)| text.to_owned()))
            .collect();
        let expected: &[&str] = match name.as_str() {
            "card_pending" | "card_pending_revised" => &["Approve", "Deny", "Review"],
            "requester_pending" | "requester_pending_revised" => &["Edit", "Cancel request"],
            "requester_waiting_quota" | "card_waiting_quota" => &["Cancel request"],
            name if name.strip_prefix("card_").is_some_and(|state| retryable.contains(&state)) => &["Retry"],
            _ => &[],
        };
        assert_eq!(buttons, expected, "{name}");
    }
}

#[test]
fn requester_is_not_named_as_an_approver() {
    let own = ApproverSet { approvers: vec![Principal::User("U0REQ".into())], ..approver_set() };
    let request = request(State::pending());
    assert!(read(&messages::card(&request, &own, true)).contains("Nobody else is allowed to approve"));
    assert!(read(&messages::reminder(&request, &own)).contains("Nobody else is allowed to approve"));
    assert!(
        !messages::card(&request, &approver_set(), true).text.contains("S0MOPS"),
        "a group is pinged once"
    );
}

#[test]
fn debug_output_of_a_message_has_no_texts() {
    let debug = format!("{:?}", messages::card(&request(State::pending()), &approver_set(), true));
    assert_eq!(debug, "Message(3 blocks)");
}

#[test]
fn nobody_is_told_to_edit_what_cannot_be_edited() {
    let set = ApproverSet { violations: vec![Violation::RoleNotOffered], ..approver_set() };
    let (asked, editable) = (now(), request(State::pending()));
    let asked_again = Some(AskedAgain {
        at: asked,
        version: 3,
        lapse: ApprovalLapse::PolicyChanged,
        attempted_at: Some(asked),
    });
    let attempted = Request { asked_again, ..editable.clone() };
    for (request, can_edit) in [(editable, true), (attempted, false)] {
        for message in [messages::card(&request, &set, false), messages::requester(&request, &set, false)] {
            let read = read(&message);
            assert!(read.contains("Not allowed any more: its role is no longer offered."), "{read}");
            assert_eq!(read.to_lowercase().contains("edit"), can_edit, "{read}");
        }
    }
}
