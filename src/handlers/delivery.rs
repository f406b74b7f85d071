//! Whether this process has received a delivery before. The recorded deliveries in the database are authoritative; this
//! prevents repeats of what saves nothing, such as opening a form, while the database is down.

/// Whether this process has received a delivery before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Not as far as this process knows.
    First,
    /// It has.
    Repeated,
}
