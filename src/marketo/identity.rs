//! The identity system of an instance, which is a setting: no endpoint tells it.

/// How the `userid` of a user relates to the email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not known: the id is read from Marketo, never derived.
    Auto,
    /// Marketo Identity: the id is the email address.
    Marketo,
    /// Adobe Identity (IMS): the id is a GUID that Adobe assigns.
    Adobe,
}
