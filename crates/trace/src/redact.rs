//! What of an exchange is never written anywhere: credentials, in header fields and in URLs.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Header fields whose value is a secret.
const HEADERS: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "x-functions-key",
    "x-auth-token",
];
/// How the names of such fields end elsewhere.
const HEADER_ENDS: [&str; 7] =
    ["api-key", "apikey", "api_key", "-token", "-secret", "-password", "-subscription-key"];
/// Header fields whose value is a URL.
const URLS: [&str; 3] = ["location", "content-location", "referer"];
/// Query parameters whose value is a secret.
const PARAMETERS: [&str; 6] = ["key", "sig", "auth", "pwd", "passwd", "code"];
/// How the names of such parameters end elsewhere.
const PARAMETER_ENDS: [&str; 8] =
    ["token", "secret", "password", "signature", "credential", "api_key", "api-key", "apikey"];

/// Whether the value of this header field is a secret.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&&*name) || HEADER_ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether the value of this query parameter is a secret; its name may be percent-encoded.
pub fn is_secret_parameter(name: &str) -> bool {
    let name = decoded(name).to_ascii_lowercase();
    PARAMETERS.contains(&&*name) || PARAMETER_ENDS.iter().any(|end| name.ends_with(end))
}

/// The value of a header field as it may be shown.
pub fn header<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret_header(name) {
        REDACTED.into()
    } else if URLS.iter().any(|of_url| name.eq_ignore_ascii_case(of_url)) {
        url(value)
    } else {
        value.into()
    }
}

/// A URL, or the target of a request, as it may be shown.
pub fn url(url: &str) -> Cow<'_, str> {
    let (head, fragment) = url.split_once('#').map_or((url, None), |(head, rest)| (head, Some(rest)));
    let (place, query) = head.split_once('?').map_or((head, None), |(place, query)| (place, Some(query)));
    let shown = without_user(place);
    let is_secret = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| is_secret_parameter(name));
    if shown == place && !query.is_some_and(|query| query.split('&').any(is_secret)) {
        return url.into();
    }
    let mut text = shown.into_owned();
    for (n, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        text.push(if n == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if is_secret_parameter(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(REDACTED);
            }
            _ => text.push_str(pair),
        }
    }
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    text.into()
}

/// The query parameters of a URL, as written but for secrets.
pub fn query(url: &str) -> Vec<(String, String)> {
    let head = url.split_once('#').map_or(url, |(head, _)| head);
    let Some((_, query)) = head.split_once('?') else { return Vec::new() };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), if is_secret_parameter(name) { REDACTED } else { value }.to_owned())
        })
        .collect()
}

/// A URL without the user and the password before its host.
fn without_user(place: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = place.split_once("://") else { return place.into() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{path}").into(),
        None => place.into(),
    }
}

/// A name without its percent-encoding.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |n: usize| char::from(*bytes.get(at + n)?).to_digit(16);
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_headers_are_not_shown_and_limits_are() {
        for name in ["Authorization", "X-API-Key", "api-key", "Set-Cookie", "x-goog-api-key", "X-Vault-Token"]
        {
            assert_eq!(header(name, "s3cret"), REDACTED, "{name}");
        }
        for name in ["x-ratelimit-remaining-tokens", "idempotency-key", "content-type"] {
            assert_eq!(header(name, "17"), "17", "{name}");
        }
        assert_eq!(header("Location", "/next?token=s3cret"), "/next?token=[redacted]");
    }

    #[test]
    fn secrets_in_urls_are_not_shown() {
        for (given, shown) in [
            ("/v1/x?key=s3cret&n=1", "/v1/x?key=[redacted]&n=1"),
            ("/v1/x?n=1&%6bey=s3cret#key=1", "/v1/x?n=1&%6bey=[redacted]#key=1"),
            ("http://me:s3cret@host:80/x", "http://[redacted]@host:80/x"),
            ("http://me:s3cret@host?a=b", "http://[redacted]@host?a=b"),
            ("https://host/x?X-Amz-Signature=s3cret", "https://host/x?X-Amz-Signature=[redacted]"),
            ("/a?monkey=1&x", "/a?monkey=1&x"),
            ("/a@b:c", "/a@b:c"),
            ("", ""),
        ] {
            assert_eq!(url(given), shown);
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let pairs = query("/x?a=1&&api_key=s3cret&b#c=d");
        assert_eq!(pairs, [pair("a", "1"), pair("api_key", REDACTED), pair("b", "")]);
    }
}
