//! What one node accepts and the next does not: sizes, keys.

pub(super) mod body;
pub(super) mod head;
pub(super) mod keys;

use super::subject::{Link, Subject, decides_itself};
use crate::NodeKind;

/// A node's limit, and its product's own.
type Limit = (u64, Option<u64>);

/// The edges over which a gateway sends on what the callee may refuse, by what each accepts: where both
/// limits are the products' own, nobody has chosen that.
fn shrinking<'s>(
    subject: &'s Subject<'_>,
    limits: fn(&Link<'_>) -> [Limit; 2],
    general: u64,
) -> impl Iterator<Item = (Link<'s>, u64, u64)> {
    let gateways =
        subject.edges().filter(|link| link.caller.kind == NodeKind::Gateway && !decides_itself(link.callee));
    gateways.filter_map(move |link| {
        let [(outer, outer_default), (inner, inner_default)] = limits(&link);
        let chosen = outer != outer_default.unwrap_or(general) || inner != inner_default.unwrap_or(general);
        (chosen && inner < outer && outer < crate::units::SIZE_MAX).then_some((link, outer, inner))
    })
}
