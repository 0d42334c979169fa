//! What each real client does, as its source has it and as the test finds it.

use super::scripts::Script;
use Script::{BadForEver, BadTwice, Limited, LimitedForLong, Refused, Reset, Slow, Unavailable};

/// The shortest and the longest wait that a client's own rule allows, in seconds.
pub(super) type Gap = (f64, f64);

/// A client, and the preset that is to do the same.
#[derive(Debug)]
pub(super) struct Client {
    /// As the driver knows it.
    pub(super) name: &'static str,
    /// The package whose rule it is.
    pub(super) package: &'static str,
    pub(super) preset: &'static str,
    pub(super) rows: &'static [Row],
}

/// What a client does under a script.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) script: Script,
    /// From the end of each attempt to the begin of the next.
    pub(super) gaps: &'static [Gap],
    /// From the end of the last attempt to the call's.
    pub(super) rest: Gap,
    pub(super) outcome: &'static str,
    /// It waits not by sleep alone: what it sleeps is not its rule.
    pub(super) waits_otherwise: bool,
    /// How the preset differs, if it does.
    pub(super) differs: Option<&'static str>,
}

impl Row {
    pub(super) fn attempts(&self) -> usize {
        self.gaps.len() + 1
    }

    /// Between attempts, and after the last.
    pub(super) fn waits(&self) -> impl Iterator<Item = Gap> {
        self.gaps.iter().copied().chain([self.rest])
    }

    const fn then_waits(self, rest: Gap) -> Self {
        Self { rest, ..self }
    }

    const fn waits_otherwise(self) -> Self {
        Self { waits_otherwise: true, ..self }
    }

    const fn but(self, differs: &'static str) -> Self {
        Self { differs: Some(differs), ..self }
    }
}

const fn row(method: &'static str, script: Script, gaps: &'static [Gap], outcome: &'static str) -> Row {
    Row { method, script, gaps, rest: (0.0, 0.0), outcome, waits_otherwise: false, differs: None }
}

const fn get(script: Script, gaps: &'static [Gap], outcome: &'static str) -> Row {
    row("GET", script, gaps, outcome)
}

const fn post(script: Script, gaps: &'static [Gap], outcome: &'static str) -> Row {
    row("POST", script, gaps, outcome)
}

/// One attempt.
const ONE: &[Gap] = &[];
const TWO_AND_TWO: &[Gap] = &[(2.0, 2.0); 2];
/// The wait that the server asks for.
const AS_TOLD: &[Gap] = &[(2.0, 2.0)];
const AT_ONCE: &[Gap] = &[(0.0, 0.0); 3];
/// urllib3 does not wait before the first retry.
const RECIPE: &[Gap] = &[(0.0, 0.0), (2.0, 2.0), (4.0, 4.0)];
const EXPONENTIAL: &[Gap] = &[(1.0, 1.0), (2.0, 2.0)];
const HTTPX: &[Gap] = &[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)];
/// min(0.5 * 2^(k-1), 8), less up to a quarter.
const SDK: &[Gap] = &[(0.375, 0.5), (0.75, 1.0)];
const LEGACY: &[Gap] = &[(0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 8.0)];
const STANDARD: &[Gap] = &[(0.0, 0.05), (0.0, 0.1)];
const THROTTLED: &[Gap] = &[(0.0, 1.0)];
/// Or longer: after the first 429 each attempt takes a token, of which there is at least one in 2 s.
const FOR_A_TOKEN: &[Gap] = &[(0.0, 2.0)];

