//! Who may ask, checked when the form opens and again when it is submitted.

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::{
        slack::{SimGroup, SimUser},
        user::Reply,
    },
};
use serde_json::{Value, json};

use crate::support::{CARDS, FORM, House, OPS, RAE, SAM, assert_quiet, forged, options, policy};

const GUS: &str = "U0GUEST";
const OLGA: &str = "U0OUT";

async fn is_turned_away(house: &House, id: &str) -> String {
    let reply = house.person(id).types(OPS, "/marketo-api-user").await;
    assert_quiet(&reply);
    house.drain().await.unwrap();
    assert!(house.person(id).open_view().is_none());
    house.whispers(id)
}

#[tokio::test]
async fn guests_and_strangers_are_told_why_they_may_not_ask_and_whom_to_ask() {
    let house = House::open().await;
    assert_snapshot!("guest", is_turned_away(&house, GUS).await);
    assert_snapshot!("stranger", is_turned_away(&house, OLGA).await);
    assert!(house.slack.calls_to("views.open").is_empty());
    house.ends().await;
}

#[tokio::test]
async fn bots_deactivated_people_and_guests_of_one_channel_are_told_too() {
    let mut setup = options();
    let who = |id: &str| SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna");
    setup.slack.users.extend([
        SimUser { is_bot: true, ..who("U0ROBOT") },
        SimUser { deleted: true, ..who("U0LEFT") },
        SimUser { is_ultra_restricted: true, ..who("U0VISIT") },
    ]);
    let ops = setup.slack.channels.iter_mut().find(|channel| channel.id == OPS).unwrap();
    ops.members.extend(["U0ROBOT", "U0LEFT", "U0VISIT"].map(str::to_owned));
    // Being on the list does not help.
    setup.policy.push_str(
        "requesters = [\"U0ROBOT\", \"U0LEFT\", \"U0VISIT\", \"U0OUT\", \"U0GUEST\", \"U0SECOND\"]\n",
    );
    let house = House::with(setup).await;
    for (id, why) in [
        ("U0ROBOT", "Bots are not allowed"),
        ("U0LEFT", "Your account is deactivated"),
        ("U0VISIT", "Guests are not allowed"),
        (GUS, "Guests are not allowed"),
        (OLGA, "Only members of the workspace that runs this bot are allowed"),
    ] {
        let told = is_turned_away(&house, id).await;
        assert!(told.contains(why), "{id}: {told}");
    }
    assert!(house.slack.calls_to("views.open").is_empty());
    house.ends().await;
}

/// Only whom the policy lists may ask, be it by name, group or channel.
fn asked_by(principal: &str) -> Options {
    let mut options = policy(&format!("requesters = [\"{principal}\"]\n"));
    let users = vec![RAE.to_owned()];
    options.slack.groups.push(SimGroup { id: "S0ASK".to_owned(), handle: "askers".to_owned(), users });
    options.slack.channels.push(marketo_api_user::sim::slack::SimChannel::public(
        "C0ASK",
        "ask-here",
        &[RAE],
    ));
    options
}

#[tokio::test]
async fn only_whom_the_policy_lists_may_ask() {
    for principal in [RAE, "S0ASK", "C0ASK"] {
        let house = House::with(asked_by(principal)).await;
        let told = is_turned_away(&house, SAM).await;
        assert!(told.contains("not on the list of people who are allowed"), "{told}");
        assert_snapshot!(format!("not_listed_{principal}"), told);
        house.rae_asks(&[]).await;
        house.presses(&house.ada, "Approve").await;
        assert_eq!(house.created().len(), 1);
        house.ends().await;
    }
}

