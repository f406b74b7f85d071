//! The Slack app's manifest. The file `manifest.yml` is the source; here it is only given another address.

/// The address that the file is written for.
const EXAMPLE: &str = "https://bot.example.com";

/// The manifest (YAML) of a bot that Slack reaches under `url`, which has no slash at its end.
pub fn manifest(url: &str) -> String {
    include_str!("../../manifest.yml").replace(EXAMPLE, url)
}