/// Presets that badgateway does not have yet: only the real clients are held to their rows.
pub(super) const NOT_THERE_YET: &[&str] = &[
    "requests-default",
    "requests-httpadapter-3",
    "requests-retry-recipe",
    "urllib3-default",
    "tenacity-wait-exponential",
    "httpx-default",
    "httpx-transport-retries-3",
    "openai-python-3.x",
    "anthropic-python-2.x",
    "botocore-legacy",
    "botocore-standard-2.1",
    "botocore-adaptive",
];

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "naive loop",
        package: "requests",
        preset: "python-requests-loop",
        rows: &[
            get(BadTwice, TWO_AND_TWO, "returns 200"),
            get(BadForEver, TWO_AND_TWO, "returns None")
                .then_waits((2.0, 2.0))
                .but("ends without the last sleep"),
            get(Refused, ONE, "returns None"),
            get(Reset, ONE, "returns None"),
            get(Limited, ONE, "returns None"),
            get(Unavailable, ONE, "returns None"),
            get(Slow, ONE, "returns None"),
        ],
    },
    Client {
        name: "requests",
        package: "requests",
        preset: "requests-default",
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, ONE, "raises ConnectionError"),
            get(Reset, ONE, "raises ConnectionError"),
            get(Limited, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
    },
    Client {
        name: "requests, max_retries=3",
        package: "requests",
        preset: "requests-httpadapter-3",
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, AT_ONCE, "raises ConnectionError"),
            get(Reset, AT_ONCE, "raises ConnectionError"),
            get(Limited, AS_TOLD, "returns 200"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, AT_ONCE, "raises ConnectionError"),
            post(Refused, AT_ONCE, "raises ConnectionError"),
            post(Reset, ONE, "raises ConnectionError"),
            post(Limited, ONE, "returns 429"),
            post(Slow, ONE, "raises ReadTimeout"),
        ],
    },
    Client {
        name: "requests, Retry recipe",
        package: "urllib3",
        preset: "requests-retry-recipe",
        rows: &[
            get(BadTwice, &[(0.0, 0.0), (2.0, 2.0)], "returns 200"),
            get(Refused, RECIPE, "raises ConnectionError"),
            get(Reset, RECIPE, "raises ConnectionError"),
            get(Limited, AS_TOLD, "returns 200"),
            get(Unavailable, RECIPE, "raises RetryError"),
            get(Slow, RECIPE, "raises ConnectionError"),
            post(BadTwice, ONE, "returns 502"),
            post(Refused, RECIPE, "raises ConnectionError"),
            post(Reset, ONE, "raises ConnectionError"),
            post(Limited, ONE, "returns 429"),
            post(Unavailable, ONE, "returns 503"),
            post(Slow, ONE, "raises ReadTimeout"),
        ],
    },
    Client {
        name: "urllib3",
        package: "urllib3",
        preset: "urllib3-default",
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, AT_ONCE, "raises MaxRetryError"),
            get(Reset, AT_ONCE, "raises MaxRetryError"),
            get(Limited, AS_TOLD, "returns 200"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, AT_ONCE, "raises MaxRetryError"),
            post(BadTwice, ONE, "returns 502"),
            post(Refused, AT_ONCE, "raises MaxRetryError"),
            post(Reset, ONE, "raises ProtocolError"),
            post(Limited, ONE, "returns 429"),
            post(Unavailable, ONE, "returns 503"),
            post(Slow, ONE, "raises ReadTimeoutError"),
        ],
    },
    Client {
        name: "tenacity, wait_exponential",
        package: "tenacity",
        preset: "tenacity-wait-exponential",
        rows: &[
            get(BadTwice, EXPONENTIAL, "returns 200"),
            get(Refused, EXPONENTIAL, "raises RetryError"),
            get(Reset, EXPONENTIAL, "raises RetryError"),
            get(Limited, &[(1.0, 1.0)], "returns 200"),
            get(Unavailable, EXPONENTIAL, "raises RetryError"),
            get(Slow, EXPONENTIAL, "raises RetryError"),
        ],
    },
    Client {
        name: "httpx",
        package: "httpx",
        preset: "httpx-default",
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, ONE, "raises ConnectError"),
            get(Reset, ONE, "raises ReadError"),
            get(Limited, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
    },
    Client {
        name: "httpx, retries=3",
        package: "httpx",
        preset: "httpx-transport-retries-3",
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, HTTPX, "raises ConnectError"),
            get(Reset, ONE, "raises ReadError"),
            get(Limited, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
    },
    Client {
        name: "openai",
        package: "openai",
        preset: "openai-python-3.x",
        rows: &[
            post(BadTwice, SDK, "returns"),
            post(Refused, SDK, "raises APIConnectionError"),
            post(Reset, SDK, "raises APIConnectionError"),
            post(Limited, AS_TOLD, "returns"),
            post(LimitedForLong, ONE, "raises RateLimitError"),
            post(Unavailable, SDK, "raises InternalServerError"),
            post(Slow, SDK, "raises APITimeoutError"),
        ],
    },
    Client {
        name: "anthropic",
        package: "anthropic",
        preset: "anthropic-python-2.x",
        rows: &[
            post(BadTwice, SDK, "returns"),
            post(Refused, SDK, "raises APIConnectionError"),
            post(Reset, SDK, "raises APIConnectionError"),
            post(Limited, AS_TOLD, "returns"),
            post(Unavailable, SDK, "raises ServiceUnavailableError"),
            post(Slow, SDK, "raises APITimeoutError"),
        ],
    },
    Client {
        name: "botocore, legacy",
        package: "botocore",
        preset: "botocore-legacy",
        rows: &[
            post(BadTwice, &[(0.0, 1.0), (0.0, 2.0)], "returns"),
            post(Refused, LEGACY, "raises EndpointConnectionError"),
            post(Reset, LEGACY, "raises ConnectionClosedError"),
            post(Limited, THROTTLED, "returns"),
            post(Unavailable, LEGACY, "raises ClientError"),
            post(Slow, LEGACY, "raises ReadTimeoutError"),
        ],
    },
    Client {
        name: "botocore, standard",
        package: "botocore",
        preset: "botocore-standard-2.1",
        rows: &[
            post(BadTwice, STANDARD, "returns"),
            post(Refused, STANDARD, "raises EndpointConnectionError"),
            post(Reset, STANDARD, "raises ConnectionClosedError"),
            post(Limited, THROTTLED, "returns"),
            post(Unavailable, STANDARD, "raises ClientError"),
            post(Slow, STANDARD, "raises ReadTimeoutError"),
        ],
    },
    Client {
        name: "botocore, adaptive",
        package: "botocore",
        preset: "botocore-adaptive",
        rows: &[
            post(BadTwice, STANDARD, "returns"),
            post(Refused, STANDARD, "raises EndpointConnectionError"),
            post(Reset, STANDARD, "raises ConnectionClosedError"),
            post(Limited, FOR_A_TOKEN, "returns").waits_otherwise(),
            post(Unavailable, STANDARD, "raises ClientError"),
            post(Slow, STANDARD, "raises ReadTimeoutError"),
        ],
    },
];
