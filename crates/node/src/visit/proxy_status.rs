//! What a node says of an error that it makes or passes on.

use topology::{EdgeId, NodeKind};

use crate::action::ProxyStatus;
use crate::scope::Scope;

/// What the node says in `Proxy-Status`: only gateways do, only of errors, and only where the
/// product does.
pub(super) fn proxy_status(
    scope: &Scope<'_, '_>,
    error: Option<&'static str>,
    received: Option<(EdgeId, u16)>,
) -> ProxyStatus {
    let declared = scope.declared();
    if declared.kind != NodeKind::Gateway || !declared.profile.proxy_status {
        return ProxyStatus::default();
    }
    ProxyStatus {
        error,
        received: received.map(|(_, status)| status).filter(|&s| s >= 400),
        next: received.map(|(edge, _)| scope.env.scenario.topology.ends(edge).1),
    }
}
