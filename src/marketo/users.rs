//! Paging through `allusers.json`. Adobe does not document whether `pageOffset` counts records or pages, so this finds
//! out. Pure: it returns the next offset to request, and is given each page.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use super::wire::User;

/// What earlier listings learned about the unit of `pageOffset`. Only "records" is worth remembering: if the unit is
/// pages, the call that finds out is the one that fetches the second page anyway.
#[derive(Debug, Default)]
pub(super) struct OffsetUnit {
    is_records: AtomicBool,
}

/// The next page to request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PageStep {
    First,
    /// Offset 1: the second page if the unit is pages; almost the first page again if it is records.
    Probe,
    /// From the last user so far on: a page of records, which must begin with that user.
    Records,
    Pages(u32),
    Done,
}

/// One listing of all users.
///
/// Marketo decides how many users a page has, so a page that is shorter than requested is not the end of the list; an
/// error is not the end either. The list ends with a page that is empty or has nothing new. By records, each page repeats
/// the last user of the one before: an offset is then never beyond the end, which Marketo may refuse, and the deletion of
/// one user during the listing cannot hide another.
pub(super) struct UserPages<'a> {
    unit: &'a OffsetUnit,
    step: PageStep,
    pages_left: u32,
    seen: HashSet<Key>,
    /// The first entry of the first page, and the last entry so far.
    first: Option<Key>,
    last: Option<Key>,
    /// How many entries there are so far.
    entries: u32,
    has_readable: bool,
    has_probed: bool,
}

/// What identifies an entry.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Id(i64),
    Name(String),
    /// The JSON of an unreadable entry.
    Raw(String),
}

impl<'a> UserPages<'a> {
    /// The page size to request, the largest that Marketo allows.
    pub(super) const PAGE_SIZE: u32 = 200;
    /// A longer list is an error: it may have no end.
    const MAX_PAGES: u32 = 500;

    pub(super) fn new(unit: &'a OffsetUnit) -> Self {
        Self {
            unit,
            step: PageStep::First,
            pages_left: Self::MAX_PAGES,
            seen: HashSet::new(),
            first: None,
            last: None,
            entries: 0,
            has_readable: false,
            has_probed: false,
        }
    }

    /// The `pageOffset` to request, or `None` at the end.
    pub(super) fn next_offset(&self) -> Option<u32> {
        match self.step {
            PageStep::First => Some(0),
            PageStep::Probe => Some(1),
            PageStep::Records => Some(self.entries.saturating_sub(1)),
            PageStep::Pages(offset) => Some(offset),
            PageStep::Done => None,
        }
    }

    /// Adds the requested page and returns its new users.
    ///
    /// # Errors
    /// If no entry of the whole list can be read, the list has no end, or it changed so much that users may be missing.
    pub(super) fn add_page(&mut self, entries: &[Value]) -> Result<Vec<User>, &'static str> {
        let mut page = Page { length: entries.len(), ..Page::default() };
        let mut users = Vec::new();
        let last = self.last.clone();
        for entry in entries {
            let user = User::read(entry);
            let key = key(user.as_ref(), entry);
            page.repeats_first |= self.first.as_ref() == Some(&key);
            page.repeats_last |= last.as_ref() == Some(&key);
            self.first.get_or_insert_with(|| key.clone());
            if self.seen.insert(key.clone()) {
                self.last = Some(key);
                self.entries = self.entries.saturating_add(1);
                users.extend(user);
            } else {
                page.repeated += 1;
            }
        }
        self.has_readable |= !users.is_empty();
        self.step = self.step_after(&page)?;
        self.has_probed |= self.step == PageStep::Probe;
        self.pages_left -= 1;
        if self.step == PageStep::Done && !self.has_readable && !self.seen.is_empty() {
            return Err("no entry of the list can be read");
        }
        if self.step != PageStep::Done && self.pages_left == 0 {
            return Err("the list has no end");
        }
        Ok(users)
    }

    fn step_after(&self, page: &Page) -> Result<PageStep, &'static str> {
        let has_new = page.repeated < page.length;
        Ok(match self.step {
            PageStep::First if page.length == 0 => PageStep::Done,
            PageStep::First if self.unit.is_records.load(Ordering::Relaxed) => PageStep::Records,
            PageStep::First => PageStep::Probe,
            // The second page repeats almost nothing of the first. A page that starts one record later repeats almost all of
            // it, and tells nothing new if that was all.
            PageStep::Probe if page.repeated > page.length / 2 => {
                // If the first entry is repeated, the server may ignore the offset, or a user was just added in front. Then
                // this proves nothing about the unit.
                self.unit.is_records.store(!page.repeats_first, Ordering::Relaxed);
                if has_new || page.repeats_first { PageStep::Records } else { PageStep::Done }
            }
            PageStep::Probe if has_new => PageStep::Pages(2),
            PageStep::Records if page.repeats_last => {
                if has_new {
                    PageStep::Records
                } else {
                    PageStep::Done
                }
            }
            // The unit is pages after all, or users were deleted during the listing.
            PageStep::Records if !self.has_probed => {
                self.unit.is_records.store(false, Ordering::Relaxed);
                PageStep::Probe
            }
            PageStep::Records => return Err("the list changed while it was read"),
            PageStep::Pages(offset) if has_new => PageStep::Pages(offset.saturating_add(1)),
            PageStep::Probe | PageStep::Pages(_) | PageStep::Done => PageStep::Done,
        })
    }
}

/// What the next step depends on.
#[derive(Default)]
struct Page {
    length: usize,
    /// How many of its entries were on earlier pages.
    repeated: usize,
    /// Whether it repeats the first entry of the first page.
    repeats_first: bool,
    /// Whether it repeats the last new entry of the pages before.
    repeats_last: bool,
}

fn key(user: Option<&User>, entry: &Value) -> Key {
    match user {
        Some(user) if user.id != 0 => Key::Id(user.id),
        Some(user) if !user.userid.is_empty() => Key::Name(user.userid.to_lowercase()),
        Some(user) => Key::Name(user.email.to_lowercase()),
        None => Key::Raw(entry.to_string()),
    }
}
