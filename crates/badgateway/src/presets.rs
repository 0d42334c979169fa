//! `badgateway presets`: gateway profiles and retry presets, each with its source.

use std::io::{self, Write};

use topology::profile::{Profile, Reaction};
use topology::scenario::presets::{self, Preset};
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

fn show_profile(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    paragraph(profile.about, "# ", out)?;
    paragraph(&format!("source: {}", profile.source), "# ", out)?;
    writeln!(out, "{}:", profile.name)?;
    writeln!(out, "  # what the client gets when")?;
    for failure in Failure::ALL {
        let reaction = match profile.on_failure(failure) {
            Reaction::Status(status) => status.to_string(),
            Reaction::PassOn => "whatever bytes came".to_owned(),
        };
        writeln!(out, "  {}: {reaction}", failure.name())?;
    }
    writeln!(out, "  # what it answers by itself")?;
    for refusal in Refusal::ALL {
        writeln!(out, "  {}: {}", refusal.name(), profile.on_refusal(refusal))?;
    }
    writeln!(out, "  proxy_status: {}", profile.proxy_status)
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
        insta::assert_snapshot!(text(|out| show_profile(Profile::ALL[0], out)));
    }

    #[test]
    fn what_there_is_not_has_a_neighbour() {
        let told = presets(Some("openai-python-3x")).unwrap_err().text;
        assert!(told.contains("did you mean `openai-python-3.x`?"), "{told}");
        let told = presets(Some("qqqqqq")).unwrap_err().text;
        assert!(told.contains("`badgateway presets` lists them"), "{told}");
    }
}
