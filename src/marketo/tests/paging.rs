//! Every user exactly once, whatever `pageOffset` counts.

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

fn people(number: i64) -> Vec<SimUser> {
    (1..=number).map(|id| SimUser::new(id, &format!("u{id}@example.com"), "U", "Ser", id % 2 == 0)).collect()
}

#[tokio::test]
async fn every_user_is_found_exactly_once_in_both_readings() {
    for paging in [Paging::Records, Paging::Pages] {
        for number in [0, 1, 199, 200, 201, 400, 450] {
            let (sim, client, _) =
                instance(Setup { paging, users: people(number), ..Setup::default() }).await;
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
async fn a_search_ends_at_the_page_that_has_the_user() {
    let (sim, client, _) = instance(Setup { users: people(450), ..Setup::default() }).await;
    assert_eq!(client.find_user(" U7@Example.com ").await.unwrap().unwrap().userid, "u7@example.com");
    assert_eq!(count(&sim, "allusers"), 1);
    assert_eq!(client.find_user("nobody@example.com").await.unwrap(), None);
}

#[tokio::test]
async fn finding_out_the_unit_costs_one_call_and_only_once() {
    for (paging, first, again) in [(Paging::Records, 4, 3), (Paging::Pages, 3, 3)] {
        let (sim, client, _) = instance(Setup { paging, users: people(450), ..Setup::default() }).await;
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first, "{paging:?}");
        client.all_users().await.unwrap();
        assert_eq!(count(&sim, "allusers"), first + again, "{paging:?}");
    }
}

#[tokio::test]
async fn an_offset_beyond_the_end_may_be_refused() {
    let (sim, client, _) = instance(Setup { users: people(200), ..Setup::default() }).await;
    client.authenticate().await.unwrap();
    let body = json!({"errors": [{"code": 1003, "message": "pageOffset is out of range"}]});
    let refusal = Fault::Answer { status: 400, body, retry_after: None };
    sim.faults().script("allusers", refusal.clone());
    assert_eq!(
        client.all_users().await.unwrap_err().class,
        Class::Refused,
        "of the first page it is an error"
    );
    sim.faults().script("allusers", Fault::Slow(Duration::ZERO));
    sim.faults().script("allusers", refusal);
    assert_eq!(client.all_users().await.unwrap().len(), 200);
}

/// Walks over a list that `page` serves, and returns the ids and the offsets asked for.
fn walk(unit: &OffsetUnit, page: impl Fn(u32) -> Vec<Value>) -> Result<(Vec<i64>, Vec<u32>), &'static str> {
    let mut walk = UserPages::new(unit);
    let (mut ids, mut offsets) = (Vec::new(), Vec::new());
    while let Some(offset) = walk.next_offset() {
        offsets.push(offset);
        ids.extend(walk.take(&page(offset))?.iter().map(|user| user.id));
    }
    Ok((ids, offsets))
}

fn entry(id: u32) -> Value {
    json!({"id": id, "emailAddress": format!("u{id}@example.com")})
}

#[test]
fn a_server_that_ignores_the_offset_ends_the_walk() {
    let (ids, offsets) = walk(&OffsetUnit::default(), |_| (1..=200).map(entry).collect()).unwrap();
    assert_eq!(ids.len(), 200);
    assert_eq!(offsets, [0, 1, 200]);
}

#[test]
fn a_list_without_end_is_an_error_and_not_a_loop() {
    let endless = walk(&OffsetUnit::default(), |offset| (offset + 1..=offset + 200).map(entry).collect());
    assert_eq!(endless.unwrap_err(), "the list has no end");
}

/// A list of 450 users in pages; beyond the end there is nothing, or the last page again.
fn in_pages(offset: u32, clamped: bool) -> Vec<Value> {
    let offset = if clamped { offset.min(2) } else { offset };
    (offset * 200 + 1..=450.min(offset * 200 + 200)).map(entry).collect()
}

fn in_records(offset: u32) -> Vec<Value> {
    (offset + 1..=450.min(offset + 200)).map(entry).collect()
}

#[test]
fn a_change_of_the_unit_is_found_out_in_both_directions() {
    let unit = OffsetUnit::default();
    for (by_pages, expected) in [
        (true, vec![0, 1, 2]),
        (false, vec![0, 1, 200, 400]),
        (false, vec![0, 200, 400]),
        (true, vec![0, 200, 1, 2]),
    ] {
        let (ids, offsets) =
            walk(&unit, |offset| if by_pages { in_pages(offset, false) } else { in_records(offset) })
                .unwrap();
        assert_eq!(ids, (1..=450).collect::<Vec<_>>());
        assert_eq!(offsets, expected);
    }
}

#[test]
fn a_server_that_repeats_its_last_page_beyond_the_end_hides_nobody() {
    let (ids, offsets) = walk(&OffsetUnit::default(), |offset| in_pages(offset, true)).unwrap();
    assert_eq!((ids.len(), offsets), (450, vec![0, 1, 2]));
    // With one page, it looks as if nobody looked at the offset; nothing is to be learned from that.
    let unit = OffsetUnit::default();
    assert_eq!(walk(&unit, |_| in_pages(0, true)).unwrap().0.len(), 200);
    assert_eq!(walk(&unit, |offset| in_pages(offset, true)).unwrap().0.len(), 450);
}

#[test]
fn users_that_come_between_two_pages_do_not_mislead_it() {
    // In pages: one in front pushes a user of the first page onto the second.
    let pages = |offset: u32| match offset {
        0 => (2..=201).map(entry).collect(),
        1 => (201..=400).map(entry).collect(),
        2 => (401..=450).map(entry).collect(),
        _ => Vec::new(),
    };
    assert_eq!(walk(&OffsetUnit::default(), pages).unwrap().0.len(), 449);
    // In records: one in front makes offset 1 look as if nobody looked at the offset.
    let front = |offset: u32| if offset == 0 { in_records(0) } else { in_records(offset - 1) };
    assert_eq!(walk(&OffsetUnit::default(), front).unwrap().0.len(), 450);
    // In records: one at the end.
    let end = |offset: u32| match offset {
        0 => (1..=200).map(entry).collect(),
        1 => (2..=201).map(entry).collect(),
        200 => vec![entry(201)],
        _ => Vec::new(),
    };
    assert_eq!(walk(&OffsetUnit::default(), end).unwrap().0.len(), 201);
}

#[test]
fn one_unreadable_entry_is_left_out_and_a_wholly_unreadable_list_is_an_error() {
    let odd = json!({"id": 7, "emailAddress": null});
    let (ids, _) = walk(&OffsetUnit::default(), |_| vec![entry(1), odd.clone(), json!(3), entry(2)]).unwrap();
    assert_eq!(ids, [1, 2]);
    assert!(walk(&OffsetUnit::default(), |_| vec![json!({"mail": "x"})]).is_err());
}
