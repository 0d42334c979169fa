//! What both sides of a hop saw, and what it means. Causes are told apart by these questions:
//! which address was dialed, did the callee see the request, who made the status, what did the
//! callee's own socket send, was its process down, how did the connection end.

use topology::wire::Dial;
use topology::{Cause, Failure, NodeId, Protocol, Refusal, Target};
use trace::{Attempt, HopId, Outcome, Sent, Served, ServedEnd, Source, Time};

use super::{Birth, Case, Finding, content, external, fullness, ruled, timeouts, undecided};
use crate::anatomy;

/// The finding for one failed hop.
pub(super) fn look(case: &Case<'_>, hop: HopId) -> Finding {
    let Some(attempt) = case.attempt(hop) else { return Finding::Unexplained(hop) };
    match attempt.outcome {
        Outcome::Answered(status) => answered(case, attempt, status),
        Outcome::Failed { failure, .. } => match failure {
            Failure::ConnectionRefused => refused(case, attempt),
            Failure::ConnectionTimeout => syn_lost(case, attempt),
            Failure::DnsError => Birth::at_edge(attempt.edge, Cause::Network, "dns_failure").because(
                "the callee's name has no address: nothing was dialed",
                "`dig` the name from the caller's own container; compare it with the configuration and the search domains",
            ),
            Failure::TlsProtocolError => Birth::at_edge(attempt.edge, Cause::Config, "tls_mismatch").because(
                "the caller began a TLS handshake, and what answered was not TLS",
                "compare the scheme in the upstream's address (https or http) with what listens on that port",
            ),
            Failure::TlsCertificateError => Birth::at_edge(attempt.edge, Cause::Config, "bad_certificate").because(
                "the caller does not trust the callee's certificate",
                "`openssl s_client -connect host:port -servername name`: who signed it, for which name, until when?",
            ),
            Failure::ConnectionTerminated
            | Failure::StreamReset
            | Failure::HeadIncomplete
            | Failure::BodyIncomplete => broken(case, attempt),
            Failure::StreamRefused => not_taken(case, attempt),
            Failure::StreamError | Failure::ContentIncomplete => content::wrong(case, attempt),
            Failure::HeadTimeout | Failure::BodyTimeout => timeouts::timed_out(case, attempt),
            Failure::Cancelled => timeouts::waiting(case, hop, attempt.end),
            Failure::ProtocolError => not_http(case, attempt),
            Failure::HeadTooLarge => Birth::at_node(case.callee(attempt.edge), Cause::Config, "header_limit")
                .because(
                    "the response's head was larger than the caller accepts",
                    "raise the caller's header limit, or shrink what the callee sends (cookies)",
                ),
            Failure::ConnectionLimitReached => fullness::no_connection(case, attempt),
            Failure::DestinationUnavailable => not_asked(case, attempt),
        },
    }
}

/// The caller did not even ask: its breaker was open, or it held back. What came before is the cause:
/// what it had met there itself in this call, else the last failure that other calls had there.
fn not_asked(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let before = || {
        let failed = case.trace.attempts.iter().filter(|a| a.end <= attempt.start && anatomy::failed(a));
        failed.filter(|a| !a.outcome.failure().is_some_and(Failure::is_local))
    };
    let met = before().filter(|a| case.is_same_link(a.edge, attempt.edge));
    if let Some(met) = met.max_by_key(|a| (a.edge == attempt.edge, a.end)) {
        return Finding::Below(met.hop);
    }
    let last = case.last_failure(attempt.edge);
    if last.is_none()
        && let Some(sibling) = before().filter(|a| a.parent == attempt.parent).max_by_key(|a| a.end)
    {
        return Finding::Below(sibling.hop);
    }
    let caller = case.name(case.caller(attempt.edge));
    let callee = case.name(case.callee(attempt.edge));
    let evidence = format!(
        "{caller} did not ask {callee}: its circuit breaker was open, or it held back by itself, after failures"
    );
    let next_step = "what had failed before is the question: look at the calls just before this one";
    let (origin, cause, mechanism) = last.unwrap_or((Target::Edge(attempt.edge), Cause::Unknown, ""));
    match origin {
        Target::Node(node) => Birth::at_node(node, cause, mechanism),
        Target::Edge(edge) => Birth::at_edge(edge, cause, mechanism),
    }
    .because(evidence, next_step)
}

/// Nothing is known about it.
pub(super) fn unknown(case: &Case<'_>, hop: HopId) -> Birth {
    let node = case.attempt(hop).map_or(case.trace.end.client, |a| case.callee(a.edge));
    let evidence = "the records do not show it".to_owned();
    Birth { evidence, ..Birth::at_node(node, Cause::Unknown, "") }
}

