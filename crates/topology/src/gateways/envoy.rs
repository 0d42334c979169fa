//! Envoy: the static resources of a bootstrap. Source: envoyproxy.io, the v3 API reference; the defaults are
//! the `envoy` profile's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Address, Entry, Route, Written, default_policy};
use super::{ConfigFile, Product};
use crate::policy::{Backoff, Budget, Cap, Curve, Idempotent, Jitter, Limit, Outcomes, Policy, Retry};
use crate::scenario::{Flaw, Path, Range, Segment, SourceMap, Spot, Tree, syntax};
use crate::units::Share;
use crate::wire::Failure;

pub(super) fn read(file: usize, config: ConfigFile<'_>) -> Result<Vec<Entry>, Flaw> {
    let (map, flaws, tree) = syntax(config.text).map_err(last)?;
    if let Some(flaw) = flaws.into_iter().next() {
        return Err(flaw);
    }
    let root = At { map: &map, tree: &tree, path: Path::root() };
    let resources = root.key("static_resources");
    let clusters: BTreeMap<String, At<'_>> = resources
        .key("clusters")
        .items()
        .filter_map(|cluster| Some((cluster.key("name").text()?, cluster)))
        .collect();
    let mut entries = Vec::new();
    for listener in resources.key("listeners").items() {
        let mut entry = Entry::new(Product::Envoy, file, listener.range());
        entry.listens.extend(address(&listener.key("address")));
        for chain in listener.key("filter_chains").items() {
            for filter in chain.key("filters").items() {
                manager(&filter.key("typed_config"), &clusters, &mut entry);
            }
        }
        if !entry.routes.is_empty() {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn last(mut flaws: Vec<Flaw>) -> Flaw {
    let start = Flaw { range: Range::START, message: "this is not YAML".to_owned(), help: None };
    flaws.pop().unwrap_or(start)
}

/// A value, and where it is; or where it would be.
#[derive(Clone)]
struct At<'t> {
    map: &'t SourceMap,
    tree: &'t Tree,
    path: Path,
}

impl<'t> At<'t> {
    fn child(&self, segment: impl Into<Segment>, tree: Option<&'t Tree>) -> Self {
        Self { map: self.map, tree: tree.unwrap_or(&Tree::Null), path: self.path.at(segment) }
    }

    fn key(&self, key: &str) -> Self {
        let tree = match self.tree {
            Tree::Map(entries) => entries.get(key),
            _ => None,
        };
        self.child(key, tree)
    }

    fn items(&self) -> impl Iterator<Item = Self> {
        let items = match self.tree {
            Tree::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().enumerate().map(|(i, item)| self.child(i, Some(item)))
    }

    fn is_there(&self) -> bool {
        !matches!(self.tree, Tree::Null)
    }

    fn range(&self) -> Range {
        self.map.locate(&self.path, Spot::Value).map_or(Range::START, |(range, _)| range)
    }

    fn text(&self) -> Option<String> {
        match self.tree {
            Tree::Text(text) => Some(text.clone()),
            Tree::Unsigned(number) => Some(number.to_string()),
            Tree::Float(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn number(&self) -> Option<u32> {
        self.text()?.parse().ok()
    }

    /// `15s`, `0.25s`.
    fn time(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.text()?.strip_suffix('s')?.parse().ok()?).ok()
    }
}

fn address(at: &At<'_>) -> Option<Address> {
    let socket = at.key("socket_address");
    Some(Address {
        host: socket.key("address").text()?,
        port: socket.key("port_value").text()?.parse().ok()?,
    })
}

/// An HTTP connection manager; what is none has no routes.
fn manager(manager: &At<'_>, clusters: &BTreeMap<String, At<'_>>, entry: &mut Entry) {
    let head = manager.key("max_request_headers_kb");
    if let Some(kb) = head.number() {
        entry.head = u64::from(kb) << 10;
        entry.written.insert("header_limit", head.range());
    }
    let idle = manager.key("common_http_protocol_options").key("idle_timeout");
    if let Some(time) = idle.time() {
        entry.keep_alive = if time.is_zero() { Duration::MAX } else { time };
        entry.written.insert("keep_alive", idle.range());
    }
    for host in manager.key("route_config").key("virtual_hosts").items() {
        let outer = host.key("retry_policy");
        for route in host.key("routes").items() {
            let action = route.key("route");
            let one = action.key("cluster").text();
            let weighted = action.key("weighted_clusters").key("clusters");
            let several: Vec<String> = weighted.items().filter_map(|c| c.key("name").text()).collect();
            for name in one.into_iter().chain(several) {
                if let Some(cluster) = clusters.get(&name) {
                    entry.routes.push(to(&name, cluster, &action, &outer));
                }
            }
        }
    }
}

fn to(name: &str, cluster: &At<'_>, action: &At<'_>, outer: &At<'_>) -> Route {
    let endpoints = cluster.key("load_assignment").key("endpoints");
    let servers: Vec<Address> = endpoints
        .items()
        .flat_map(|locality| locality.key("lb_endpoints").items().collect::<Vec<_>>())
        .filter_map(|endpoint| address(&endpoint.key("endpoint").key("address")))
        .collect();
    let mut written = Written::new();
    let mut policy = default_policy(Product::Envoy, servers.len());
    let timeout = action.key("timeout");
    if let Some(time) = timeout.time() {
        policy.timeout = (!time.is_zero()).then_some(time);
        written.insert("timeout", timeout.range());
    }
    let connect = cluster.key("connect_timeout");
    if let Some(time) = connect.time() {
        policy.connect_timeout = time;
        written.insert("connect_timeout", connect.range());
    }
    let own = action.key("retry_policy");
    let retry = if own.is_there() { &own } else { outer };
    if retry.is_there() {
        retries(retry, &mut policy, &mut written);
    }
    limits(cluster, &mut policy, &mut written);
    idle(cluster, &mut policy, &mut written);
    Route { name: name.to_owned(), servers, policy, at: action.key("cluster").range(), written }
}

fn retries(at: &At<'_>, policy: &mut Policy, written: &mut Written) {
    let words = at.key("retry_on").text().unwrap_or_default();
    let codes = at.key("retriable_status_codes");
    let mut when = Outcomes::default();
    for word in words.split(',').map(str::trim) {
        match word {
            "retriable-status-codes" => {
                when.add_statuses(codes.items().filter_map(|c| c.text()?.parse().ok()));
            }
            word => add(word, &mut when),
        }
    }
    policy.retry = Retry::never();
    policy.retry.when.outcomes = when;
    policy.retry.when.idempotent = Idempotent::Any;
    policy.retry.max_attempts = at.key("num_retries").number().unwrap_or(1).saturating_add(1);
    let back_off = at.key("retry_back_off");
    let base = back_off.key("base_interval").time().unwrap_or(Duration::from_millis(25));
    policy.retry.backoff = Some(Backoff {
        curve: Curve::Exponential { base, factor: 2.0 },
        first: None,
        throttled_base: None,
        max: back_off.key("max_interval").time().unwrap_or(base.saturating_mul(10)),
        cap: Cap::BeforeJitter,
        jitter: Jitter::Full,
    });
    // At most three retries at once (a circuit breaker), unless the cluster says otherwise.
    policy.retry.budget = Some(Budget::Concurrent { share: Share::ZERO, at_least: 3 });
    // The route's time-out is that of all attempts.
    policy.deadline = policy.timeout.take();
    if let Some(range) = written.remove("timeout") {
        written.insert("deadline", range);
    }
    let per_try = at.key("per_try_timeout");
    if let Some(time) = per_try.time().filter(|time| !time.is_zero()) {
        policy.timeout = Some(time);
        written.insert("timeout", per_try.range());
    }
    written.insert("retry", at.range());
    written.insert("retry.when", at.key("retry_on").range());
    let count = at.key("num_retries");
    if count.is_there() {
        written.insert("retry.max_attempts", count.range());
    }
}

/// Envoy's `retry_on`.
fn add(word: &str, to: &mut Outcomes) {
    let refused = [Failure::ConnectionRefused, Failure::ConnectionTimeout];
    let reset = [
        Failure::ConnectionTerminated,
        Failure::HeadIncomplete,
        Failure::StreamReset,
        Failure::StreamRefused,
    ];
    match word {
        "5xx" => {
            to.add_statuses(500..=599);
            to.add_failures(
                refused.into_iter().chain(reset).chain([Failure::ProtocolError, Failure::HeadTimeout]),
            );
        }
        "gateway-error" => to.add_statuses(502..=504),
        "connect-failure" => to.add_failures(refused),
        "reset" | "reset-before-request" => {
            to.add_failures(refused.into_iter().chain(reset).chain([Failure::HeadTimeout]));
        }
        "refused-stream" => to.add_failures([Failure::StreamRefused]),
        "retriable-4xx" => to.add_statuses([409]),
        _ => {}
    }
}

fn limits(cluster: &At<'_>, policy: &mut Policy, written: &mut Written) {
    // The first is that of the default priority, in all that is usual.
    let Some(threshold) = cluster.key("circuit_breakers").key("thresholds").items().next() else { return };
    let requests = threshold.key("max_requests");
    if let Some(most) = requests.number() {
        policy.concurrency = Some(Limit::Fixed(most));
        written.insert("concurrency", requests.range());
    }
    let connections = threshold.key("max_connections");
    if let Some(most) = connections.number() {
        policy.pool.max_connections = Some(most);
        written.insert("pool.max_connections", connections.range());
    }
    if policy.retry.max_attempts < 2 {
        return;
    }
    let budget = threshold.key("retry_budget");
    if budget.is_there() {
        let percent =
            budget.key("budget_percent").key("value").text().and_then(|text| text.parse::<f64>().ok());
        let share = Share::new(percent.unwrap_or(20.0) / 100.0).unwrap_or(Share::ONE);
        let at_least = budget.key("min_retry_concurrency").number().unwrap_or(3);
        policy.retry.budget = Some(Budget::Concurrent { share, at_least });
        written.insert("retry.budget", budget.range());
    } else if let Some(most) = threshold.key("max_retries").number() {
        // So many that it is no limit is how it is switched off.
        let is_limit = most < 1000;
        policy.retry.budget = is_limit.then_some(Budget::Concurrent { share: Share::ZERO, at_least: most });
        written.insert("retry.budget", threshold.key("max_retries").range());
    }
}

/// How long connections to the cluster may be idle: an hour, unless it says otherwise.
fn idle(cluster: &At<'_>, policy: &mut Policy, written: &mut Written) {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let typed =
        cluster.key("typed_extension_protocol_options").key(OPTIONS).key("common_http_protocol_options");
    let old = cluster.key("common_http_protocol_options");
    policy.pool.reuse = true;
    policy.pool.idle_timeout = Duration::from_hours(1);
    for idle in [old.key("idle_timeout"), typed.key("idle_timeout")] {
        if let Some(time) = idle.time() {
            policy.pool.idle_timeout = if time.is_zero() { Duration::MAX } else { time };
            written.insert("pool.idle_timeout", idle.range());
        }
    }
}
