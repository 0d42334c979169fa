//! nginx's access log in text, of any `log_format`.

use super::fields::Fields;

/// The format that nginx has where none is given. Source: nginx's `log_format` directive.
pub(super) const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// A `log_format`: text and variables in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFormat(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Variable(String),
}

impl LogFormat {
    /// Reads one, as it is in the configuration: `$name` or `${name}`.
    pub(super) fn read(format: &str) -> Result<Self, String> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut rest = format;
        while !rest.is_empty() {
            let at = rest.find('$').unwrap_or(rest.len());
            if at > 0 {
                tokens.push(Token::Text(rest[..at].to_owned()));
                rest = &rest[at..];
                continue;
            }
            let after = &rest[1..];
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, left) = braced.unwrap_or_else(|| {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            });
            if name.is_empty() {
                return Err(format!("there is no variable behind the `$` before `{left}`"));
            }
            if let Some(Token::Variable(before)) = tokens.last() {
                return Err(format!(
                    "nothing stands between ${before} and ${name}: they cannot be told apart"
                ));
            }
            tokens.push(Token::Variable(name.to_ascii_lowercase()));
            rest = left;
        }
        let has = |wanted: &str| tokens.iter().any(|t| matches!(t, Token::Variable(name) if name == wanted));
        if !has("status") {
            return Err("it has no $status".to_owned());
        }
        Ok(Self(tokens))
    }

    /// The fields of a line; none if it is not of this format. What comes behind is passed over.
    pub(super) fn fields(&self, line: &str) -> Option<Fields> {
        let mut fields = Fields::default();
        let mut rest = line;
        let mut tokens = self.0.iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Token::Variable(name) => {
                    let end = match tokens.peek() {
                        Some(Token::Text(text)) => end_of(name, rest, text)?,
                        _ => rest.trim_end().len(),
                    };
                    fields.0.insert(name.clone(), rest[..end].to_owned());
                    rest = &rest[end..];
                }
            }
        }
        Some(fields)
    }
}

/// Where a variable's value ends: at what comes next, which in lists of upstreams may stand between two
/// entries too.
fn end_of(name: &str, rest: &str, next: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + rest[from..].find(next)?;
        let goes_on = name.starts_with("upstream_")
            && (rest[..end].ends_with(',') || rest[..end].ends_with(" :") || rest[end..].starts_with(" : "));
        if !goes_on {
            return Some(end);
        }
        from = end + next.chars().next()?.len_utf8();
    }
}

/// The `log_format`s of a configuration, if it is one: their texts.
pub(super) fn of_configuration(text: &str) -> Vec<String> {
    let mut formats = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("log_format") {
        let is_word =
            rest[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ';' || c == '{');
        rest = &rest[at + "log_format".len()..];
        if !is_word {
            continue;
        }
        let Some(end) = end_of_directive(rest) else { break };
        formats.extend(strings(&rest[..end]));
        rest = &rest[end..];
    }
    formats
}

/// Where a directive ends: at a semicolon outside quotes.
fn end_of_directive(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ';') => return Some(at),
            _ => {}
        }
    }
    None
}

/// The quoted strings of a `log_format`, as one.
fn strings(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = rest[at..].chars().next()?;
        let inner = &rest[at + 1..];
        let end = inner.find(quote)?;
        whole.push_str(&inner[..end]);
        rest = &inner[end + 1..];
    }
    (!whole.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_upstreams_are_one_value() {
        let format =
            LogFormat::read("$status $upstream_addr $upstream_status $upstream_response_time $request_id")
                .unwrap();
        let fields = format
            .fields("200 10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80 502, 504 : 200 0.001, 0.002 : 0.003 abc")
            .unwrap();
        assert_eq!(fields.get("upstream_addr"), Some("10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80"));
        assert_eq!(fields.get("upstream_status"), Some("502, 504 : 200"));
        assert_eq!(fields.get("upstream_response_time"), Some("0.001, 0.002 : 0.003"));
        assert_eq!(fields.get("request_id"), Some("abc"));
    }

    #[test]
    fn a_format_says_what_is_wrong_with_it() {
        assert!(LogFormat::read("$status$request_id").is_err_and(|e| e.contains("told apart")));
        assert!(LogFormat::read("$request_id").is_err_and(|e| e.contains("$status")));
        assert!(LogFormat::read("$status $").is_err());
        assert!(LogFormat::read("${status}x").is_ok());
        assert!(LogFormat::read(COMBINED).is_ok());
    }

    #[test]
    fn a_configuration_tells_its_formats() {
        let text = "http { log_format main '$remote_addr [$time_local] '\n  '\"$request\" $status';\n access_log a main; }";
        assert_eq!(of_configuration(text), ["$remote_addr [$time_local] \"$request\" $status"]);
        assert!(of_configuration("log_format x").is_empty());
        assert!(of_configuration("access_log_format '$status';").is_empty());
    }
}
