//! What counts as the approved user.

use super::*;
use crate::{
    domain::{
        change::Named,
        expiration::{Expiration, Zone},
        text::{Email, PersonName},
    },
    marketo::UserRole,
};

fn approved(first_name: &str) -> CreateUser {
    CreateUser {
        instance: "production".to_owned(),
        email: Email::parse("svc@example.com").unwrap(),
        first_name: PersonName::parse(first_name).unwrap(),
        last_name: PersonName::parse("Crm").unwrap(),
        role: Named { id: 101, name: "API Only".to_owned() },
        workspace: Named { id: 1, name: "Default".to_owned() },
        expiration: None,
    }
}

fn listed(first_name: &str) -> User {
    let (userid, email) = ("svc@example.com".to_owned(), "svc@example.com".to_owned());
    let (first_name, last_name) = (first_name.to_owned(), "Crm".to_owned());
    User { id: 1, userid, email, first_name, last_name, api_only: true }
}

fn role(role_id: i64, workspace_id: i64) -> UserRole {
    let (role_name, workspace_name) = (format!("Role {role_id}"), format!("Workspace {workspace_id}"));
    UserRole { role_id, role_name, workspace_id, workspace_name }
}

fn details(roles: Vec<UserRole>) -> UserDetails {
    UserDetails { api_only: Some(true), is_locked: false, expires_at: ShownTime::Never, roles }
}

fn compare(approved: &CreateUser, details: &UserDetails) -> Comparison {
    Comparison::of(approved, &listed("Svc"), Some(details))
}

fn in_words(comparison: Comparison) -> Vec<(Detail, Option<String>)> {
    comparison
        .into_differences()
        .into_iter()
        .map(|difference| (difference.detail, difference.after))
        .collect()
}

#[test]
fn names_are_the_same_however_marketo_shows_them() {
    let long = "Nightly Synchronization Of Accounts";
    for (approved_name, shown) in [
        ("Ren\u{e9}e", "Rene\u{301}e"),
        ("Sync", "SYNC"),
        ("Q&A <Sync>", "Q&amp;A &lt;Sync&gt;"),
        ("O'Neil", "O&#39;Neil"),
        ("Sync \u{1F680} Leads", "Sync"),
        ("Sync \u{1F680} Leads", "Sync  Leads"),
        ("Sync \u{1F680} Leads", "Sync ? Leads"),
        ("Sync \u{1F680} Leads", "Sync \u{FFFD} Leads"),
        ("\u{FF33}vc", "Svc"),
        (long, &long[..25]),
        ("Svc", " Svc "),
    ] {
        let comparison = Comparison::of(&approved(approved_name), &listed(shown), None);
        assert!(comparison.is_acceptable(), "{approved_name} as {shown}");
        let is_shown = comparison.differs_in(Detail::FirstName);
        assert_eq!(is_shown, approved_name != shown.trim(), "{approved_name} as {shown}");
    }
    for (approved_name, shown) in
        [("Svc", "Sv"), ("Svc", ""), ("Svc", "Universal"), (long, "Nightly"), ("Svc", "Svc2")]
    {
        let comparison = Comparison::of(&approved(approved_name), &listed(shown), None);
        assert!(!comparison.is_acceptable(), "{approved_name} as {shown}");
    }
}

#[test]
fn every_right_is_compared() {
    let user = approved("Svc");
    assert!(compare(&user, &details(vec![role(101, 1)])).is_acceptable());
    let table = [
        (vec![role(1, 1)], vec![(Detail::Role, Some("Role 1"))]),
        (vec![role(101, 0)], vec![(Detail::Workspace, Some("Workspace 0"))]),
        (
            vec![role(101, 1), role(1, 0)],
            vec![
                (Detail::Role, Some("Role 101, Role 1")),
                (Detail::Workspace, Some("Workspace 1, Workspace 0")),
            ],
        ),
        (Vec::new(), vec![(Detail::Role, None)]),
    ];
    for (roles, expected) in table {
        let comparison = compare(&user, &details(roles));
        assert!(!comparison.is_acceptable());
        let expected: Vec<_> =
            expected.into_iter().map(|(detail, text)| (detail, text.map(str::to_owned))).collect();
        assert_eq!(in_words(comparison), expected);
    }
    let normal = UserDetails { api_only: Some(false), ..details(vec![role(101, 1)]) };
    assert_eq!(in_words(compare(&user, &normal)), [(Detail::ApiOnly, Some("no".to_owned()))]);
}

#[test]
fn end_of_access_may_be_off_by_a_day() {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let zone = Zone::named("America/New_York").unwrap();
    let end = Expiration::parse("2027-01-31", &zone, now, SignedDuration::from_hours(24 * 365)).unwrap();
    let at = end.at();
    let user = CreateUser { expiration: Some(end), ..approved("Svc") };
    let shown = |expires_at| compare(&user, &UserDetails { expires_at, ..details(vec![role(101, 1)]) });
    let same = shown(ShownTime::At(at));
    assert!(same.is_acceptable() && !same.differs_in(Detail::Expiration));
    let cut = shown(ShownTime::At(at - SignedDuration::from_hours(23)));
    assert!(cut.is_acceptable() && cut.differs_in(Detail::Expiration));
    for other in [
        ShownTime::Never,
        ShownTime::At(at + SignedDuration::from_hours(25)),
        ShownTime::Unreadable("soon".to_owned()),
    ] {
        assert!(!shown(other.clone()).is_acceptable(), "{other:?}");
    }
    let never = compare(
        &approved("Svc"),
        &UserDetails { expires_at: ShownTime::At(at), ..details(vec![role(101, 1)]) },
    );
    assert!(!never.is_acceptable());
}
