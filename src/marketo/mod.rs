//! The client of Marketo's REST API: the token, the budget of calls, the wire types and the error classes.
//! It offers the few calls that creating API-only users needs; [`Client::invite`] is the only one that writes.
//!
//! It must not know what a request, an approval or Slack is, and it never repeats a write whose outcome is
//! unknown: it says so ([`Class::Unknown`]), and the caller looks before it tries again. Only a refused token
//! leads to one repetition, because Marketo answers it before it does anything.
//! E-mails, names and reasons, the token, the secret and the identity URL are in no log and no error here.

mod budget;
mod client;
mod error;
mod identity;
mod permit;
mod redact;
mod response;
mod shared;
mod token;
mod transport;
mod users;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{Client, DEFAULT_TIMEOUT, Settings};
pub use error::{BuildError, Call, Class, Error};
pub use identity::Identity;
pub use shared::{BoxFuture, PermitRequest, PermitResponse, SharedPermits};
pub use wire::{InviteUser, Role, User, Workspace};
