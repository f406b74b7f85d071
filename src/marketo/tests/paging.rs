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
        marketo::{Paging, Setup, SimUser},
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
async fn search_stops_at_the_page_that_has_the_user() {
    let (sim, client, _) = instance(Setup { users: users(450), ..Setup::default() }).await;
    assert_eq!(client.find_user(" U7@Example.com ").await.unwrap().unwrap().userid, "u7@example.com");
    assert_eq!(count(&sim, "allusers"), 1);
    assert_eq!(client.find_user("nobody@example.com").await.unwrap(), None);
}

#[tokio::test]
async fn detecting_the_unit_costs_one_call_once() {
    for (paging, first, again) in [(Paging::Records, 4, 3), (Paging::Pages, 3, 3)] {
        let (sim, client, _) = instance(Setup { paging, users: users(450), ..Setup::default() }).await;
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first, "{paging:?}");
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first + again, "{paging:?}");
    }
}

#[tokio::test]
async fn refused_offset_beyond_the_first_page_ends_the_list() {
    let (sim, client, _) = instance(Setup { users: users(200), ..Setup::default() }).await;
    client.authenticate().await.unwrap();
    let body = json!({"errors": [{"code": 1003, "message": "pageOffset is out of range"}]});
    let refusal = Fault::Answer { status: 400, body, retry_after: None };
    sim.faults().script("allusers", refusal.clone());
    assert_eq!(
        client.all_users().await.unwrap_err().class,
        Class::Refused,
        "for the first page it is an error"
    );
    sim.faults().script("allusers", Fault::Slow(Duration::ZERO));
    sim.faults().script("allusers", refusal);
    assert_eq!(client.all_users().await.unwrap().len(), 200);
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
    assert_eq!(offsets, [0, 1, 200]);
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
        (true, vec![0, 1, 2]),
        (false, vec![0, 1, 200, 400]),
        (false, vec![0, 200, 400]),
        (true, vec![0, 200, 1, 2]),
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
    assert_eq!((ids.len(), offsets), (450, vec![0, 1, 2]));
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
fn unreadable_entries_are_skipped_unless_none_is_readable() {
    let unreadable = json!({"id": 7, "emailAddress": null});
    let (ids, _) =
        list(&OffsetUnit::default(), |_| vec![entry(1), unreadable.clone(), json!(3), entry(2)]).unwrap();
    assert_eq!(ids, [1, 2]);
    assert!(list(&OffsetUnit::default(), |_| vec![json!({"mail": "x"})]).is_err());
}
