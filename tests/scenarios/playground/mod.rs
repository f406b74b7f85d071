//! The playground's page over HTTP, without a browser: what it shows, what people can do on it, and whom it refuses.

mod access;
mod controls;
mod page;
mod policy;
mod rendering;
mod scenarios;
