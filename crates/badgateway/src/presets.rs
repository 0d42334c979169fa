//! `badgateway presets`: gateway profiles and retry presets, each with its source.

use std::io::{self, Write};
use std::time::Duration;

use topology::profile::{Cell, Evidence, OwnError, PassesOn, Profile, Reaction, SpentLimit, Why};
use topology::rules::Quota;
use topology::scenario::presets::{self, Preset};
use topology::units::{DurationText, SIZE_MAX, Size};
use topology::{Failure, Refusal};

use crate::exit::{Exit, Failure as Failed};
use crate::output;

/// How wide a line is.
const LINE: usize = 80;

pub(crate) fn presets(name: Option<&str>) -> Result<Exit, Failed> {
    let Some(name) = name else {
        output::result(list)?;
        return Ok(Exit::Well);
    };
    if let Some(preset) = presets::find(name) {
        output::result(|out| show_preset(preset, out))?;
    } else if let Some(profile) = Profile::find(name) {
        output::result(|out| show_profile(profile, out))?;
    } else {
        let known = presets::names().chain(Profile::ALL.map(|p| p.name));
        let help = match topology::scenario::nearest_name(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`badgateway presets` lists them".to_owned(),
        };
        return Err(Failed::wrong(format!("there is no preset or profile `{name}`: {help}")));
    }
    Ok(Exit::Well)
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Retry presets: `--strategy NAME`, or `preset: NAME` in a strategy or at an edge")?;
    for preset in presets::all() {
        let also = match preset.aliases.as_slice() {
            [] => String::new(),
            aliases => format!("  (also {})", aliases.join(", ")),
        };
        writeln!(out, "  {}{also}", preset.name)?;
        paragraph(&preset.about, "      ", out)?;
    }
    writeln!(out, "\nGateway profiles: `profile: NAME` at a gateway")?;
    for profile in Profile::ALL {
        writeln!(out, "  {}", profile.name)?;
        paragraph(profile.about, "      ", out)?;
    }
    writeln!(out, "\n`badgateway presets NAME` shows one, with its source.")
}

fn show_preset(preset: &Preset, out: &mut dyn Write) -> io::Result<()> {
    paragraph(&preset.about, "# ", out)?;
    paragraph(&format!("of: {}", preset.of), "# ", out)?;
    paragraph(&format!("source: {}", preset.source), "# ", out)?;
    if let Some(differs) = &preset.differs {
        paragraph(&format!("differs: {differs}"), "# ", out)?;
    }
    write!(out, "{}", preset.to_yaml())
}

/// What two of its own errors look like.
fn show_words(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n# What its own errors look like ({}).", profile.words.evidence.name())?;
    let failed = Why::Failed(Failure::ConnectionRefused);
    let status = match profile.on_failure(Failure::ConnectionRefused).does {
        Reaction::Status(status) | Reaction::StatusThenSilence(status) => status,
        Reaction::PassOn => return Ok(()),
    };
    let quota = Quota { amount: 100.0, per: Duration::from_mins(1) };
    let limit = Some(SpentLimit { name: "gold/rpm", quota, wait_s: 30 });
    let limited = Why::Refused(Refusal::RateLimited);
    let spent = profile.on_refusal(Refusal::RateLimited).does;
    for (name, status, why, limit) in
        [("connection_refused", status, failed, None), ("rate_limited", spent, limited, limit)]
    {
        let said = (profile.words.says)(&OwnError { node: "gateway", status, why, limit });
        writeln!(out, "# {name}: {}", said.content_type)?;
        for (name, value) in &said.headers {
            writeln!(out, "#   {name}: {value}")?;
        }
        for line in said.body.lines() {
            paragraph(line, "#   ", out)?;
        }
    }
    Ok(())
}

