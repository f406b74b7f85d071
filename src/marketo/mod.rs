//! Marketo REST client.
