//! Simulated Slack Web API.
