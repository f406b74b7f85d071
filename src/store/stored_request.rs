//! A request as the database stores it: versioned JSON. What a newer version of the program wrote is left to that version,
//! even where this one could read it: saving it again would drop what only the newer one knows.

use serde::Serialize;

use super::{StoreError, from_json, stored_effect::Version, to_json};
use crate::domain::request::Request;

/// The version of newly written requests. Raise it when the program before could not read them, or would lose something
/// by saving them. Requests without a version are older than versions.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct Versioned<'a> {
    v: u32,
    #[serde(flatten)]
    request: &'a Request,
}

pub(super) fn encode(request: &Request) -> Result<String, StoreError> {
    to_json("request", &Versioned { v: VERSION, request })
}

/// # Errors
/// [`StoreError::Newer`] if a newer version wrote it.
pub(super) fn decode(body: &str) -> Result<Request, StoreError> {
    if from_json::<Version>("request", body).is_ok_and(|version| version.v > VERSION) {
        return Err(StoreError::Newer { what: "request" });
    }
    from_json("request", body)
}

/// The requests that this version can read.
pub(super) fn decode_readable<'a>(
    bodies: impl Iterator<Item = Result<&'a str, sqlx::Error>>,
) -> Result<Vec<Request>, StoreError> {
    let mut requests = Vec::new();
    for body in bodies {
        match decode(body?) {
            Ok(request) => requests.push(request),
            Err(StoreError::Newer { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(requests)
}
