//! The client of Marketo's REST API: the token, the rate limits, the wire types and the error classes. It offers the
//! few calls that creating API-only users needs; [`Client::invite`] is the only write of the bot.
//!
//! It must not know what a request, an approval or Slack is; of the domain it uses only the name of a problem. It never repeats a write whose outcome is unknown: it
//! returns [`Class::Unknown`], and the caller looks the user up before it tries again. Only after a rejected token is a
//! call sent once more, because Marketo checks the token before it does anything.
//!
//! No log and no error contains an email, a name, a reason, the token, the client secret or the identity URL.

mod base_url;
mod budget;
mod client;
mod error;
mod error_body;
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
pub(crate) mod tests;

pub use client::{Client, DEFAULT_TIMEOUT, Settings};
pub use error::{BuildError, Call, Class, Error};
pub use identity::Identity;
pub use shared::{BoxFuture, PermitRequest, PermitResponse, SharedPermits};
pub use wire::{InviteUser, Role, ShownTime, User, UserDetails, UserRole, Workspace};
