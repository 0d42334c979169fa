//! Texts in which an engine fills in addresses and folders: `listen {{listen}};`.

/// A text with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Variable),
}

/// What can be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// `{{listen}}`: where the program must listen.
    Listen(Part),
    /// `{{upstreams.NAME}}`: where that callee is.
    Upstream(String, Part),
    /// `{{dir}}`: a folder of the program's own.
    Dir,
    /// `{{config}}`: the file that was written for it.
    Config,
}

/// Which part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `127.0.0.1:80`
    Whole,
    /// `{{listen.host}}`
    Host,
    /// `{{listen.port}}`
    Port,
}

/// What can be written between the braces.
pub const VARIABLES: [&str; 8] = [
    "listen",
    "listen.host",
    "listen.port",
    "upstreams.NAME",
    "upstreams.NAME.host",
    "upstreams.NAME.port",
    "dir",
    "config",
];

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// What stands between braces and is nothing that can be filled in.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}").filter(|(name, _)| !name.contains('\n')) else {
                return Err(after.lines().next().unwrap_or_default().chars().take(40).collect());
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(Variable::parse(name.trim()).ok_or_else(|| name.trim().to_owned())?));
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// What has to be filled in.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(variable) => Some(variable),
            Piece::Text(_) => None,
        })
    }

    /// The text with everything filled in.
    pub fn fill(&self, mut value: impl FnMut(&Variable) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(variable) => value(variable),
        });
        pieces.collect()
    }
}

impl Variable {
    fn parse(name: &str) -> Option<Self> {
        let part = |word: &str| match word {
            "host" => Some(Part::Host),
            "port" => Some(Part::Port),
            _ => None,
        };
        match name {
            "dir" => return Some(Self::Dir),
            "config" => return Some(Self::Config),
            "listen" => return Some(Self::Listen(Part::Whole)),
            _ => {}
        }
        if let Some(word) = name.strip_prefix("listen.") {
            return part(word).map(Self::Listen);
        }
        let callee = name.strip_prefix("upstreams.").filter(|callee| !callee.is_empty())?;
        // A node's name may hold dots: only a last word that is a part is one.
        match callee.rsplit_once('.').and_then(|(callee, word)| Some((callee, part(word)?))) {
            Some((callee, part)) => Some(Self::Upstream(callee.to_owned(), part)),
            None => Some(Self::Upstream(callee.to_owned(), Part::Whole)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in() {
        let template =
            Template::parse("listen {{ listen }}; to {{upstreams.app.v1.port}} in {{dir}}").unwrap();
        let filled = template.fill(|variable| match variable {
            Variable::Listen(Part::Whole) => "127.0.0.1:80".to_owned(),
            Variable::Upstream(name, Part::Port) if name == "app.v1" => "81".to_owned(),
            Variable::Dir => "/tmp/d".to_owned(),
            other => panic!("{other:?}"),
        });
        assert_eq!(filled, "listen 127.0.0.1:80; to 81 in /tmp/d");
        assert_eq!(template.variables().count(), 3);
    }

    #[test]
    fn a_text_without_a_place_is_itself() {
        for text in ["", "{ \"a\": {\"b\": 1}}", "$host }} {"] {
            assert_eq!(Template::parse(text).unwrap().fill(|_| unreachable!()), text);
        }
    }

    #[test]
    fn what_is_nothing_to_fill_in_is_told() {
        assert_eq!(Template::parse("a {{listn}}"), Err("listn".to_owned()));
        assert_eq!(Template::parse("a {{upstreams.}}"), Err("upstreams.".to_owned()));
        assert_eq!(Template::parse("a {{listen\n}}"), Err("listen".to_owned()));
    }
}
