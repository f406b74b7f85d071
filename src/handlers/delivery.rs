//! Whether a delivery is known to be a repeat before anything is looked up. The stored deliveries have the last word; this
//! keeps apart what leaves nothing behind, such as the opening of a form, where the database is away.

/// What a door remembers of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It comes for the first time, as far as this process knows.
    First,
    /// It came before, to this process.
    Repeated,
}
