//! The playground's page over HTTP, without a browser: what it shows, what people can do on it, and whom it refuses.

#![cfg(feature = "demo")]

mod door;
mod hands;
mod policy;
mod shows;
mod story;
mod support;
