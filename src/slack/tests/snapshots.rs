//! What is sent, to be read by a person when it changes.

use super::*;

/// The messages and answers as a person reads them, one below the other.
fn transcript(messages: &[(String, Message)]) -> String {
    let one =
        |(name, message): &(String, Message)| format!("== {name}\n({})\n{}", message.text, read(message));
    messages.iter().map(one).collect::<Vec<_>>().join("\n")
}

macro_rules! shown {
    ($name:expr, $value:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!($name, $value);
        })
    };
}

macro_rules! spoken {
    ($name:expr, $value:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $value);
        })
    };
}

#[test]
fn every_message_as_it_is_sent() {
    for (name, message) in messages("") {
        // The kinds of failure differ in their words only, which the next test shows.
        if !name.contains("_failed_") || name.ends_with("_accessdenied") {
            shown!(name, message);
        }
    }
}

#[test]
fn every_message_as_it_is_read() {
    spoken!("messages", transcript(&messages("")));
    spoken!("answers", transcript(&answers()));
}

#[test]
fn where_there_are_several_instances_each_message_about_a_user_names_the_one() {
    let done = states("").into_iter().find(|(name, _)| name == "done").unwrap().1;
    let (pending, done) = (request(State::pending()), request(done));
    for (message, names) in [
        (views::card(&pending, &panel(), true), true),
        (views::requester(&pending, &panel(), true), true),
        (views::created(&done, true), true),
        (views::created(&done, false), false),
    ] {
        let read = read(&message);
        let line = "Email: svc_crm@example.com\nMarketo instance: production\nRole";
        let after_id = "User id: svc_crm@example.com\nMarketo instance: production\nRole";
        assert_eq!(read.contains(line) || read.contains(after_id), names, "{read}");
    }
}

#[test]
fn the_form_and_its_stand_ins() {
    let strict = Terms { reason: form::tests::terms().expiration, ..terms() };
    shown!("form_one_role", modal(&offer(1, 1, "API Only"), &strict, ""));
    let required = crate::domain::policy::Requirement::Required;
    let open = Terms {
        approval: Approval::None { per_week: None },
        reason: required,
        expiration: required,
        ..terms()
    };
    shown!("form_choice_filled", modal(&offer(2, 2, "Choice"), &open, "svc_crm@example.com"));
    shown!("form_many_workspaces", modal(&offer(2, 101, "Choice"), &open, "").pointer("/blocks/7"));
    shown!("form_without_roles", modal(&offer(0, 1, "x"), &open, ""));
    let reason = Reason::parse("Sync").unwrap();
    let Change::CreateUser(user) = request(State::pending()).change;
    let initial = FormInput { role: Some("2".into()), ..FormInput::of(&user, Some(&reason)) };
    let names = ["production", "sandbox"];
    let filled = modal_of(&names, SelectOptions::Offered(&offer(2, 101, "Choice")), &open, &initial);
    shown!("form_instances_filled", filled);
    let empty = offer(0, 1, "x");
    for (name, choices) in [
        ("form_instance_without_roles", SelectOptions::Offered(&empty)),
        ("form_instance_loading", SelectOptions::Loading),
        ("form_instance_unavailable", SelectOptions::Unavailable),
    ] {
        shown!(name, modal_of(&names, choices, &open, &FormInput::default()).pointer("/blocks/7"));
    }
    shown!("loading", views::loading_modal(r#"{"v":1}"#));
    shown!(
        "unavailable",
        views::unavailable_modal("Marketo can't be reached right now. Try again in a minute.")
    );
    shown!("deny", views::deny_modal(&request(State::pending()), r#"{"v":1}"#));
    let asked = amended("", State::pending());
    shown!("review", review(&asked, &offer(2, 2, "Choice"), false));
    shown!("edit", edit(&asked, &offer(2, 2, "Choice")));
    shown!("options", views::options(&offer(0, 12, "EMEA"), Field::Workspace, " emea 1"));
}

#[test]
fn the_states_are_told_apart_by_their_words() {
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
        // The detail "603: Access denied" is Marketo's own.
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
fn buttons_are_where_something_can_be_pressed() {
    let mendable = [
        "failed_accessdenied",
        "failed_credentials",
        "failed_configuration",
        "failed_instancegone",
        "failed_unavailable",
    ];
    for (name, message) in messages("") {
        let pressed: Vec<String> = read(&message)
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split_once(']').map(|(text, _)| text.to_owned()))
            .collect();
        let expected: &[&str] = match name.as_str() {
            "card_pending" | "card_pending_amended" => &["Approve", "Deny", "Review"],
            "requester_pending" | "requester_pending_amended" => &["Edit", "Cancel request"],
            "requester_waiting_quota" | "card_waiting_quota" => &["Cancel request"],
            name if name.strip_prefix("card_").is_some_and(|state| mendable.contains(&state)) => &["Retry"],
            _ => &[],
        };
        assert_eq!(pressed, expected, "{name}");
    }
}

#[test]
fn a_requester_is_not_named_among_those_who_decide() {
    let own = ApproverSet { approvers: vec![Principal::User("U0REQ".into())], ..panel() };
    let request = request(State::pending());
    assert!(read(&views::card(&request, &own, true)).contains("Nobody else may approve"));
    assert!(read(&views::reminder(&request, &own)).contains("Nobody else may approve"));
    assert!(!views::card(&request, &panel(), true).text.contains("S0MOPS"), "a group is pinged once");
}

#[test]
fn a_message_shows_nothing_of_itself_in_a_log() {
    let shown = format!("{:?}", views::card(&request(State::pending()), &panel(), true));
    assert_eq!(shown, "Message(3 blocks)");
}
