//! Paging through `allusers.json`. Adobe does not document whether `pageOffset` counts records or pages, so this finds
//! out. Pure: it returns the next offset to request, and is given each page.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use super::{
    error::{Class, Error},
    wire::User,
};

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
    /// The second page, because an earlier listing found that the unit is records.
    Remembered,
    Records(u32),
    Pages(u32),
    Done,
}

/// One listing of all users.
pub(super) struct UserPages<'a> {
    unit: &'a OffsetUnit,
    step: PageStep,
    pages_left: u32,
    seen: HashSet<Key>,
    /// The first entry of the first page.
    first: Option<Key>,
    has_readable: bool,
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
    /// A longer list, over 100,000 users, is an error: it may have no end.
    const MAX_PAGES: u32 = 500;

    pub(super) fn new(unit: &'a OffsetUnit) -> Self {
        Self {
            unit,
            step: PageStep::First,
            pages_left: Self::MAX_PAGES,
            seen: HashSet::new(),
            first: None,
            has_readable: false,
        }
    }

    /// The `pageOffset` to request, or `None` at the end.
    pub(super) fn next_offset(&self) -> Option<u32> {
        match self.step {
            PageStep::First => Some(0),
            PageStep::Probe => Some(1),
            PageStep::Remembered => Some(Self::PAGE_SIZE),
            PageStep::Records(offset) | PageStep::Pages(offset) => Some(offset),
            PageStep::Done => None,
        }
    }

    /// Whether an error means the end of the list: Marketo may refuse an offset beyond it.
    pub(super) fn is_end(&self, error: &Error) -> bool {
        self.step != PageStep::First && matches!(error.class, Class::Refused | Class::NoSuchResource)
    }

    /// Adds the requested page and returns its new users.
    ///
    /// # Errors
    /// If no entry of the whole list can be read, or the list has no end.
    pub(super) fn add_page(&mut self, entries: &[Value]) -> Result<Vec<User>, &'static str> {
        let mut page = Page { length: entries.len(), ..Page::default() };
        let mut users = Vec::new();
        for entry in entries {
            let user = User::read(entry);
            let key = key(user.as_ref(), entry);
            page.repeats_first |= self.first.as_ref() == Some(&key);
            self.first.get_or_insert_with(|| key.clone());
            if self.seen.insert(key) {
                users.extend(user);
            } else {
                page.repeated += 1;
            }
        }
        self.has_readable |= !users.is_empty();
        self.step = self.step_after(&page);
        self.pages_left -= 1;
        if self.step == PageStep::Done && !self.has_readable && !self.seen.is_empty() {
            return Err("no entry of the list can be read");
        }
        if self.step != PageStep::Done && self.pages_left == 0 {
            return Err("the list has no end");
        }
        Ok(users)
    }

    fn step_after(&self, page: &Page) -> PageStep {
        let full = usize::try_from(Self::PAGE_SIZE).unwrap_or(usize::MAX);
        let has_more = page.length >= full && page.repeated < page.length;
        match self.step {
            PageStep::First if !has_more => PageStep::Done,
            PageStep::First if self.unit.is_records.load(Ordering::Relaxed) => PageStep::Remembered,
            PageStep::First => PageStep::Probe,
            // A page that starts one record later repeats almost all of the first page; the second page almost nothing.
            PageStep::Probe if page.length >= full / 2 && page.repeated >= page.length / 2 => {
                // If the first entry is repeated, the server may ignore the offset, or a user was just added in front.
                // Then this proves nothing about the unit.
                self.unit.is_records.store(!page.repeats_first, Ordering::Relaxed);
                PageStep::Records(Self::PAGE_SIZE)
            }
            PageStep::Remembered if page.repeated == page.length => {
                self.unit.is_records.store(false, Ordering::Relaxed);
                PageStep::Probe
            }
            PageStep::Probe if has_more => PageStep::Pages(2),
            PageStep::Remembered if has_more => PageStep::Records(2 * Self::PAGE_SIZE),
            PageStep::Records(offset) if has_more => {
                PageStep::Records(offset.saturating_add(Self::PAGE_SIZE))
            }
            PageStep::Pages(offset) if has_more => PageStep::Pages(offset.saturating_add(1)),
            PageStep::Probe
            | PageStep::Remembered
            | PageStep::Records(_)
            | PageStep::Pages(_)
            | PageStep::Done => PageStep::Done,
        }
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
}

fn key(user: Option<&User>, entry: &Value) -> Key {
    match user {
        Some(user) if user.id != 0 => Key::Id(user.id),
        Some(user) if !user.userid.is_empty() => Key::Name(user.userid.to_lowercase()),
        Some(user) => Key::Name(user.email.to_lowercase()),
        None => Key::Raw(entry.to_string()),
    }
}
