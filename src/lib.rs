//! A Slack bot that creates API-only users in Adobe Marketo.

pub mod app;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod dispatch;
pub mod domain;
pub mod engine;
pub mod health;
pub mod http;
pub mod marketo;
pub mod sim;
pub mod slack;
pub mod store;
pub mod telemetry;
