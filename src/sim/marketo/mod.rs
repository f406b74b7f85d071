//! Simulated Marketo REST API.
