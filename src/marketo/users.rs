//! Walks through the pages of `allusers.json`. Whether `pageOffset` counts records or pages is documented
//! nowhere, so the walk finds out. Pure: it says which offset to ask for next and is given what came.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use super::{
    error::{Class, Error},
    wire::User,
};

/// What is known about the unit of `pageOffset`. Only "records" is worth remembering: pages are found out by
/// the very call that a walk in pages makes next.
#[derive(Debug, Default)]
pub(super) struct OffsetUnit {
    records: AtomicBool,
}

/// What the next page will be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PageStep {
    First,
    /// Offset 1: the second page if the unit is pages, nearly the first page again if it is records.
    Probe,
    /// The second page, because earlier walks have found records.
    Remembered,
    Records(u32),
    Pages(u32),
    Done,
}

/// One walk through all users.
pub(super) struct UserPages<'a> {
    unit: &'a OffsetUnit,
    step: PageStep,
    pages_left: u32,
    seen: HashSet<Key>,
    /// The very first entry.
    head: Option<Key>,
    read: bool,
}

/// What tells two entries apart.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Id(i64),
    Name(String),
    /// An entry that cannot be read: its JSON.
    Raw(String),
}

impl<'a> UserPages<'a> {
    /// The page size that is asked for, the largest that Marketo gives.
    pub(super) const PAGE: u32 = 200;
    /// A walk ends here with an error rather than never: 100,000 users.
    const MOST_PAGES: u32 = 500;

    pub(super) fn new(unit: &'a OffsetUnit) -> Self {
        Self {
            unit,
            step: PageStep::First,
            pages_left: Self::MOST_PAGES,
            seen: HashSet::new(),
            head: None,
            read: false,
        }
    }

    /// The `pageOffset` to ask for, or `None` at the end.
    pub(super) fn next_offset(&self) -> Option<u32> {
        match self.step {
            PageStep::First => Some(0),
            PageStep::Probe => Some(1),
            PageStep::Remembered => Some(Self::PAGE),
            PageStep::Records(offset) | PageStep::Pages(offset) => Some(offset),
            PageStep::Done => None,
        }
    }

    /// Whether a failed page means that there are no more: an offset beyond the end may be refused.
    pub(super) fn is_end(&self, error: &Error) -> bool {
        self.step != PageStep::First && matches!(error.class, Class::Refused | Class::NoSuchResource)
    }

    /// Takes the page that was asked for and returns the users in it that are new.
    ///
    /// # Errors
    /// What is wrong with the list as a whole: none of it can be read, or it has no end.
    pub(super) fn take(&mut self, entries: &[Value]) -> Result<Vec<User>, &'static str> {
        let mut page = Page { length: entries.len(), ..Page::default() };
        let mut users = Vec::new();
        for entry in entries {
            let user = User::read(entry);
            let key = key(user.as_ref(), entry);
            page.has_head |= self.head.as_ref() == Some(&key);
            self.head.get_or_insert_with(|| key.clone());
            if self.seen.insert(key) {
                users.extend(user);
            } else {
                page.known += 1;
            }
        }
        self.read |= !users.is_empty();
        self.step = self.step_after(&page);
        self.pages_left -= 1;
        if self.step == PageStep::Done && !self.read && !self.seen.is_empty() {
            return Err("no entry of the list can be read");
        }
        if self.step != PageStep::Done && self.pages_left == 0 {
            return Err("the list has no end");
        }
        Ok(users)
    }

    fn step_after(&self, page: &Page) -> PageStep {
        let full = usize::try_from(Self::PAGE).unwrap_or(usize::MAX);
        let more = page.length >= full && page.known < page.length;
        match self.step {
            PageStep::First if !more => PageStep::Done,
            PageStep::First if self.unit.records.load(Ordering::Relaxed) => PageStep::Remembered,
            PageStep::First => PageStep::Probe,
            // One record further, a page repeats nearly all of the first one; the next page next to nothing.
            PageStep::Probe if page.length >= full / 2 && page.known >= page.length / 2 => {
                // With the first entry in it, it may be a server that does not look at the offset, or a user that
                // has just been added in front: then go on, but remember nothing.
                self.unit.records.store(!page.has_head, Ordering::Relaxed);
                PageStep::Records(Self::PAGE)
            }
            PageStep::Remembered if page.known == page.length => {
                self.unit.records.store(false, Ordering::Relaxed);
                PageStep::Probe
            }
            PageStep::Probe if more => PageStep::Pages(2),
            PageStep::Remembered if more => PageStep::Records(2 * Self::PAGE),
            PageStep::Records(offset) if more => PageStep::Records(offset.saturating_add(Self::PAGE)),
            PageStep::Pages(offset) if more => PageStep::Pages(offset.saturating_add(1)),
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
    /// How many of its entries had come before.
    known: usize,
    /// Whether the very first entry is in it again.
    has_head: bool,
}

fn key(user: Option<&User>, entry: &Value) -> Key {
    match user {
        Some(user) if user.id != 0 => Key::Id(user.id),
        Some(user) if !user.userid.is_empty() => Key::Name(user.userid.to_lowercase()),
        Some(user) => Key::Name(user.email.to_lowercase()),
        None => Key::Raw(entry.to_string()),
    }
}
