//! Who may request a user, checked when the form opens and again on submission.

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::{
        slack::{SimGroup, SimUser},
        user::Reply,
    },
};
use serde_json::{Value, json};

use crate::test_bot::{CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, forged, options, policy};

const GUS: &str = "U0GUEST";
const OLGA: &str = "U0OUT";

async fn is_turned_away(bot: &TestBot, id: &str) -> String {
    let reply = bot.person(id).types(OPS, "/marketo-api-user").await;
    assert_empty_ack(&reply);
    bot.drain().await.unwrap();
    assert!(bot.person(id).open_view().is_none());
    bot.ephemeral_texts(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_and_external_users_are_refused_with_a_contact() {
    let bot = TestBot::open().await;
    assert_snapshot!("guest", is_turned_away(&bot, GUS).await);
    assert_snapshot!("external_user", is_turned_away(&bot, OLGA).await);
    assert!(bot.slack.calls_to("views.open").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_deactivated_users_and_single_channel_guests_are_refused() {
    let mut setup = options();
    let who = |id: &str| SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna");
    setup.slack.users.extend([
        SimUser { is_bot: true, ..who("U0ROBOT") },
        SimUser { deleted: true, ..who("U0LEFT") },
        SimUser { is_ultra_restricted: true, ..who("U0VISIT") },
    ]);
    let ops = setup.slack.channels.iter_mut().find(|channel| channel.id == OPS).unwrap();
    ops.members.extend(["U0ROBOT", "U0LEFT", "U0VISIT"].map(str::to_owned));
    // Being listed does not help.
    setup.policy.push_str(
        "requesters = [\"U0ROBOT\", \"U0LEFT\", \"U0VISIT\", \"U0OUT\", \"U0GUEST\", \"U0SECOND\"]\n",
    );
    let bot = TestBot::with(setup).await;
    for (id, why) in [
        ("U0ROBOT", "Bots are not allowed"),
        ("U0LEFT", "Your account is deactivated"),
        ("U0VISIT", "Guests are not allowed"),
        (GUS, "Guests are not allowed"),
        (OLGA, "Only members of the workspace that runs this bot are allowed"),
    ] {
        let answer = is_turned_away(&bot, id).await;
        assert!(answer.contains(why), "{id}: {answer}");
    }
    assert!(bot.slack.calls_to("views.open").is_empty());
}

/// Only listed users, groups or channel members may request.
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

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_requesters_can_request() {
    for principal in [RAE, "S0ASK", "C0ASK"] {
        let bot = TestBot::with(asked_by(principal)).await;
        let answer = is_turned_away(&bot, SAM).await;
        assert!(answer.contains("not on the list of people who are allowed"), "{answer}");
        assert_snapshot!(format!("not_listed_{principal}"), answer);
        bot.rae_requests(&[]).await;
        bot.clicks(&bot.ada, "Approve").await;
        assert_eq!(bot.created_users().len(), 1);
    }
}

fn refuses_beside_email(reply: &Reply) -> String {
    assert_eq!(reply.status, 200);
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(answer["response_action"], "errors", "{answer}");
    answer["errors"]["email"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_submission_by_a_guest_is_rejected() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Email", "wrong")]).await.unwrap();
    let sent = bot.rae.submits().await.unwrap().reply.sent;
    for (id, team, why) in [(GUS, "T0001", "Guests are not allowed"), (OLGA, "T0999", "Only members")] {
        let by = |payload: &mut Value| {
            payload["user"] = json!({"id": id, "team_id": team});
            payload["view"]["state"]["values"]["email"]["value"]["value"] = json!("svc-crm@example.com");
        };
        // The first time nothing is known about them, and nothing is assumed.
        let reply = bot.work.send(&forged(&bot, &sent, by)).await;
        assert!(refuses_beside_email(&reply).contains("I couldn't check your permissions"));
        bot.drain().await.unwrap();
        // A second click has another trigger.
        let again = |payload: &mut Value| {
            by(payload);
            payload["trigger_id"] = json!(format!("1.2.{id}"));
        };
        let reply = bot.work.send(&forged(&bot, &sent, again)).await;
        assert!(refuses_beside_email(&reply).contains(why), "{}", reply.body);
    }
    bot.drain().await.unwrap();
    assert!(bot.slack.channel(CARDS).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_not_offered_by_the_form_are_rejected() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Email", "wrong")]).await.unwrap();
    let sent = bot.rae.submits().await.unwrap().reply.sent;
    for (field, value) in [
        ("role", json!({"type": "static_select", "selected_option": {"value": "1"}})),
        ("role", json!({"type": "static_select", "selected_option": {"value": "nonsense"}})),
        ("expiration", json!({"type": "datepicker", "selected_date": "2027-02-30"})),
        ("expiration", json!({"type": "datepicker", "selected_date": "9999-12-31"})),
    ] {
        let request = forged(&bot, &sent, |payload| {
            let values = &mut payload["view"]["state"]["values"];
            values["email"]["value"]["value"] = json!("svc-crm@example.com");
            values[field]["value"] = value.clone();
        });
        let reply = bot.work.send(&request).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        assert!(answer["errors"][field].is_string(), "{field}: {value}: {answer}");
    }
    bot.drain().await.unwrap();
    assert!(bot.slack.channel(CARDS).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_who_left_the_group_is_refused_on_submission() {
    let bot = TestBot::with(asked_by("S0ASK")).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.slack.set_group("S0ASK", &[]);
    let event = json!({
        "type": "event_callback", "team_id": "T0001", "api_app_id": "A0001", "event_id": "Ev1",
        "event": {"type": "subteam_members_changed", "subteam_id": "S0ASK"},
    });
    let reply = bot.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    assert_eq!(reply.status, 200);
    bot.drain().await.unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(
        submitted.errors["Email"].contains("not on the list of people who are allowed"),
        "{:?}",
        submitted.errors
    );
    bot.drain().await.unwrap();
    assert!(bot.slack.channel(CARDS).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_requester_membership_blocks_the_submission() {
    let bot = TestBot::with(asked_by("S0ASK")).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.slack.set_down(true);
    bot.clock.advance(std::time::Duration::from_secs(11 * 60));
    let submitted = bot.rae.submits().await.unwrap();
    assert!(
        submitted.errors["Email"].contains("I couldn't check your permissions"),
        "{:?}",
        submitted.errors
    );
    bot.drain().await.unwrap();
    bot.slack.set_down(false);
    bot.rae.submits().await.unwrap();
    bot.drain().await.unwrap();
    // The first attempt after Slack's recovery refreshes the membership; the next is accepted.
    if bot.rae.open_view().is_some() {
        assert!(bot.rae.submits().await.unwrap().closed);
    }
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_from_another_workspace_or_app_is_ignored() {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\napp_id = \"A0001\"");
    let bot = TestBot::with(setup).await;
    let command = bot.rae.command(OPS, "/marketo-api-user");
    for foreign in [
        command.replace("team_id=T0001", "team_id=T0999"),
        command.replace("api_app_id=A0001", "api_app_id=A0999"),
    ] {
        assert_ne!(foreign, command);
        let reply =
            bot.work.post_signed("/slack/commands", "application/x-www-form-urlencoded", &foreign).await;
        assert_empty_ack(&reply);
    }
    bot.drain().await.unwrap();
    assert!(bot.rae.open_view().is_none());
}
