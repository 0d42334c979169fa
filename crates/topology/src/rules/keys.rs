//! Where API keys are in a request.

/// A key that stands for none: it is good wherever there are no consumers.
pub const GOOD_KEY: &str = "badgateway";
/// The field of credentials.
pub const AUTHORIZATION: &str = "authorization";
/// What keys begin with there.
const BEARER: &str = "Bearer ";
/// Other fields in which API keys are sent; where there is one, it is what counts.
pub const KEY_FIELDS: [&str; 5] = ["x-api-key", "api-key", "apikey", "x-goog-api-key", "x-ibm-client-id"];

/// The credentials with this key.
pub fn bearer(key: &str) -> String {
    format!("{BEARER}{key}")
}

/// The API key among the fields of a request; the credentials that every node accepts are none.
pub fn key_of<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let key = KEY_FIELDS.into_iter().find_map(&field);
    key.or_else(|| field(AUTHORIZATION)?.strip_prefix(BEARER)).filter(|key| *key != GOOD_KEY)
}
