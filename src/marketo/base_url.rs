//! The base URL of an instance, as people copy it from Marketo's admin pages. It knows no endpoint.

use url::Url;

use super::error::BuildError;

/// The URL without `/rest` and without a trailing slash: Marketo rejects a double slash in a path.
///
/// # Errors
/// If it is not a URL of a host, or has more parts than a base URL.
pub(super) fn normalize(text: &str) -> Result<String, BuildError> {
    let url = Url::parse(text.trim()).map_err(|_| BuildError::BaseUrl("is not a URL"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(BuildError::BaseUrl("must start with https:// and name a host"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(BuildError::BaseUrl("must not contain a user, a query or a fragment"));
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(base.strip_suffix("/rest").unwrap_or(base).trim_end_matches('/').to_owned())
}
