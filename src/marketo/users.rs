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
pub(super) struct Unit {
    records: AtomicBool,
}

/// What the next page will be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
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
pub(super) struct Walk<'a> {
    unit: &'a Unit,
    step: Step,
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

impl<'a> Walk<'a> {
    /// The page size that is asked for, the largest that Marketo gives.
    pub(super) const PAGE: u32 = 200;
    /// A walk ends here with an error rather than never: 100,000 users.
    const MOST_PAGES: u32 = 500;

    pub(super) fn new(unit: &'a Unit) -> Self {
        Self {
            unit,
            step: Step::First,
            pages_left: Self::MOST_PAGES,
            seen: HashSet::new(),
            head: None,
            read: false,
        }
    }

    /// The `pageOffset` to ask for, or `None` at the end.
    pub(super) fn next_offset(&self) -> Option<u32> {
        match self.step {
            Step::First => Some(0),
            Step::Probe => Some(1),
            Step::Remembered => Some(Self::PAGE),
            Step::Records(offset) | Step::Pages(offset) => Some(offset),
            Step::Done => None,
        }
    }

    /// Whether a failed page means that there are no more: an offset beyond the end may be refused.
    pub(super) fn is_end(&self, error: &Error) -> bool {
        self.step != Step::First && matches!(error.class, Class::Refused | Class::NoSuchResource)
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
        if self.step == Step::Done && !self.read && !self.seen.is_empty() {
            return Err("no entry of the list can be read");
        }
        if self.step != Step::Done && self.pages_left == 0 {
            return Err("the list has no end");
        }
        Ok(users)
    }

    fn step_after(&self, page: &Page) -> Step {
        let full = usize::try_from(Self::PAGE).unwrap_or(usize::MAX);
        let more = page.length >= full && page.known < page.length;
        match self.step {
            Step::First if !more => Step::Done,
            Step::First if self.unit.records.load(Ordering::Relaxed) => Step::Remembered,
            Step::First => Step::Probe,
            // One record further, a page repeats nearly all of the first one; the next page next to nothing.
            Step::Probe if page.length >= full / 2 && page.known >= page.length / 2 => {
                // With the first entry in it, it may be a server that does not look at the offset, or a user that
                // has just been added in front: then go on, but remember nothing.
                self.unit.records.store(!page.has_head, Ordering::Relaxed);
                Step::Records(Self::PAGE)
            }
            Step::Remembered if page.known == page.length => {
                self.unit.records.store(false, Ordering::Relaxed);
                Step::Probe
            }
            Step::Probe if more => Step::Pages(2),
            Step::Remembered if more => Step::Records(2 * Self::PAGE),
            Step::Records(offset) if more => Step::Records(offset.saturating_add(Self::PAGE)),
            Step::Pages(offset) if more => Step::Pages(offset.saturating_add(1)),
            Step::Probe | Step::Remembered | Step::Records(_) | Step::Pages(_) | Step::Done => Step::Done,
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
