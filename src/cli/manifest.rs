//! The Slack app's manifest: the file `manifest.yml` with another base URL.

/// The base URL in the file.
const EXAMPLE: &str = "https://bot.example.com";

/// The manifest (YAML) of a bot that Slack reaches at `url`, which has no trailing slash.
pub fn manifest(url: &str) -> String {
    include_str!("../../manifest.yml").replace(EXAMPLE, url)
}

/// The scopes of the manifest, each with its purpose, which is a comment in the file.
pub(super) fn scopes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let bot = include_str!("../../manifest.yml").lines().skip_while(|line| line.trim() != "bot:").skip(1);
    bot.map_while(|line| line.trim().strip_prefix("- ")?.split_once(" # "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_scope_has_a_purpose() {
        let scopes: Vec<_> = super::scopes().collect();
        assert_eq!(scopes.len(), 11);
        assert!(scopes.iter().all(|(scope, purpose)| !scope.contains(' ') && purpose.len() > 10));
    }
}
