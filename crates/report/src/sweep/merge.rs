//! The folders of shards as one.

use std::path::{Path, PathBuf};

use super::error::SweepError;
use super::folder::SweepDir;
use super::manifest::{Shard, SweepManifest};
use super::outcome::Outcome;

/// Joins the shards of a sweep into a folder, as if it had never been split.
///
/// # Errors
/// If they are of different sweeps, one is missing, doubled or not finished, or a file cannot be read
/// or written.
pub fn merge(shards: &[PathBuf], out: &Path) -> Result<Outcome, SweepError> {
    let mut dirs = shards.iter().map(|path| SweepDir::open(path)).collect::<Result<Vec<_>, _>>()?;
    let first = dirs.first().ok_or_else(|| SweepError::Shards("there is no shard to join".to_owned()))?;
    let whole = whole_of(first);
    let text = first.scenario()?;
    for dir in &dirs {
        let differs =
            || (dir.scenario().ok().as_ref() != Some(&text)).then(|| "the scenario's text differs".into());
        if let Some(difference) = whole_of(dir).difference(&whole).or_else(differs) {
            return Err(SweepError::Shards(format!(
                "{} and {} are of different sweeps: {difference}",
                dir.path().display(),
                first.path().display()
            )));
        }
    }
    complete(&dirs)?;
    let mut joined = SweepDir::create(out, whole, &text)?;
    let of = dirs.len() as u64;
    dirs.sort_by_key(|dir| dir.manifest().shard.number);
    for point in joined.missing() {
        let place = usize::try_from(point % of).unwrap_or_default();
        joined.journal.copy(point, &mut dirs[place].journal)?;
    }
    joined.finish()
}

/// The sweep that a shard is part of.
fn whole_of(dir: &SweepDir) -> SweepManifest {
    SweepManifest { shard: Shard::WHOLE, ..dir.manifest().clone() }
}

/// Holds shards of one sweep to it that each is there once, and has all its points.
fn complete(dirs: &[SweepDir]) -> Result<(), SweepError> {
    let of = dirs.first().map_or(1, |dir| dir.manifest().shard.of);
    let with = |number: u64| dirs.iter().filter(move |dir| dir.manifest().shard == Shard { number, of });
    if let Some(dir) = dirs.iter().find(|dir| dir.manifest().shard.of != of) {
        let shard = dir.manifest().shard;
        return Err(SweepError::Shards(format!(
            "{} is shard {shard}, and {} is one of {of}",
            dir.path().display(),
            dirs[0].path().display()
        )));
    }
    for dir in dirs {
        let shard = dir.manifest().shard;
        if let Some(other) = with(shard.number).find(|other| !std::ptr::eq(*other, dir)) {
            let (one, other) = (dir.path().display(), other.path().display());
            return Err(SweepError::Shards(format!("{one} and {other} are both shard {shard}")));
        }
    }
    let missing: Vec<String> = (1..=of)
        .filter(|&number| with(number).next().is_none())
        .take(10)
        .map(|number| Shard { number, of }.to_string())
        .collect();
    if !missing.is_empty() {
        let more = of - dirs.len() as u64 - missing.len() as u64;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(SweepError::Shards(format!("missing: shard {}{more}", missing.join(", "))));
    }
    match dirs.iter().find(|dir| dir.done() < dir.points()) {
        Some(dir) => Err(SweepError::Shards(format!(
            "{} (shard {}) has {} of its {} points: run it again to go on with it",
            dir.path().display(),
            dir.manifest().shard,
            dir.done(),
            dir.points()
        ))),
        None => Ok(()),
    }
}