fn refuses_beside_email(reply: &Reply) -> String {
    assert_eq!(reply.status, 200);
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(answer["response_action"], "errors", "{answer}");
    answer["errors"]["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_submission_by_a_guest_who_never_saw_the_form_is_not_accepted() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Email", "wrong")]).await.unwrap();
    let sent = house.rae.submits().await.unwrap().reply.sent;
    for (id, team, why) in [(GUS, "T0001", "Guests are not allowed"), (OLGA, "T0999", "Only members")] {
        let by = |payload: &mut Value| {
            payload["user"] = json!({"id": id, "team_id": team});
            payload["view"]["state"]["values"]["email"]["value"]["value"] = json!("svc-crm@example.com");
        };
        // The first time nothing is known about them, and nothing is taken on trust.
        let reply = house.work.send(&forged(&house, &sent, by)).await;
        assert!(refuses_beside_email(&reply).contains("I couldn't check your permissions"));
        house.drain().await.unwrap();
        // Whoever presses the button again gets another trigger.
        let again = |payload: &mut Value| {
            by(payload);
            payload["trigger_id"] = json!(format!("1.2.{id}"));
        };
        let reply = house.work.send(&forged(&house, &sent, again)).await;
        assert!(refuses_beside_email(&reply).contains(why), "{}", reply.body);
    }
    house.drain().await.unwrap();
    assert!(house.slack.channel(CARDS).is_empty());
    house.ends().await;
}

#[tokio::test]
async fn values_that_the_form_never_offered_are_not_accepted() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Email", "wrong")]).await.unwrap();
    let sent = house.rae.submits().await.unwrap().reply.sent;
    for (field, value) in [
        ("role", json!({"type": "static_select", "selected_option": {"value": "1"}})),
        ("role", json!({"type": "static_select", "selected_option": {"value": "nonsense"}})),
        ("expiration", json!({"type": "datepicker", "selected_date": "2027-02-30"})),
        ("expiration", json!({"type": "datepicker", "selected_date": "9999-12-31"})),
    ] {
        let request = forged(&house, &sent, |payload| {
            let values = &mut payload["view"]["state"]["values"];
            values["email"]["value"]["value"] = json!("svc-crm@example.com");
            values[field]["value"] = value.clone();
        });
        let reply = house.work.send(&request).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        assert!(answer["errors"][field].is_string(), "{field}: {value}: {answer}");
    }
    house.drain().await.unwrap();
    assert!(house.slack.channel(CARDS).is_empty());
    house.ends().await;
}

#[tokio::test]
async fn whoever_left_the_group_since_the_form_opened_is_refused_at_the_submission() {
    let house = House::with(asked_by("S0ASK")).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.slack.set_group("S0ASK", &[]);
    let event = json!({
        "type": "event_callback", "team_id": "T0001", "api_app_id": "A0001", "event_id": "Ev1",
        "event": {"type": "subteam_members_changed", "subteam_id": "S0ASK"},
    });
    let reply = house.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    assert_eq!(reply.status, 200);
    house.drain().await.unwrap();
    let submitted = house.rae.submits().await.unwrap();
    assert!(
        submitted.errors["Email"].contains("not on the list of people who are allowed"),
        "{:?}",
        submitted.errors
    );
    house.drain().await.unwrap();
    assert!(house.slack.channel(CARDS).is_empty());
    house.ends().await;
}

#[tokio::test]
async fn where_slack_does_not_tell_who_is_in_the_group_nothing_is_accepted_until_it_does() {
    let house = House::with(asked_by("S0ASK")).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.slack.set_down(true);
    house.clock.advance(std::time::Duration::from_secs(11 * 60));
    let submitted = house.rae.submits().await.unwrap();
    assert!(
        submitted.errors["Email"].contains("I couldn't check your permissions"),
        "{:?}",
        submitted.errors
    );
    house.drain().await.unwrap();
    house.slack.set_down(false);
    house.rae.submits().await.unwrap();
    house.drain().await.unwrap();
    // The first try after Slack came back has asked; the next one is taken.
    if house.rae.open_view().is_some() {
        assert!(house.rae.submits().await.unwrap().closed);
    }
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_command_of_another_workspace_or_app_is_ignored() {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\napp_id = \"A0001\"");
    let house = House::with(setup).await;
    let command = house.rae.command(OPS, "/marketo-api-user");
    for foreign in [
        command.replace("team_id=T0001", "team_id=T0999"),
        command.replace("api_app_id=A0001", "api_app_id=A0999"),
    ] {
        assert_ne!(foreign, command);
        let reply =
            house.work.post_signed("/slack/commands", "application/x-www-form-urlencoded", &foreign).await;
        assert_quiet(&reply);
    }
    house.drain().await.unwrap();
    assert!(house.rae.open_view().is_none());
    house.ends().await;
}
