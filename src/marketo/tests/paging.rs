//! Every user is listed exactly once, whatever the unit of `pageOffset`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{count, instance};
use crate::{
    marketo::{
        Class,
        users::{OffsetUnit, UserPages},
    },
    sim::{
        fault::Fault,
        marketo::{BeyondEnd, Paging, Setup, SimUser},
    },
};

fn users(count: i64) -> Vec<SimUser> {
    (1..=count).map(|id| SimUser::new(id, &format!("u{id}@example.com"), "U", "Ser", id % 2 == 0)).collect()
}

#[tokio::test]
async fn every_user_is_listed_once_whether_offsets_are_records_or_pages() {
    for paging in [Paging::Records, Paging::Pages] {
        for number in [0, 1, 199, 200, 201, 400, 450] {
            let (sim, client, _) = instance(Setup { paging, users: users(number), ..Setup::default() }).await;
            for round in ["first", "again"] {
                let ids: Vec<i64> = client.all_users().await.unwrap().iter().map(|user| user.id).collect();
                assert_eq!(ids, (1..=number).collect::<Vec<_>>(), "{paging:?}, {number} users, {round}");
            }
            let last = format!("U{number}@EXAMPLE.com");
            let found = client.find_user(&last).await.unwrap().map(|user| user.id);
            assert_eq!(found, (number > 0).then_some(number), "{paging:?}, {number} users");
            assert!(count(&sim, "allusers") <= 15, "{paging:?}, {number}: {}", count(&sim, "allusers"));
        }
    }
}