fn show_profile(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    paragraph(profile.about, "# ", out)?;
    paragraph(&format!("source: {}", profile.source), "# ", out)?;
    writeln!(out, "{}:", profile.name)?;
    writeln!(out, "\n# What its caller gets when it has no whole response of its callee.")?;
    for failure in Failure::ALL {
        let Cell { does, evidence, sign } = profile.on_failure(failure);
        cell(failure.name(), &does.text(), evidence, sign, out)?;
    }
    let text = match profile.passes_on {
        PassesOn::Whole => "It has the whole response before it passes on any of it.",
        PassesOn::WholeButStreams => {
            "It has the whole response before it passes on any of it; a stream of tokens it passes on as it comes."
        }
        PassesOn::AsItComes => {
            "What breaks after the head has been passed on is a cut response, whatever the status."
        }
    };
    paragraph(text, "# ", out)?;
    if profile.rewrites_errors {
        paragraph("A callee's error keeps its status, but not its words and its Retry-After.", "# ", out)?;
    }
    if Failure::ALL.into_iter().any(|f| matches!(profile.on_failure(f).does, Reaction::StatusThenSilence(_)))
    {
        let text = "`or nothing`: on a connection that has carried a request before it says nothing and closes it, so that its caller tries again.";
        paragraph(text, "# ", out)?;
    }
    writeln!(out, "\n# What it answers by itself.")?;
    for refusal in Refusal::ALL {
        let Cell { does, evidence, sign } = profile.on_refusal(refusal);
        cell(refusal.name(), &does.to_string(), evidence, sign, out)?;
    }
    show_words(profile, out)?;
    writeln!(out, "\n# What it does and accepts unless the scenario says otherwise.")?;
    let size = |bytes: Option<u64>| match bytes {
        None => "as any node".to_owned(),
        Some(SIZE_MAX) => "no limit".to_owned(),
        Some(bytes) => Size(bytes).to_string(),
    };
    let limits = &profile.limits;
    let keep_alive = limits.keep_alive.map_or("as any node".to_owned(), |d| DurationText(d).to_string());
    writeln!(out, "  time-outs and retries              {}", profile.preset.unwrap_or("as any node"))?;
    writeln!(out, "  request head                       {}", size(limits.head))?;
    writeln!(out, "  request body                       {}", size(limits.body))?;
    writeln!(out, "  idle connections of callers        {keep_alive}")?;
    writeln!(
        out,
        "  Proxy-Status (RFC 9209)            {}",
        if profile.proxy_status { "sent" } else { "not sent" }
    )
}

/// One cell of the table: what, how that is known, and below it how it shows.
fn cell(name: &str, does: &str, evidence: Evidence, sign: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {name:<33}  {does:<19}  {}", evidence.name())?;
    if sign.is_empty() { Ok(()) } else { paragraph(sign, "      ", out) }
}

/// A text in lines that fit, each with something before it.
fn paragraph(text: &str, before: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && before.len() + line.chars().count() + 1 + word.chars().count() > LINE {
            writeln!(out, "{before}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{before}{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_fits_a_terminal() {
        let mut all = text(list);
        for preset in presets::all() {
            all.push_str(&text(|out| show_preset(preset, out)));
        }
        for profile in Profile::ALL {
            all.push_str(&text(|out| show_profile(profile, out)));
        }
        let is_prose = |line: &&str| !line.starts_with("    ") || line.starts_with("      ");
        for line in all.lines().filter(is_prose) {
            assert!(line.chars().count() <= LINE, "{line}");
        }
    }

    #[test]
    fn a_preset_is_shown_in_the_words_of_a_scenario() {
        insta::assert_snapshot!(text(|out| show_preset(presets::find("openai-python-3.x").unwrap(), out)));
    }

    #[test]
    fn a_profile_is_shown_as_a_table() {
        insta::assert_snapshot!(text(|out| show_profile(Profile::find("haproxy").unwrap(), out)));
    }

    #[test]
    fn what_there_is_not_has_a_neighbour() {
        let told = presets(Some("openai-python-3x")).unwrap_err().text;
        assert!(told.contains("did you mean `openai-python-3.x`?"), "{told}");
        let told = presets(Some("qqqqqq")).unwrap_err().text;
        assert!(told.contains("`badgateway presets` lists them"), "{told}");
    }
}
