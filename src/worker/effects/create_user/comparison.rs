//! Compares a user in Marketo with what was approved. Pure.
//!
//! Rights (role, workspace, end of access, API Only) must be those that were approved. Names are compared tolerantly:
//! Marketo may show them in another Unicode form or case, with HTML entities, or cut. What is tolerated is still a
//! difference that people are told of.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use unicode_normalization::UnicodeNormalization;

use crate::{
    domain::change::{CreateUser, Detail, Difference},
    marketo::{ShownTime, User, UserDetails},
};

/// How far the end of access may be off: Marketo may keep a day, or another time zone's day.
const END_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);
/// A name that is cut has at least so many characters, unless it is cut at a character that Marketo cannot store.
const SHORTEST_CUT_NAME: usize = 20;

/// The differences between a user and what was approved.
#[derive(Debug)]
pub(super) struct Comparison {
    differences: Vec<Difference>,
    is_acceptable: bool,
}

impl Comparison {
    /// Compares what Marketo lists and, if they were read, the rights.
    pub(super) fn of(approved: &CreateUser, listed: &User, details: Option<&UserDetails>) -> Self {
        let mut comparison = Self { differences: Vec::new(), is_acceptable: true };
        let names = [
            (Detail::FirstName, approved.first_name.as_str(), &listed.first_name),
            (Detail::LastName, approved.last_name.as_str(), &listed.last_name),
        ];
        for (detail, approved, shown) in names {
            if approved != shown.trim() {
                comparison.add(detail, Some(approved), Some(shown.trim()), is_same_name(approved, shown));
            }
        }
        let is_api_only = details.and_then(|details| details.api_only).unwrap_or(listed.api_only);
        if !(is_api_only && listed.api_only) {
            comparison.add(Detail::ApiOnly, Some("yes"), Some("no"), false);
        }
        if let Some(details) = details {
            comparison.compare_roles(approved, details);
            comparison.compare_end(approved, &details.expires_at);
        }
        comparison
    }

    /// Whether the user may be taken for the one that was approved.
    pub(super) fn is_acceptable(&self) -> bool {
        self.is_acceptable
    }

    pub(super) fn differs_in(&self, detail: Detail) -> bool {
        self.differences.iter().any(|difference| difference.detail == detail)
    }

    pub(super) fn into_differences(self) -> Vec<Difference> {
        self.differences
    }

    fn add(&mut self, detail: Detail, approved: Option<&str>, shown: Option<&str>, is_tolerated: bool) {
        let text = |text: &str| text.to_owned();
        self.differences.push(Difference { detail, before: approved.map(text), after: shown.map(text) });
        self.is_acceptable &= is_tolerated;
    }

    fn compare_roles(&mut self, approved: &CreateUser, details: &UserDetails) {
        let expected = (approved.role.id, approved.workspace.id);
        if details.roles.iter().all(|role| (role.role_id, role.workspace_id) == expected)
            && !details.roles.is_empty()
        {
            return;
        }
        let name = |name: &str, id: i64| if name.is_empty() { id.to_string() } else { name.to_owned() };
        let joined = |names: Vec<String>| (!names.is_empty()).then(|| names.join(", "));
        let has_other_role = details.roles.iter().any(|role| role.role_id != approved.role.id);
        if has_other_role || details.roles.is_empty() {
            let roles = details.roles.iter().map(|role| name(&role.role_name, role.role_id)).collect();
            self.add(Detail::Role, Some(&approved.role.name), joined(roles).as_deref(), false);
        }
        if details.roles.iter().any(|role| role.workspace_id != approved.workspace.id) {
            let workspaces = details.roles.iter().map(|role| name(&role.workspace_name, role.workspace_id));
            let shown = joined(workspaces.collect());
            self.add(Detail::Workspace, Some(&approved.workspace.name), shown.as_deref(), false);
        }
    }

    fn compare_end(&mut self, approved: &CreateUser, shown: &ShownTime) {
        let expiration = approved.expiration.as_ref();
        let date = expiration.map(|expiration| expiration.date().to_string());
        let (shown, is_tolerated) = match (expiration, shown) {
            (None, ShownTime::Never) => return,
            (Some(expiration), ShownTime::At(at)) => {
                let off = at.duration_since(expiration.at()).abs();
                if off < SignedDuration::from_secs(1) {
                    return;
                }
                (Some(moment(*at)), off <= END_TOLERANCE)
            }
            (Some(_), ShownTime::Never) => (None, false),
            (None, ShownTime::At(at)) => (Some(moment(*at)), false),
            (_, ShownTime::Unreadable(text)) => (Some(text.clone()), false),
        };
        self.add(Detail::Expiration, date.as_deref(), shown.as_deref(), is_tolerated);
    }
}

fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whether Marketo may show the name `approved` as `shown`.
fn is_same_name(approved: &str, shown: &str) -> bool {
    let (approved, shown) = (normal_form(approved), normal_form(&html_escape::decode_html_entities(shown)));
    if approved == shown || without_astral(&approved) == without_astral(&shown) {
        return true;
    }
    // The shown form may end in the middle of what was composed, so characters are compared and not bytes.
    let Some(rest) = approved.strip_prefix(shown.as_str()) else { return false };
    let is_cut_at_emoji = rest.trim_start().starts_with(is_astral);
    !shown.is_empty() && (is_cut_at_emoji || shown.chars().count() >= SHORTEST_CUT_NAME)
}

/// The compatibility form in lower case, with single spaces.
fn normal_form(name: &str) -> String {
    let lower: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A character that some databases cannot store: they cut the text there, drop it, or replace it.
fn is_astral(c: char) -> bool {
    u32::from(c) > 0xFFFF
}

/// The text without such characters and what they are replaced by.
fn without_astral(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| !is_astral(*c) && !matches!(c, '?' | '\u{fffd}' | '\u{fe0f}')).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "tests/comparison.rs"]
mod tests;
