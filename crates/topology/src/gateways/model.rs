//! What the readers of the products find.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Product;
use crate::policy::Policy;
use crate::profile::Profile;
use crate::scenario::{Flaw, Range, presets};
use crate::units::SIZE_MAX;

/// By the key of a scenario, such as `timeout`: where the file says it.
pub(super) type Written = BTreeMap<&'static str, Range>;

/// Something that listens and passes requests on.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) product: Product,
    /// Which file.
    pub(super) file: usize,
    pub(super) at: Range,
    pub(super) listens: Vec<Address>,
    /// The hosts that it is for, where several share an address.
    pub(super) names: Vec<String>,
    pub(super) routes: Vec<Route>,
    /// The largest head and body that it accepts, in bytes.
    pub(super) head: u64,
    pub(super) body: u64,
    /// How long a caller's connection may be idle.
    pub(super) keep_alive: Duration,
    pub(super) written: Written,
}

/// Where some requests go.
#[derive(Debug)]
pub(super) struct Route {
    /// The name of the group of servers.
    pub(super) name: String,
    pub(super) servers: Vec<Address>,
    pub(super) policy: Policy,
    pub(super) at: Range,
    pub(super) written: Written,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// `host:port`, `[::1]:port`, `:port`, `*:port`, or a port alone; with this port if there is none.
    pub(super) fn parse(text: &str, default: Option<u16>) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => ("*", text.parse().ok()?),
            _ => (text, default?),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { host: if host.is_empty() { "*".to_owned() } else { host.to_owned() }, port })
    }
}

impl Entry {
    /// One with the product's defaults.
    pub(super) fn new(product: Product, file: usize, at: Range) -> Self {
        let limits = &profile(product).limits;
        Self {
            product,
            file,
            at,
            listens: Vec::new(),
            names: Vec::new(),
            routes: Vec::new(),
            head: limits.head.unwrap_or(SIZE_MAX),
            body: limits.body.unwrap_or(SIZE_MAX),
            keep_alive: limits.keep_alive.unwrap_or(Duration::MAX),
            written: Written::new(),
        }
    }
}

/// The profile of a product.
pub(super) fn profile(product: Product) -> &'static Profile {
    let name = match product {
        Product::Nginx => "nginx",
        Product::Haproxy => "haproxy",
        Product::Envoy => "envoy",
    };
    Profile::find(name).unwrap_or(Profile::ALL[0])
}

/// What a product does about its servers if the file is silent: its profile's preset.
pub(super) fn default_policy(product: Product, servers: usize) -> Policy {
    let replicas = u32::try_from(servers.max(1)).unwrap_or(u32::MAX);
    let preset = profile(product).preset.and_then(presets::find);
    let policy = preset.expect("the products that are read have presets").policy_over(replicas);
    // How long a callee that sends nothing is waited for is all that is looked at.
    Policy { timeout: policy.patience(), read_timeout: None, ..policy }
}

/// Something is wrong with the file's syntax.
pub(super) fn flaw(range: Range, message: impl Into<String>, help: &str) -> Flaw {
    Flaw { range, message: message.into(), help: Some(help.to_owned()) }
}
