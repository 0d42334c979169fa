//! What each real client does, as its source has it and as the test finds it.

use super::scripts::{LIMITED, STATUSES, Script};
use Script::{BadForEver, BadTwice, Blackhole, Closed, Cut, Refused, Reset, Slow, Told, Unavailable};

/// Enough for a budget of retries to run out.
pub(super) const CALLS: usize = 40;

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
    /// Which of the statuses it tries again.
    pub(super) statuses: &'static [u16],
    /// Which of them it tries again if they come with `Retry-After`.
    pub(super) statuses_with_wait: &'static [u16],
    pub(super) rows: &'static [Row],
    /// How many attempts it makes in [`CALLS`] calls that get nothing but 503.
    pub(super) attempts_of_many: usize,
    /// Rows that would take too long by the clock.
    pub(super) long_rows: &'static [Row],
}

impl Client {
    /// A row about how many attempts the client makes, with its method.
    pub(super) fn count(&self, script: Script, calls: usize) -> Row {
        Row { calls, ..row(self.rows[0].method, script, ONE, "") }
    }
}

/// What a client does under a script.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) script: Script,
    /// How many calls are made, one after the other.
    pub(super) calls: usize,
    /// From the end of each attempt to the begin of the next.
    pub(super) gaps: &'static [Gap],
    /// From the end of the last attempt to the call's.
    pub(super) rest: Gap,
    pub(super) outcome: &'static str,
    /// It waits not by sleep alone, and not evenly: what it sleeps is not its rule.
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
    Row { method, script, calls: 1, gaps, rest: (0.0, 0.0), outcome, waits_otherwise: false, differs: None }
}

const fn get(script: Script, gaps: &'static [Gap], outcome: &'static str) -> Row {
    row("GET", script, gaps, outcome)
}

const fn post(script: Script, gaps: &'static [Gap], outcome: &'static str) -> Row {
    row("POST", script, gaps, outcome)
}

const NO_STATUS: &[u16] = &[];
const RECIPE_STATUSES: &[u16] = &[429, 500, 502, 503, 504];
const SDK_STATUSES: &[u16] = &[408, 409, 429, 500, 501, 502, 503, 504, 509];
const STANDARD_STATUSES: &[u16] = &[429, 500, 502, 503, 504];
/// `Retry.RETRY_AFTER_STATUS_CODES`.
const URLLIB3_STATUSES: &[u16] = &[413, 429, 503];

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
/// Any time up to 2^(k-1).
const FULL_JITTER: &[Gap] = &[(0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 8.0)];
const STANDARD: &[Gap] = &[(0.0, 0.05), (0.0, 0.1)];
const THROTTLED: &[Gap] = &[(0.0, 1.0)];
/// Or longer: after the first 429 each attempt takes a token, of which there is at least one in 2 s.
const FOR_A_TOKEN: &[Gap] = &[(0.0, 2.0)];

/// Of 500 tokens each retry takes 14.
const BUDGET: usize = 500 / 14;

/// botocore does not compare a body with its length.
const SEES_THE_CUT: &str = "sees the cut";

