//! What a gateway says in the errors that it makes itself: the body, its type, and fields of its own.

use super::{Evidence, reason_phrase};
use crate::rules::Quota;
use crate::wire::{Failure, Refusal};

/// How a product words its own errors, and how that is known.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// How it is known.
    pub evidence: Evidence,
    /// What it says.
    pub says: fn(&OwnError<'_>) -> Said,
}

/// An error that a gateway makes itself.
#[derive(Debug, Clone, Copy)]
pub struct OwnError<'a> {
    /// The gateway.
    pub node: &'a str,
    /// The status.
    pub status: u16,
    /// Why there is one.
    pub why: Why,
    /// The limit that is spent, if one is.
    pub limit: Option<SpentLimit<'a>>,
}

/// Why a gateway answers with an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A callee's response did not come.
    Failed(Failure),
    /// It does not take the request.
    Refused(Refusal),
    /// A callee's error has come, and it puts words of its own in its place.
    Rewritten,
}

/// A limit of which nothing is left.
#[derive(Debug, Clone, Copy)]
pub struct SpentLimit<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it grants.
    pub quota: Quota,
    /// When there is something left again, in seconds.
    pub wait_s: u64,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// Further header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

const JSON: &str = "application/json";

impl Said {
    /// JSON.
    pub(super) fn json(body: String) -> Self {
        Self { content_type: JSON, headers: Vec::new(), body }
    }

    /// Plain text.
    pub(super) fn text(body: impl Into<String>) -> Self {
        Self { content_type: "text/plain", headers: Vec::new(), body: body.into() }
    }

    /// HTML.
    pub(super) fn html(body: String) -> Self {
        Self { content_type: "text/html", headers: Vec::new(), body }
    }

    /// The same with this field.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A text as JSON, with its quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A page as nginx makes it, signed so; without a signature if that is empty. Source: measured on nginx
/// 1.22.1.
pub(super) fn nginx_page(error: &OwnError<'_>, signature: &str) -> Said {
    let title = match error.status {
        404 => "404 Not Found".to_owned(),
        413 => "413 Request Entity Too Large".to_owned(),
        503 => "503 Service Temporarily Unavailable".to_owned(),
        504 => "504 Gateway Time-out".to_owned(),
        status => format!("{status} {}", reason_phrase(status)),
    };
    let more = match error.why {
        Why::Refused(Refusal::HeadTooLarge) => "<center>Request Header Or Cookie Too Large</center>\r\n",
        _ => "",
    };
    let signed =
        if signature.is_empty() { String::new() } else { format!("<hr><center>{signature}</center>\r\n") };
    Said::html(format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         {more}{signed}</body>\r\n</html>\r\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn say(profile: &str, status: u16, why: Why) -> Said {
        let quota: Quota = "100/min".parse().unwrap();
        let is_spent = why == Why::Refused(Refusal::RateLimited);
        let limit = is_spent.then_some(SpentLimit { name: "gold/rpm", quota, wait_s: 7 });
        (Profile::find(profile).unwrap().words.says)(&OwnError { node: "gw", status, why, limit })
    }

    #[test]
    fn what_was_measured_is_said_to_the_byte() {
        let refused = Why::Failed(Failure::ConnectionRefused);
        assert_eq!(say("nginx", 502, refused).body.len(), 157);
        assert_eq!(say("nginx", 504, Why::Failed(Failure::HeadTimeout)).body.len(), 167);
        assert_eq!(say("haproxy", 502, Why::Failed(Failure::ConnectionTerminated)).body.len(), 107);
        assert_eq!(say("haproxy", 503, refused).body.len(), 107);
        assert_eq!(say("haproxy", 504, Why::Failed(Failure::HeadTimeout)).body.len(), 92);
        assert_eq!(say("caddy", 502, refused).body, "");
        assert_eq!(say("traefik", 502, refused).body, "Bad Gateway");
    }

    #[test]
    fn what_calls_itself_json_is() {
        for profile in Profile::ALL {
            let whys = Failure::ALL.map(Why::Failed).into_iter().chain(Refusal::ALL.map(Why::Refused));
            for why in whys.chain([Why::Rewritten]) {
                for status in [400, 401, 408, 429, 500, 502, 503, 504] {
                    let said = say(profile.name, status, why);
                    let is_json = serde_json::from_str::<serde_json::Value>(&said.body).is_ok();
                    assert!(is_json || said.content_type != JSON, "{}: {said:?}", profile.name);
                }
            }
        }
    }

    #[test]
    fn a_spent_limit_is_told_in_the_products_own_fields() {
        let fields = |profile| say(profile, 429, Why::Refused(Refusal::RateLimited)).headers;
        let told = ("x-ratelimit-limit", "name=gold/rpm,100;".to_owned());
        assert!(fields("ibm-api-connect").contains(&told));
        assert!(fields("kong").contains(&("x-ratelimit-limit-minute", "100".to_owned())));
        assert!(fields("apisix").contains(&("x-ratelimit-reset", "7".to_owned())));
        assert!(fields("nginx").is_empty());
    }
}
