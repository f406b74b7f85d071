//! The probe against a simulated instance, with every combination of readings.

use std::sync::Arc;

use super::*;
use crate::{
    domain::{catalog::Role, change::Named},
    marketo::{
        Settings,
        tests::{settings, tls},
    },
    sim::{
        fault::Fault,
        marketo::{
            DuplicateInvite, Identity, MarketoSim, NullExpiration, Setup, TimeFormat, UpdateWithoutFlag,
        },
    },
};

const EMAIL: &str = "probe@example.com";

async fn probed(setup: Setup) -> (Arc<MarketoSim>, Findings) {
    let clock = Clock::movable();
    let sim = MarketoSim::start(clock.clone(), setup).await.unwrap();
    (Arc::clone(&sim), probe(&sim, &clock).await)
}

async fn probe(sim: &MarketoSim, clock: &Clock) -> Findings {
    let settings = Settings { calls_per_20s: 1000, ..settings(&sim.url()) };
    let client = Client::new(settings, clock.clone(), tls()).unwrap();
    let named = |id, name: &str| Named { id, name: name.to_owned() };
    let role = Role { named: named(101, "API Only"), only_all_workspaces: false };
    let options = AllowedOptions { roles: vec![role], workspaces: vec![named(1, "Default")] };
    let running = {
        let clock = clock.clone();
        tokio::spawn(async move {
            let real = Clock::system();
            loop {
                real.sleep(Duration::from_millis(1)).await;
                clock.advance(Duration::from_millis(300));
            }
        })
    };
    let findings = Probe::new(&client, clock, EMAIL).run(&options).await;
    running.abort();
    findings
}

fn reading<'a>(findings: &'a Findings, name: &str) -> &'a str {
    let fact = findings.facts.iter().find(|fact| fact.name == name);
    fact.map_or("", |fact| fact.reading.as_str())
}

#[tokio::test]
async fn each_reading_is_told_apart_in_every_combination() {
    let formats = [
        (vec![TimeFormat::Guide], "20211231T08:00:00.000t+0000 yes; 2021-12-31T08:00:00.000t+0000 no"),
        (vec![TimeFormat::Description], "20211231T08:00:00.000t+0000 no"),
        (vec![TimeFormat::Iso], "2021-12-31T08:00:00+00:00 yes"),
        (vec![TimeFormat::Guide, TimeFormat::Description, TimeFormat::Iso], "2021-12-31T08:00:00+00:00 yes"),
    ];
    let flags =
        [(UpdateWithoutFlag::Keeps, "keeps API Only"), (UpdateWithoutFlag::Clears, "clears API Only")];
    let nulls = [
        (NullExpiration::Ignored, "nothing changes"),
        (NullExpiration::Clears, "access never ends"),
        (NullExpiration::Refused, "refused with code 1001 (HTTP 400)"),
    ];
    let pasts = [(true, true), (true, false), (false, true)];
    for (update_formats, format) in &formats {
        for (update_without_flag, flag) in flags {
            for (null_expiration, null) in nulls {
                for (accepts_past, extending_unlocks) in pasts {
                    let setup = Setup {
                        update_formats: update_formats.clone(),
                        update_without_flag,
                        null_expiration,
                        accepts_past,
                        extending_unlocks,
                        ..Setup::default()
                    };
                    let (sim, findings) = probed(setup).await;
                    assert_eq!(findings.problems, Vec::<String>::new());
                    let of = |name| reading(&findings, name);
                    assert!(of("update.json takes expiresAt as").contains(format), "{findings:?}");
                    assert_eq!(of("an update without apiOnly"), flag);
                    assert_eq!(of("an update with expiresAt null"), null);
                    let past = if accepts_past {
                        "accepted, then locked"
                    } else {
                        "refused with code 709 (HTTP 400)"
                    };
                    assert_eq!(of("an end of access in the past"), past);
                    let extended = match (accepts_past, extending_unlocks) {
                        (true, true) => "not locked",
                        (true, false) => "locked",
                        (false, _) => "",
                    };
                    assert_eq!(of("a user whose access is extended after its end is"), extended);
                    assert!(sim.users().iter().all(|user| user.email != EMAIL), "nothing is left behind");
                }
            }
        }
    }
}

#[tokio::test]
async fn creation_and_deletion_are_told_apart_in_every_combination() {
    for (identity, id) in [
        (Identity::Marketo, "the email (Marketo Identity)"),
        (Identity::Adobe, "another id (Adobe Identity)"),
    ] {
        for (duplicate_invite, duplicate) in [
            (DuplicateInvite::Refuse, "refused with code 709 (HTTP 400), creates none"),
            (DuplicateInvite::SecondRecord, "answered with true, creates a second user"),
        ] {
            for (missing_user, missing) in [
                ((404, 610), "refused with code 610 (HTTP 404)"),
                ((400, 702), "refused with code 702 (HTTP 400)"),
            ] {
                for (seconds, is_late) in [(0, false), (20, true)] {
                    let visible_after = Duration::from_secs(seconds);
                    let setup =
                        Setup { identity, duplicate_invite, missing_user, visible_after, ..Setup::default() };
                    let (sim, findings) = probed(setup).await;
                    let of = |name| reading(&findings, name);
                    assert_eq!(of("the userid is"), id);
                    // A second record is listed late, too.
                    if !is_late {
                        assert_eq!(of("an invite for an existing email"), duplicate);
                        assert!(findings.problems.is_empty(), "{findings:?}");
                        assert!(sim.users().iter().all(|user| user.email != EMAIL), "nothing is left behind");
                        if identity == Identity::Adobe || duplicate_invite == DuplicateInvite::Refuse {
                            assert_eq!(of("user.json of a deleted user"), missing);
                        }
                    }
                    assert_eq!(of("a new user is listed") != "at once", is_late, "{findings:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn existing_user_is_not_touched() {
    let users = vec![crate::sim::marketo::SimUser::new(1, EMAIL, "Some", "Body", true)];
    let (sim, findings) = probed(Setup { users: users.clone(), ..Setup::default() }).await;
    assert!(findings.problems[0].contains("in use"), "{findings:?}");
    assert_eq!(sim.users(), users);
}

#[tokio::test]
async fn user_that_cannot_be_deleted_is_named() {
    let clock = Clock::movable();
    let sim = MarketoSim::start(clock.clone(), Setup::default()).await.unwrap();
    let body = json!({"errors": [{"code": 611, "message": "You cannot delete an API user that is being used in API service"}]});
    sim.faults().persist("delete", Fault::Answer { status: 400, body, retry_after: None });
    let findings = probe(&sim, &clock).await;
    assert!(
        findings.problems.iter().any(|problem| problem.contains("probe@example.com may be left behind")),
        "{findings:?}"
    );
}
