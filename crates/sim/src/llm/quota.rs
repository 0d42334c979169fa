//! What a provider's answers say in their header besides: who they are, and what its limits leave.

use std::time::{Duration, SystemTime};

use node::{Allowance, Allowances};
use topology::llm::Api;
use trace::HopId;

/// Whether the provider says with a refusal how long to wait.
pub(super) fn tells_wait(api: Api) -> bool {
    !matches!(api, Api::Gemini | Api::Ollama)
}

/// The header fields of an answer to this hop. `since_1970` is now.
pub(super) fn fields(
    api: Api,
    hop: HopId,
    left: Option<&Allowances>,
    since_1970: Duration,
) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    match api {
        Api::OpenAi => fields.push(("x-request-id", format!("req_{hop}"))),
        Api::Anthropic => fields.push(("request-id", format!("req_{hop}"))),
        Api::DashScope => fields.push(("x-request-id", hop.to_string())),
        Api::Gemini | Api::Mistral | Api::Ollama => {}
    }
    let Some(left) = left else { return fields };
    match api {
        Api::OpenAi => {
            for (left, names) in [(left.requests, OPENAI_REQUESTS), (left.tokens, OPENAI_TOKENS)] {
                fields.extend(left.into_iter().flat_map(|left| three(names, left, wait(left.full_in))));
            }
        }
        Api::Anthropic => {
            for (left, names) in [(left.requests, ANTHROPIC_REQUESTS), (left.tokens, ANTHROPIC_TOKENS)] {
                fields.extend(left.into_iter().flat_map(|left| {
                    let full_at = SystemTime::UNIX_EPOCH + since_1970 + left.full_in;
                    three(names, left, humantime::format_rfc3339_seconds(full_at).to_string())
                }));
            }
        }
        Api::Gemini | Api::Mistral | Api::Ollama | Api::DashScope => {}
    }
    fields
}

type Names = [&'static str; 3];

/// Source: <https://platform.openai.com/docs/guides/rate-limits>.
const OPENAI_REQUESTS: Names =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const OPENAI_TOKENS: Names =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
/// Source: <https://platform.claude.com/docs/en/api/rate-limits>.
const ANTHROPIC_REQUESTS: Names = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const ANTHROPIC_TOKENS: Names = [
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];

fn three(names: Names, left: Allowance, reset: String) -> [(&'static str, String); 3] {
    let [limit, remaining, reset_name] = names;
    [(limit, left.limit.to_string()), (remaining, left.remaining.to_string()), (reset_name, reset)]
}

/// As `OpenAI` writes it: `6m0s`, `1.5s`, `20ms`.
fn wait(wait: Duration) -> String {
    let ms = wait.as_millis();
    match (ms / 60_000, ms % 60_000) {
        (0, ms) if ms < 1000 => format!("{ms}ms"),
        (0, ms) => format!("{}s", ms as f64 / 1e3),
        (minutes, ms) => format!("{minutes}m{}s", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_as_openai_does() {
        let written = [20, 1500, 60_000, 361_000].map(|ms| wait(Duration::from_millis(ms)));
        assert_eq!(written, ["20ms", "1.5s", "1m0s", "6m1s"]);
    }

    #[test]
    fn fields_are_the_providers_own() {
        let left = Allowance { limit: 60, remaining: 59, full_in: Duration::from_secs(1) };
        let left = Allowances { requests: Some(left), tokens: None };
        let of = |api| fields(api, HopId(1), Some(&left), Duration::from_secs(1_700_000_000));
        assert_eq!(
            of(Api::Anthropic)[1..],
            [
                ("anthropic-ratelimit-requests-limit", "60".to_owned()),
                ("anthropic-ratelimit-requests-remaining", "59".to_owned()),
                ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:21Z".to_owned()),
            ]
        );
        assert_eq!(of(Api::OpenAi)[3], ("x-ratelimit-reset-requests", "1s".to_owned()));
        assert_eq!(of(Api::Gemini), []);
    }
}