fn answered(case: &Case<'_>, attempt: &Attempt, status: u16) -> Finding {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    let Some(served) = case.served(attempt.hop) else {
        return Finding::Unexplained(attempt.hop);
    };
    match served.source {
        Source::Relayed(below) | Source::Translated(below, _) => Finding::Below(below),
        Source::Refused(refusal) => refusal_of(case, attempt, served, refusal, status),
        Source::Own if content::is_wrong(served.sent) => content::wrong(case, attempt),
        Source::Own | Source::Nobody if external::is_program(case, attempt) => {
            external::own(case, attempt, served, served.finished)
        }
        Source::Own | Source::Nobody => Birth::at_node(node, Cause::Unknown, "").because(
            format!("{name} made this {status} by its own work"),
            "read the application's log at that moment",
        ),
    }
}

pub(super) fn refusal_of(
    case: &Case<'_>,
    attempt: &Attempt,
    served: &Served,
    refusal: Refusal,
    status: u16,
) -> Finding {
    let (caller, node) = (case.caller(attempt.edge), case.callee(attempt.edge));
    let name = case.name(node);
    let at_node = |cause, mechanism| Birth::at_node(node, cause, mechanism);
    if let Some(finding) = ruled::refused(case, node, served, status) {
        return finding;
    }
    match refusal {
        Refusal::QueueFull => {
            let evidence = format!(
                "{name} refused the request with {status}: {} were inside, {} of them waiting",
                served.in_flight, served.queued
            );
            fullness::no_room(case, node, served, served.finished, evidence)
        }
        Refusal::RateLimited => at_node(Cause::Overload, "rate_limit").because(
            format!("{name} refused the request with {status}: its rate limit was spent"),
            "raise the limit or the plan, or slow the callers down as Retry-After says",
        ),
        Refusal::QuotaSpent => at_node(Cause::Overload, "quota").because(
            format!("{name} refused the request with {status}: what was to be spent is spent"),
            "what spends it? Or a larger budget: no retry helps before the period ends",
        ),
        Refusal::NotAllowed => at_node(Cause::Config, "not_allowed").because(
            format!("{name} refused the request with {status}: who asks may not have it"),
            "compare what was asked for with what the caller's plan allows: no retry helps",
        ),
        Refusal::UnknownModel => at_node(Cause::Config, "unknown_model").because(
            format!("{name} serves no model of that name and answered {status} itself"),
            "compare the model's name with those that the node lists (GET /v1/models)",
        ),
        Refusal::NoRoute => at_node(Cause::Config, "missing_route").because(
            format!("{name} has no route for the request and answered {status} itself"),
            "compare the path, host and version prefix with the node's routes",
        ),
        Refusal::UnknownPath => {
            let (edge, who) = external::asked_over(case, attempt, |asked| asked.wrong_path);
            Birth::at_edge(edge, Cause::Config, "wrong_path").because(
                format!("{who} asked {name} for a path that it does not serve"),
                "compare the path on both sides of the link (rewrite rules, trailing slash)",
            )
        }
        // Who sends what it was told to send is not to blame: the node's own keys say no.
        Refusal::BadCredentials if !case.trace.attempts.iter().any(|asked| asked.bad_credentials) => {
            at_node(Cause::Config, "bad_credentials").because(
                format!("{name} refused the request with {status}: it did not accept the credentials"),
                "compare the credentials that were sent with those that it knows: missing, expired, revoked?",
            )
        }
        Refusal::BadCredentials => {
            let (edge, who) = external::asked_over(case, attempt, |asked| asked.bad_credentials);
            Birth::at_edge(edge, Cause::Config, "bad_credentials").because(
                format!("{name} did not accept the credentials of {who}"),
                "compare the authorization header on both sides of the link; rotate the key",
            )
        }
        Refusal::HeadTooLarge => at_node(Cause::Config, "header_limit").because(
            format!("{name} refused the request with {status}: its head is over the limit"),
            "raise the smallest header limit in the chain, or shrink the cookies",
        ),
        Refusal::BodyTooLarge => at_node(Cause::Config, "body_limit").because(
            format!("{name} refused the request with {status}: its body is over the limit"),
            "raise the smallest body limit in the chain",
        ),
        Refusal::LoopDetected => Birth::at_node(caller, Cause::Config, "routing_loop").because(
            format!("{} sent the request to {name}, which had passed it on before", case.name(caller)),
            "compare the upstream's address with the node's own",
        ),
        Refusal::ContextTooLong => at_node(Cause::Config, "context_too_long").because(
            format!("{name} refused the request with {status}: prompt and completion are more tokens than its model takes"),
            "shorten the prompt or `max_tokens`, or ask a model with a larger context",
        ),
        Refusal::Exception => at_node(Cause::Crash, "exception").because(
            format!("{name} answered {status}: an unhandled exception in its own code"),
            "find the stack trace in the application's log at that moment",
        ),
        Refusal::DeadlineExceeded => timeouts::waiting(case, attempt.hop, served.finished),
    }
}