/// Presets that badgateway does not have yet: only the real clients are held to their rows.
pub(super) const NOT_THERE_YET: &[&str] = &[];

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "naive loop",
        package: "requests",
        preset: "python-requests-loop",
        statuses: &[502],
        statuses_with_wait: &[502],
        rows: &[
            get(BadTwice, TWO_AND_TWO, "returns 200"),
            get(BadForEver, TWO_AND_TWO, "returns None").then_waits((2.0, 2.0)),
            get(Refused, ONE, "returns None"),
            get(Blackhole, ONE, "returns None"),
            get(Reset, ONE, "returns None"),
            get(Closed, ONE, "returns None"),
            get(Cut, ONE, "returns None"),
            get(LIMITED, ONE, "returns None"),
            get(Unavailable, ONE, "returns None"),
            get(Slow, ONE, "returns None"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[],
    },
    Client {
        name: "requests",
        package: "requests",
        preset: "requests-default",
        statuses: NO_STATUS,
        statuses_with_wait: NO_STATUS,
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, ONE, "raises ConnectionError"),
            get(Blackhole, ONE, "raises ConnectTimeout"),
            get(Reset, ONE, "raises ConnectionError"),
            get(Closed, ONE, "raises ConnectionError"),
            get(Cut, ONE, "raises ChunkedEncodingError"),
            get(LIMITED, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[],
    },
    Client {
        name: "requests, max_retries=3",
        package: "requests",
        preset: "requests-httpadapter-3",
        statuses: NO_STATUS,
        statuses_with_wait: URLLIB3_STATUSES,
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, AT_ONCE, "raises ConnectionError"),
            get(Blackhole, AT_ONCE, "raises ConnectTimeout"),
            get(Reset, AT_ONCE, "raises ConnectionError"),
            get(Closed, AT_ONCE, "raises ConnectionError"),
            get(Cut, ONE, "raises ChunkedEncodingError"),
            get(LIMITED, AS_TOLD, "returns 200"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, AT_ONCE, "raises ConnectionError"),
            post(Refused, AT_ONCE, "raises ConnectionError"),
            post(Blackhole, AT_ONCE, "raises ConnectTimeout"),
            post(Reset, ONE, "raises ConnectionError"),
            post(Closed, ONE, "raises ConnectionError"),
            post(Cut, ONE, "raises ChunkedEncodingError"),
            post(LIMITED, ONE, "returns 429"),
            post(Slow, ONE, "raises ReadTimeout"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[get(Told(503, 30000), &[(21600.0, 21600.0)], "returns 200")],
    },
    Client {
        name: "requests, Retry recipe",
        package: "urllib3",
        preset: "requests-retry-recipe",
        statuses: RECIPE_STATUSES,
        statuses_with_wait: &[413, 429, 500, 502, 503, 504],
        rows: &[
            get(BadTwice, &[(0.0, 0.0), (2.0, 2.0)], "returns 200"),
            get(Refused, RECIPE, "raises ConnectionError"),
            get(Blackhole, RECIPE, "raises ConnectTimeout"),
            get(Reset, RECIPE, "raises ConnectionError"),
            get(Closed, RECIPE, "raises ConnectionError"),
            get(Cut, ONE, "raises ChunkedEncodingError"),
            get(LIMITED, AS_TOLD, "returns 200"),
            get(Unavailable, RECIPE, "raises RetryError"),
            get(Slow, RECIPE, "raises ConnectionError"),
            post(BadTwice, ONE, "returns 502"),
            post(Refused, RECIPE, "raises ConnectionError"),
            post(Blackhole, RECIPE, "raises ConnectTimeout"),
            post(Reset, ONE, "raises ConnectionError"),
            post(Closed, ONE, "raises ConnectionError"),
            post(Cut, ONE, "raises ChunkedEncodingError"),
            post(LIMITED, ONE, "returns 429"),
            post(Unavailable, ONE, "returns 503"),
            post(Slow, ONE, "raises ReadTimeout"),
        ],
        attempts_of_many: 4 * CALLS,
        long_rows: &[get(Told(502, 30000), &[(21600.0, 21600.0)], "returns 200")],
    },
    Client {
        name: "urllib3",
        package: "urllib3",
        preset: "urllib3-default",
        statuses: NO_STATUS,
        statuses_with_wait: URLLIB3_STATUSES,
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, AT_ONCE, "raises MaxRetryError"),
            get(Blackhole, AT_ONCE, "raises MaxRetryError"),
            get(Reset, AT_ONCE, "raises MaxRetryError"),
            get(Closed, AT_ONCE, "raises MaxRetryError"),
            get(Cut, AT_ONCE, "raises MaxRetryError"),
            get(LIMITED, AS_TOLD, "returns 200"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, AT_ONCE, "raises MaxRetryError"),
            post(BadTwice, ONE, "returns 502"),
            post(Refused, AT_ONCE, "raises MaxRetryError"),
            post(Blackhole, AT_ONCE, "raises MaxRetryError"),
            post(Reset, ONE, "raises ProtocolError"),
            post(Closed, ONE, "raises ProtocolError"),
            post(Cut, ONE, "raises ProtocolError"),
            post(LIMITED, ONE, "returns 429"),
            post(Unavailable, ONE, "returns 503"),
            post(Slow, ONE, "raises ReadTimeoutError"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[
            get(Told(503, 90), &[(90.0, 90.0)], "returns 200"),
            get(Told(503, 30000), &[(21600.0, 21600.0)], "returns 200"),
        ],
    },
    Client {
        name: "tenacity, wait_exponential",
        package: "tenacity",
        preset: "tenacity-wait-exponential",
        statuses: &STATUSES,
        statuses_with_wait: &STATUSES,
        rows: &[
            get(BadTwice, EXPONENTIAL, "returns 200"),
            get(Refused, EXPONENTIAL, "raises RetryError"),
            get(Blackhole, EXPONENTIAL, "raises RetryError"),
            get(Reset, EXPONENTIAL, "raises RetryError"),
            get(Closed, EXPONENTIAL, "raises RetryError"),
            get(Cut, EXPONENTIAL, "raises RetryError"),
            get(LIMITED, &[(1.0, 1.0)], "returns 200"),
            get(Unavailable, EXPONENTIAL, "raises RetryError"),
            get(Slow, EXPONENTIAL, "raises RetryError"),
        ],
        attempts_of_many: 3 * CALLS,
        long_rows: &[],
    },
    Client {
        name: "tenacity, wait_exponential_jitter",
        package: "tenacity",
        preset: "tenacity-exponential-jitter",
        statuses: &STATUSES,
        statuses_with_wait: &STATUSES,
        rows: &[
            get(BadTwice, &[(1.0, 2.0), (2.0, 3.0)], "returns 200"),
            get(LIMITED, &[(1.0, 2.0)], "returns 200"),
            get(Unavailable, &[(1.0, 2.0), (2.0, 3.0), (4.0, 5.0), (8.0, 9.0)], "raises RetryError"),
        ],
        attempts_of_many: 5 * CALLS,
        long_rows: &[],
    },
    Client {
        name: "tenacity, wait_random_exponential",
        package: "tenacity",
        preset: "tenacity-random-exponential",
        statuses: &STATUSES,
        statuses_with_wait: &STATUSES,
        rows: &[
            get(BadTwice, &[(0.0, 1.0), (0.0, 2.0)], "returns 200"),
            get(LIMITED, &[(0.0, 1.0)], "returns 200"),
            get(Unavailable, FULL_JITTER, "raises RetryError"),
        ],
        attempts_of_many: 5 * CALLS,
        long_rows: &[],
    },
    Client {
        name: "httpx",
        package: "httpx",
        preset: "httpx-default",
        statuses: NO_STATUS,
        statuses_with_wait: NO_STATUS,
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, ONE, "raises ConnectError"),
            get(Blackhole, ONE, "raises ConnectTimeout"),
            get(Reset, ONE, "raises ReadError"),
            get(Closed, ONE, "raises RemoteProtocolError"),
            get(Cut, ONE, "raises RemoteProtocolError"),
            get(LIMITED, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[],
    },
    Client {
        name: "httpx, retries=3",
        package: "httpx",
        preset: "httpx-transport-retries-3",
        statuses: NO_STATUS,
        statuses_with_wait: NO_STATUS,
        rows: &[
            get(BadTwice, ONE, "returns 502"),
            get(Refused, HTTPX, "raises ConnectError"),
            get(Blackhole, HTTPX, "raises ConnectTimeout"),
            get(Reset, ONE, "raises ReadError"),
            get(Closed, ONE, "raises RemoteProtocolError"),
            get(Cut, ONE, "raises RemoteProtocolError"),
            get(LIMITED, ONE, "returns 429"),
            get(Unavailable, ONE, "returns 503"),
            get(Slow, ONE, "raises ReadTimeout"),
        ],
        attempts_of_many: CALLS,
        long_rows: &[],
    },
    Client {
        name: "openai",
        package: "openai",
        preset: "openai-python-3.x",
        statuses: SDK_STATUSES,
        statuses_with_wait: SDK_STATUSES,
        rows: &[
            post(BadTwice, SDK, "returns"),
            post(Refused, SDK, "raises APIConnectionError"),
            post(Blackhole, SDK, "raises APITimeoutError"),
            post(Reset, SDK, "raises APIConnectionError"),
            post(Closed, SDK, "raises APIConnectionError"),
            post(Cut, SDK, "raises APIConnectionError"),
            post(LIMITED, AS_TOLD, "returns"),
            post(Unavailable, SDK, "raises InternalServerError"),
            post(Slow, SDK, "raises APITimeoutError"),
        ],
        attempts_of_many: 3 * CALLS,
        long_rows: &[
            post(Told(429, 120), &[(120.0, 120.0)], "returns"),
            post(Told(429, 121), ONE, "raises RateLimitError"),
        ],
    },
    Client {
        name: "anthropic",
        package: "anthropic",
        preset: "anthropic-python-2.x",
        statuses: SDK_STATUSES,
        statuses_with_wait: SDK_STATUSES,
        rows: &[
            post(BadTwice, SDK, "returns"),
            post(Refused, SDK, "raises APIConnectionError"),
            post(Blackhole, SDK, "raises APITimeoutError"),
            post(Reset, SDK, "raises APIConnectionError"),
            post(Closed, SDK, "raises APIConnectionError"),
            post(Cut, SDK, "raises APIConnectionError"),
            post(LIMITED, AS_TOLD, "returns"),
            post(Unavailable, SDK, "raises ServiceUnavailableError"),
            post(Slow, SDK, "raises APITimeoutError"),
        ],
        attempts_of_many: 3 * CALLS,
        long_rows: &[post(Told(429, 86_400), &[(86_400.0, 86_400.0)], "returns")],
    },
    Client {
        name: "botocore, legacy",
        package: "botocore",
        preset: "botocore-legacy",
        statuses: &[429, 500, 502, 503, 504, 509],
        statuses_with_wait: &[429, 500, 502, 503, 504, 509],
        rows: &[
            post(BadTwice, &[(0.0, 1.0), (0.0, 2.0)], "returns"),
            post(Refused, FULL_JITTER, "raises EndpointConnectionError"),
            post(Blackhole, FULL_JITTER, "raises ConnectTimeoutError"),
            post(Reset, FULL_JITTER, "raises ConnectionClosedError"),
            post(Closed, FULL_JITTER, "raises ConnectionClosedError"),
            post(Cut, ONE, "returns").but(SEES_THE_CUT),
            post(LIMITED, THROTTLED, "returns"),
            post(Unavailable, FULL_JITTER, "raises ClientError"),
            post(Slow, FULL_JITTER, "raises ReadTimeoutError"),
        ],
        attempts_of_many: 5 * CALLS,
        long_rows: &[],
    },
    Client {
        name: "botocore, standard",
        package: "botocore",
        preset: "botocore-standard-2.1",
        statuses: STANDARD_STATUSES,
        statuses_with_wait: STANDARD_STATUSES,
        rows: &[
            post(BadTwice, STANDARD, "returns"),
            post(Refused, STANDARD, "raises EndpointConnectionError"),
            post(Blackhole, STANDARD, "raises ConnectTimeoutError"),
            post(Reset, STANDARD, "raises ConnectionClosedError"),
            post(Closed, STANDARD, "raises ConnectionClosedError"),
            post(Cut, ONE, "returns").but(SEES_THE_CUT),
            post(LIMITED, THROTTLED, "returns"),
            post(Unavailable, STANDARD, "raises ClientError"),
            post(Slow, STANDARD, "raises ReadTimeoutError"),
        ],
        attempts_of_many: CALLS + BUDGET,
        long_rows: &[],
    },
    Client {
        name: "botocore, adaptive",
        package: "botocore",
        preset: "botocore-adaptive",
        statuses: STANDARD_STATUSES,
        statuses_with_wait: STANDARD_STATUSES,
        rows: &[
            post(BadTwice, STANDARD, "returns"),
            post(Refused, STANDARD, "raises EndpointConnectionError"),
            post(Blackhole, STANDARD, "raises ConnectTimeoutError"),
            post(Reset, STANDARD, "raises ConnectionClosedError"),
            post(Closed, STANDARD, "raises ConnectionClosedError"),
            post(Cut, ONE, "returns").but(SEES_THE_CUT),
            post(LIMITED, FOR_A_TOKEN, "returns").waits_otherwise(),
            post(Unavailable, STANDARD, "raises ClientError"),
            post(Slow, STANDARD, "raises ReadTimeoutError"),
        ],
        attempts_of_many: CALLS + BUDGET,
        long_rows: &[],
    },
];
