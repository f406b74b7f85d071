//! Who signs people in to an instance. Nothing is asked for it here: it is a setting.

/// How a user's id relates to the e-mail address in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not known: an id is taken from what Marketo shows, and never made up.
    Auto,
    /// Marketo's own sign-in: the id is the e-mail address.
    Marketo,
    /// Adobe's sign-in (IMS): the id is a GUID that Adobe makes.
    Adobe,
}