#[tokio::test]
async fn page_that_is_shorter_than_requested_is_not_the_end() {
    for paging in [Paging::Records, Paging::Pages] {
        for beyond_end in [BeyondEnd::Empty, BeyondEnd::LastPage] {
            for (page_limit, number) in [(1, 3), (2, 5), (3, 9), (20, 20), (20, 50), (150, 450), (199, 400)] {
                let users = users(number);
                let setup = Setup { paging, page_limit, beyond_end, users, ..Setup::default() };
                let (_sim, client, _) = instance(setup).await;
                for round in ["first", "again"] {
                    let users = client.all_users().await.unwrap();
                    let ids: Vec<i64> = users.iter().map(|user| user.id).collect();
                    let what = format!("{paging:?}, {beyond_end:?}, {number} by {page_limit}, {round}");
                    assert_eq!(ids, (1..=number).collect::<Vec<_>>(), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn instance_that_refuses_offsets_beyond_the_end_is_read_to_the_end() {
    for number in [2, 20, 200, 450] {
        let (beyond_end, users) = (BeyondEnd::Refuse, users(number));
        let (_sim, client, _) = instance(Setup { beyond_end, users, ..Setup::default() }).await;
        for round in ["first", "again"] {
            assert_eq!(client.all_users().await.unwrap().len(), number.unsigned_abs() as usize, "{round}");
        }
    }
    // By pages there is no offset that surely exists: whether there are more users cannot be told.
    let (beyond_end, paging) = (BeyondEnd::Refuse, Paging::Pages);
    let (_sim, client, _) =
        instance(Setup { beyond_end, paging, users: users(450), ..Setup::default() }).await;
    assert_eq!(client.all_users().await.unwrap_err().class, Class::Unreadable);
}

#[tokio::test]
async fn search_stops_at_the_page_that_has_the_user() {
    let (sim, client, _) = instance(Setup { users: users(450), ..Setup::default() }).await;
    assert_eq!(client.find_user(" U7@Example.com ").await.unwrap().unwrap().userid, "u7@example.com");
    assert_eq!(count(&sim, "allusers"), 1);
    assert_eq!(client.find_user("nobody@example.com").await.unwrap(), None);
}

#[tokio::test]
async fn user_is_found_by_login_unless_another_has_the_email() {
    let mut users = users(450);
    users[3].userid = "u440@example.com".to_owned();
    users[4].userid = "login@example.com".to_owned();
    let (_sim, client, _) = instance(Setup { users, ..Setup::default() }).await;
    let found = async |email| client.find_user(email).await.unwrap().map(|user| user.id);
    assert_eq!(found("Login@example.com").await, Some(5));
    assert_eq!(found("u440@example.com").await, Some(440));
}

#[tokio::test]
async fn listing_costs_one_call_more_than_its_pages() {
    for (paging, number, first, again) in [
        (Paging::Records, 450, 5, 4),
        (Paging::Pages, 450, 4, 4),
        (Paging::Records, 3, 2, 2),
        (Paging::Pages, 3, 2, 2),
    ] {
        let (sim, client, _) = instance(Setup { paging, users: users(number), ..Setup::default() }).await;
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first, "{paging:?} {number}");
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first + again, "{paging:?} {number}");
    }
}

#[tokio::test]
async fn failing_later_page_is_not_the_end() {
    let refusal = |status: u16, code: i64| Fault::Answer {
        status,
        body: json!({"errors": [{"code": code, "message": "pageOffset is out of range"}]}),
        retry_after: None,
    };
    for (status, code, class) in [
        (400, 1003, Class::Unreadable),
        (404, 610, Class::Unreadable),
        (400, 702, Class::Unreadable),
        (400, 709, Class::Unreadable),
        (500, 713, Class::Unknown),
    ] {
        for (page, number) in [(1, 450), (2, 450), (1, 3)] {
            let (sim, client, _) = instance(Setup { users: users(number), ..Setup::default() }).await;
            sim.faults().script_many("allusers", &Fault::Slow(Duration::ZERO), page);
            sim.faults().script("allusers", refusal(status, code));
            let what = format!("{code} on page {page} of {number} users");
            assert_eq!(client.all_users().await.unwrap_err().class, class, "{what}");
            sim.faults().script_many("allusers", &Fault::Slow(Duration::ZERO), page);
            sim.faults().script("allusers", refusal(status, code));
            assert_eq!(client.find_user("nobody@example.com").await.unwrap_err().class, class, "{what}");
        }
    }
}

/// Lists the users that `page` serves. Returns their ids and the requested offsets.
fn list(unit: &OffsetUnit, page: impl Fn(u32) -> Vec<Value>) -> Result<(Vec<i64>, Vec<u32>), &'static str> {
    let mut pages = UserPages::new(unit);
    let (mut ids, mut offsets) = (Vec::new(), Vec::new());
    while let Some(offset) = pages.next_offset() {
        offsets.push(offset);
        ids.extend(pages.add_page(&page(offset))?.iter().map(|user| user.id));
    }
    Ok((ids, offsets))
}

fn entry(id: u32) -> Value {
    json!({"id": id, "emailAddress": format!("u{id}@example.com")})
}

#[test]
fn server_that_ignores_the_offset_does_not_cause_a_loop() {
    let (ids, offsets) = list(&OffsetUnit::default(), |_| (1..=200).map(entry).collect()).unwrap();
    assert_eq!(ids.len(), 200);
    assert_eq!(offsets, [0, 1, 199]);
}

#[test]
fn endless_list_is_an_error() {
    let endless = list(&OffsetUnit::default(), |offset| (offset + 1..=offset + 200).map(entry).collect());
    assert_eq!(endless.unwrap_err(), "the list has no end");
}

/// 450 users by page offsets. An offset beyond the end returns nothing, or the last page again.
fn in_pages(offset: u32, is_clamped: bool) -> Vec<Value> {
    let offset = if is_clamped { offset.min(2) } else { offset };
    (offset * 200 + 1..=450.min(offset * 200 + 200)).map(entry).collect()
}

fn in_records(offset: u32) -> Vec<Value> {
    (offset + 1..=450.min(offset + 200)).map(entry).collect()
}

#[test]
fn changed_unit_is_detected_in_both_directions() {
    let unit = OffsetUnit::default();
    for (by_pages, expected) in [
        (true, vec![0, 1, 2, 3]),
        (false, vec![0, 1, 200, 399, 449]),
        (false, vec![0, 199, 398, 449]),
        (true, vec![0, 199, 1, 2, 3]),
    ] {
        let (ids, offsets) =
            list(&unit, |offset| if by_pages { in_pages(offset, false) } else { in_records(offset) })
                .unwrap();
        assert_eq!(ids, (1..=450).collect::<Vec<_>>());
        assert_eq!(offsets, expected);
    }
}

#[test]
fn server_that_repeats_its_last_page_hides_no_user() {
    let (ids, offsets) = list(&OffsetUnit::default(), |offset| in_pages(offset, true)).unwrap();
    assert_eq!((ids.len(), offsets), (450, vec![0, 1, 2, 3]));
    // With a single page the server seems to ignore the offset, which proves nothing about the unit.
    let unit = OffsetUnit::default();
    assert_eq!(list(&unit, |_| in_pages(0, true)).unwrap().0.len(), 200);
    assert_eq!(list(&unit, |offset| in_pages(offset, true)).unwrap().0.len(), 450);
}

#[test]
fn users_added_between_two_pages_do_not_confuse_the_listing() {
    // By pages: a user added in front pushes one of the first page onto the second.
    let pages = |offset: u32| match offset {
        0 => (2..=201).map(entry).collect(),
        1 => (201..=400).map(entry).collect(),
        2 => (401..=450).map(entry).collect(),
        _ => Vec::new(),
    };
    assert_eq!(list(&OffsetUnit::default(), pages).unwrap().0.len(), 449);
    // By records: a user added in front makes it seem that the server ignores the offset.
    let front = |offset: u32| if offset == 0 { in_records(0) } else { in_records(offset - 1) };
    assert_eq!(list(&OffsetUnit::default(), front).unwrap().0.len(), 450);
    // By records: a user added at the end.
    let end = |offset: u32| match offset {
        0 => (1..=200).map(entry).collect(),
        1 => (2..=201).map(entry).collect(),
        200 => vec![entry(201)],
        _ => Vec::new(),
    };
    assert_eq!(list(&OffsetUnit::default(), end).unwrap().0.len(), 201);
}

#[test]
fn user_who_is_deleted_between_two_pages_hides_no_other() {
    let unit = OffsetUnit::default();
    list(&unit, in_records).unwrap();
    // Users 1 to 5 are deleted after the first page: the page after it would begin behind user 201.
    let shifted = |offset: u32| if offset == 0 { in_records(0) } else { in_records(offset + 5) };
    assert_eq!(list(&unit, shifted), Err("the list changed while it was read"));
}

#[test]
fn unreadable_entries_are_skipped_unless_none_is_readable() {
    let unreadable = json!({"id": 7, "emailAddress": null});
    let (ids, _) =
        list(&OffsetUnit::default(), |_| vec![entry(1), unreadable.clone(), json!(3), entry(2)]).unwrap();
    assert_eq!(ids, [1, 2]);
    assert!(list(&OffsetUnit::default(), |_| vec![json!({"mail": "x"})]).is_err());
}
