//! The names of attributes: those of OpenTelemetry's semantic conventions where they have one, and a
//! namespace of our own for the rest. Source: semantic conventions 1.37, `http`, `service`, `error`.

/// Which version of the conventions is followed.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

/// A name, what it says, and where it is.
pub type Described = (&'static str, &'static str, &'static str);

macro_rules! attributes {
    ($($name:ident = $text:literal, $on:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: &str = $text;
        )*
        /// All of them: the name, where it is, what it says.
        pub const ALL: &[Described] = &[$(($text, $on, $meaning)),*];
    };
}

attributes! {
    SERVICE_NAME = "service.name", "resource", "the node, without the number of the instance";
    SERVICE_INSTANCE = "service.instance.id", "resource", "the node, with the number of the instance (`app#2`)";
    SERVICE_NAMESPACE = "service.namespace", "resource", "the scenario";
    NODE_KIND = "badgateway.node.kind", "resource", "`client`, `gateway`, `server` or `external`";
    ENGINE = "badgateway.engine", "resource", "`live` or `virtual`";
    STRATEGY = "badgateway.strategy", "resource", "the strategy in force; absent if the clients' own is";
    SEED = "badgateway.seed", "resource", "the seed";

    METHOD = "http.request.method", "client, server", "the method";
    URL = "url.full", "client", "what is asked for, with the callee's name for a host";
    PATH = "url.path", "server", "what is asked for";
    SCHEME = "url.scheme", "server", "`http`";
    SERVER_ADDRESS = "server.address", "client", "the callee's name";
    RESEND_COUNT = "http.request.resend_count", "client", "how many attempts came before; absent on the first";
    STATUS = "http.response.status_code", "call, client, server", "the status, if a head came or was sent";
    ERROR = "error.type", "call, client, server", "the word of RFC 9209 for what came instead of a whole response; a status of 400 or more (on a server: of 500 or more); how a stay ended that left no status";
    EDGE = "badgateway.edge", "client, server", "caller -> callee, with the numbers of instances";

    REUSED = "badgateway.connection.reused", "client", "the connection had been used before (absent: no; so for the truths below)";
    IDLE = "badgateway.connection.idle", "client", "for how long it had been idle, in seconds; absent on a new one";
    RESET = "badgateway.connection.reset", "client", "it ended by RST";
    CLOSED_IDLE = "badgateway.connection.closed_idle", "client", "the callee closed it for idleness as the request came";
    DIALED = "badgateway.dialed", "client", "`wrong_port` or `wrong_host`, if the address that the caller was told to dial is not the callee's";
    WRONG_PATH = "badgateway.request.wrong_path", "client", "it asked for another path than the one declared";
    BAD_CREDENTIALS = "badgateway.request.bad_credentials", "client", "it presented other credentials than those declared";
    TIMEOUT = "badgateway.timeout", "client", "the time-out of the attempt, in seconds; absent if there was none";
    BYTES = "badgateway.response.bytes", "client", "how many bytes of the body came; of the head, if that did not come whole";
    UNCONNECTED = "badgateway.connection.unconnected", "client", "it was given up before its connection was there";
    ENDS_BY_CLOSE = "badgateway.response.ends_by_close", "client", "the response had neither a length nor chunks";
    SEEN = "badgateway.seen_by_callee", "client", "the callee saw the request";
    TRANSPORT_ERROR = "badgateway.transport.error", "client", "the transport's own words, kept for some";
    PEER_ADDRESS = "network.peer.address", "client", "the address that was dialed, kept for some";
    PEER_PORT = "network.peer.port", "client", "its port";

    SOURCE = "badgateway.response.source", "server", "who made the status: `own`, `refused`, `relayed`, `translated`, `nobody`";
    REFUSAL = "badgateway.response.refusal", "server", "why it was refused: `queue_full`, `rate_limited`, ...";
    RULE = "badgateway.response.rule", "server", "the node's own rule that refused it: `limit gold/rpm`, `unknown key`";
    CONSUMER = "badgateway.consumer", "server", "the consumer whose key it had, at a node that has consumers";
    FROM = "badgateway.response.from", "server", "the client span whose answer was relayed or translated";
    FAILURE = "badgateway.response.failure", "server", "what was translated: the word of RFC 9209";
    SENT = "badgateway.response.sent", "server", "what the socket sent: `whole`, `nothing`, `cut`, `malformed`";
    END = "badgateway.end", "server", "how the stay ended: `answered`, `panicked`, `process_down`, `caller_gone`, `still_running`";
    STARTED_AFTER = "badgateway.work.started_after", "server", "when a worker took it, in seconds after its arrival; absent if none did";
    WORKED = "badgateway.work.duration", "server", "for how long one has worked on it, in seconds";
    IN_FLIGHT = "badgateway.in_flight", "server", "how many requests were inside when it arrived, itself included";
    PROMPT_TOKENS = "gen_ai.usage.input_tokens", "server", "the prompt's tokens that a model server took in; absent on others";
    COMPLETION_TOKENS = "gen_ai.usage.output_tokens", "server", "the completion's tokens that it made";
    QUEUED = "badgateway.queued", "server", "how many of them waited for a worker";
    WORKERS = "badgateway.workers.busy", "server", "how many workers were at work while it waited for one, or was refused as there was none; absent on others, as are the two below";
    WORKERS_STUCK = "badgateway.workers.stuck", "server", "how many of them were stuck";
    WORKERS_AGE = "badgateway.workers.mean_age", "server", "for how long they had been at their requests on average, in seconds";
    CROWD = "badgateway.crowd.attempts", "client, server", "how many attempts were under way where it found no connection (client), or where most of those waited that kept it out (server)";
    CROWD_AGE = "badgateway.crowd.mean_age", "client, server", "for how long, on average, in seconds";
    CROWD_UPSTREAM = "badgateway.crowd.upstream", "server", "whom they were asking";

    CALL = "badgateway.call", "call", "its name in `calls.csv`";
    ATTEMPTS = "badgateway.attempts", "call", "how many attempts its client made";
    DECISIVE = "badgateway.decisive", "call", "the client span that decided it";

    ORIGIN = "badgateway.verdict.origin", "call, client", "the node or edge at which the failure was born; on a call that failed, and on each failed attempt that was masked";
    CAUSE = "badgateway.verdict.cause", "call, client", "`overload`, `network`, `config`, `crash`, `client` or `unknown`";
    MECHANISM = "badgateway.verdict.mechanism", "call, client", "the concrete way; absent if unknown";
    EVIDENCE = "badgateway.verdict.evidence", "call, client", "what the verdict rests on";
    NEXT_STEP = "badgateway.verdict.next_step", "call, client", "what an operator does next";

    BIRTH = "badgateway.verdict.span", "call, client", "the client span at which it was born";

    EVENT = "badgateway.event", "event", "on a span without length: `down`, `up` or `ready` of a node's process; `refusing`, `silent`, `open` or `unrelated` of the link to an external program";

    FAULTS = "badgateway.fault.names", "client, server", "the faults that were injected into it, as its side knows: the answer, not an observation";
}