fn down(case: &Case<'_>, attempt: &Attempt, seen: &str) -> Option<Finding> {
    let node = case.callee(attempt.edge);
    if !case.lifecycle.was_down(node, attempt.start, attempt.end) {
        return None;
    }
    Some(dead(case, node, attempt.end, seen))
}

/// A node's process was down around that moment.
pub(super) fn dead(case: &Case<'_>, node: NodeId, at: Time, seen: &str) -> Finding {
    let mechanism = if case.lifecycle.is_looping(node, at) { "crash_loop" } else { "down" };
    Birth::at_node(node, Cause::Crash, mechanism).because(
        format!("{seen}, and the process of {} was down just then", case.name(node)),
        "why did it die? the supervisor's log, OOM kills, the core dump",
    )
}

fn refused(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let (caller, callee) = (case.name(case.caller(attempt.edge)), case.name(case.callee(attempt.edge)));
    let misdirected = |mechanism, what| {
        Birth::at_edge(attempt.edge, Cause::Config, mechanism).because(
            format!("{caller} dialed {what}, where nothing listens; {callee} listens elsewhere"),
            "compare the upstream's address in the caller's configuration with `ss -ltn` on the callee",
        )
    };
    match attempt.dialed {
        Dial::WrongPort => misdirected("wrong_port", "another port of its host"),
        Dial::WrongHost => misdirected("wrong_host", "another host"),
        Dial::Callee
        | Dial::Refused
        | Dial::Blackhole
        | Dial::NoName
        | Dial::TlsToPlain
        | Dial::BadCertificate => down(case, attempt, "the connection was refused")
            .or_else(|| undecided::refused(case, attempt))
            .unwrap_or_else(|| {
                Birth::at_edge(attempt.edge, Cause::Network, "down").because(
                    format!("the connection was refused although the process of {callee} was up"),
                    "a firewall that rejects, a proxy in between, or a listener bound elsewhere",
                )
            }),
    }
}

fn syn_lost(case: &Case<'_>, attempt: &Attempt) -> Finding {
    if let Some(finding) = timeouts::gave_no_time_to_connect(case, attempt) {
        return finding;
    }
    let callee = case.name(case.callee(attempt.edge));
    let waited = attempt.end.since(attempt.start).as_millis();
    match attempt.dialed {
        Dial::WrongHost => Birth::at_edge(attempt.edge, Cause::Config, "wrong_host").because(
            format!("the caller dialed another host than {callee}'s and had no answer in {waited} ms"),
            "compare the upstream's address in the caller's configuration",
        ),
        _ => Birth::at_edge(attempt.edge, Cause::Network, "blackhole").because(
            format!("no SYN to {callee} was answered in {waited} ms, and it never saw the request"),
            "firewall rules that drop, routes, a full accept queue (`ss -ltn`: Recv-Q)",
        ),
    }
}

/// The callee said that it did not process the request.
fn not_taken(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let callee = case.name(case.callee(attempt.edge));
    if attempt.reset {
        return Birth::at_edge(attempt.edge, Cause::Network, "reset_stream").because(
            format!("the stream was refused (RST_STREAM with REFUSED_STREAM), and {callee} never saw the request"),
            "who sends it: a proxy in between, or the callee over its limit on streams; it may be sent again, also a POST",
        );
    }
    Birth::at_edge(attempt.edge, Cause::Config, "goaway").because(
        format!("{callee} ended the connection (GOAWAY) as the request came, and had taken only those before it"),
        "let the caller try again on a new connection, also a POST; compare the ages that both give a connection",
    )
}

