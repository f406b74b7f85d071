//! The Slack app's manifest. The file `manifest.yml` is the source; here it is only given another address.

/// The address that the file is written for.
const EXAMPLE: &str = "https://bot.example.com";

/// The manifest (YAML) of a bot that Slack reaches under `url`, which has no slash at its end.
pub fn manifest(url: &str) -> String {
    include_str!("../../manifest.yml").replace(EXAMPLE, url)
}

/// The scopes of the manifest, each with what the bot needs it for, as the file says.
pub(super) fn scopes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let bot = include_str!("../../manifest.yml").lines().skip_while(|line| line.trim() != "bot:").skip(1);
    bot.map_while(|line| line.trim().strip_prefix("- ")?.split_once(" # "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_scope_says_what_it_is_for() {
        let scopes: Vec<_> = super::scopes().collect();
        assert_eq!(scopes.len(), 11);
        assert!(scopes.iter().all(|(scope, used_for)| !scope.contains(' ') && used_for.len() > 10));
    }
}
