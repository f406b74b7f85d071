//! What a request is, what can happen to it, and who is allowed to do it: pure functions over plain data.
//!
//! This module must not know of async, I/O, a clock, SQL, HTTP, or the vendors' types. Time comes in as an argument; ids
//! are opaque. Types with private fields are only made by `parse`, so that every value is valid.

pub mod allowed_options;
pub mod catalog;
pub mod change;
pub mod decide;
pub mod delivery;
pub mod digest;
pub mod effect;
pub mod event;
pub mod expiration;
pub mod form;
pub mod message;
pub mod note;
pub mod people;
pub mod policy;
pub mod problem;
pub mod reminder;
pub mod request;
pub mod review;
pub mod schedule;
pub mod text;