/// The connection, or the request's stream of it, ended before the response was whole.
fn broken(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let how = if attempt.reset { "reset" } else { "closed" };
    // The connections of a process that dies are reset; those of a program whose process is killed
    // are closed, if it has read all that came.
    let of_stream = attempt.outcome.failure() == Some(Failure::StreamReset);
    if (attempt.reset && !of_stream || external::is_program(case, attempt))
        && let Some(finding) = down(case, attempt, &format!("the connection was {how}"))
    {
        return finding;
    }
    let node = case.callee(attempt.edge);
    let callee = case.name(node);
    if case.trace.idle_closed.contains(&attempt.hop) {
        return Birth::at_edge(attempt.edge, Cause::Config, "keepalive_race").because(
            format!(
                "{callee} closed the reused connection for idleness ({:.0} ms) as the request came; it never saw it",
                attempt.idle.as_secs_f64() * 1e3
            ),
            "make the callee's idle time-out longer than the caller's, or let the caller retry once on reused connections",
        );
    }
    let served = case.served(attempt.hop);
    let goes_on = served.is_some_and(|served| served.source.hop().is_some());
    if !goes_on && let Some(finding) = undecided::broken(case, attempt, served) {
        return finding;
    }
    let (what, by_link) = match (of_stream, attempt.reset) {
        (true, _) => ("stream", "reset_stream"),
        (false, true) => ("connection", "reset_peer"),
        (false, false) => ("connection", "empty_response"),
    };
    let Some(served) = case.served(attempt.hop) else {
        return Birth::at_edge(attempt.edge, Cause::Network, by_link).because(
            format!("the {what} was {how} before a byte came, and {callee} never saw the request"),
            "what lies between the two: load balancer, NAT time-outs, a proxy that was reloaded",
        );
    };
    match (served.sent, served.end) {
        (_, ServedEnd::ProcessDown) => Birth::at_node(node, Cause::Crash, "down").because(
            format!("the process of {callee} died with the request inside"),
            "why did it die? the supervisor's log, OOM kills, the core dump",
        ),
        // What it passed on was cut, or it does not answer where it got nothing itself.
        (Sent::Cut | Sent::Nothing, ServedEnd::Answered) if served.source.hop().is_some() => {
            Finding::Below(served.source.hop().unwrap_or(attempt.hop))
        }
        (Sent::Cut, _) => Birth::at_node(node, Cause::Crash, "truncate").because(
            format!("{callee} stopped in the middle of its response's body ({how})"),
            "a crash while writing: the application's log and core dump at that moment",
        ),
        (Sent::Nothing, _) if external::is_program(case, attempt) => match served.source.hop() {
            Some(below) => Finding::Below(below),
            None => external::own(case, attempt, served, served.finished),
        },
        (_, ServedEnd::Panicked) => Birth::at_node(node, Cause::Crash, "panic").because(
            format!("{callee} saw the request and its handler died without a byte of an answer"),
            "find the panic or the worker's death in the application's log at that moment",
        ),
        (Sent::Nothing, ServedEnd::Answered) => Birth::at_node(node, Cause::Crash, "").because(
            format!("{callee} saw the request and closed the connection without an answer"),
            "read the application's log at that moment",
        ),
        (
            Sent::Whole | Sent::Nothing | Sent::Malformed | Sent::Error | Sent::Incomplete | Sent::CutContent,
            _,
        ) => {
            let is_h2 = case.scenario.topology.edge(attempt.edge).protocol == Protocol::H2;
            let of_connection = attempt.outcome.failure() == Some(Failure::ConnectionTerminated);
            let mechanism = match (is_h2, attempt.reset) {
                // (One that has begun to answer can have lost its connection too.)
                (true, true) if !of_connection => "reset_stream",
                (true, false) => "empty_response",
                (_, true) => "reset_peer",
                (false, false) => "limit_data",
            };
            Birth::at_edge(attempt.edge, Cause::Network, mechanism).because(
                format!(
                    "{callee} sent its whole response, and the connection was {how} before it had all come"
                ),
                "what lies between the two: a proxy with a size limit, a load balancer that was reloaded",
            )
        }
    }
}

fn not_http(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let node = case.callee(attempt.edge);
    let callee = case.name(node);
    match case.served(attempt.hop) {
        Some(Served {
            sent: Sent::Malformed,
            source: Source::Relayed(below) | Source::Translated(below, _),
            ..
        }) => Finding::Below(*below),
        Some(served) if served.sent == Sent::Malformed => Birth::at_node(
            node,
            Cause::Crash,
            "malformed_response",
        )
        .because(
            format!("{callee} itself wrote bytes that are not HTTP"),
            "look at the bytes on the callee's socket; a framework bug, or output written past the server",
        ),
        _ => Birth::at_edge(attempt.edge, Cause::Network, "corrupt").because(
            format!("{callee} sent valid HTTP, and what came was not"),
            "a middlebox that rewrites, or the wrong protocol on this port",
        ),
    }
}
