//! nginx's syntax: directives, blocks, quotes and comments.

use super::super::model::flaw;
use crate::scenario::{Flaw, Range};

/// How deep blocks may be nested.
const DEPTH_MAX: usize = 32;

/// `name arguments;` or `name arguments { ... }`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) block: Vec<Directive>,
    pub(super) at: Range,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String, Range),
    End,
    Open,
    Close,
}

/// A block that is open: its directives, and the words of the one that has not ended.
type Open = (Vec<Directive>, Vec<(String, Range)>);

/// All directives of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Directive>, Flaw> {
    let mut lexer = Lexer { text, byte: 0, line: 1, column: 1 };
    let mut open: Vec<Open> = vec![(Vec::new(), Vec::new())];
    loop {
        lexer.skip_space();
        let here = lexer.here(1);
        let token = lexer.next()?;
        let Some((directives, words)) = open.last_mut() else { break };
        match token {
            Some(Token::Word(word, range)) => words.push((word, range)),
            Some(Token::End) => {
                let words = std::mem::take(words);
                directives.extend(directive(words, Vec::new()));
            }
            Some(Token::Open) => {
                let code = words.first().is_some_and(|(word, _)| word.ends_with("_by_lua_block"));
                if words.is_empty() {
                    return Err(flaw(
                        here,
                        "a block without a name",
                        "write what the block is of, or take it out",
                    ));
                }
                if code {
                    lexer.skip_code()?;
                    words.clear();
                } else if open.len() > DEPTH_MAX {
                    return Err(flaw(here, "blocks are nested too deep", "nginx needs less than ten levels"));
                } else {
                    open.push((Vec::new(), Vec::new()));
                }
            }
            Some(Token::Close) => {
                if let Some((word, range)) = words.first() {
                    return Err(flaw(*range, format!("`{word}` does not end"), "end it with a `;`"));
                }
                let Some((block, _)) = open.pop() else { break };
                let Some((directives, words)) = open.last_mut() else {
                    return Err(flaw(here, "this `}` closes nothing", "take it out"));
                };
                let words = std::mem::take(words);
                directives.extend(directive(words, block));
            }
            None => {
                if let Some((word, range)) = words.first() {
                    return Err(flaw(*range, format!("`{word}` does not end"), "end it with a `;`"));
                }
                let outer = open.len().checked_sub(2).and_then(|i| open[i].1.first());
                if let Some((word, range)) = outer {
                    return Err(flaw(
                        *range,
                        format!("the block of `{word}` does not end"),
                        "end it with a `}`",
                    ));
                }
                break;
            }
        }
    }
    Ok(open.pop().map(|(directives, _)| directives).unwrap_or_default())
}

fn directive(words: Vec<(String, Range)>, block: Vec<Directive>) -> Option<Directive> {
    let mut words = words.into_iter();
    let (name, at) = words.next()?;
    Some(Directive { name, arguments: words.map(|(word, _)| word).collect(), block, at })
}

struct Lexer<'a> {
    text: &'a str,
    byte: usize,
    line: usize,
    column: usize,
}

impl Lexer<'_> {
    fn here(&self, length: usize) -> Range {
        Range { line: self.line, column: self.column, length, byte: self.byte }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.byte..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.byte += next.len_utf8();
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    /// Past blanks and comments.
    fn skip_space(&mut self) {
        loop {
            match self.peek() {
                Some('#') => while self.peek().is_some_and(|c| c != '\n') && self.bump().is_some() {},
                Some(c) if c.is_whitespace() => {
                    self.bump();
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Result<Option<Token>, Flaw> {
        let mark = match self.peek() {
            None => return Ok(None),
            Some(';') => Token::End,
            Some('{') => Token::Open,
            Some('}') => Token::Close,
            Some(_) => return self.word().map(Some),
        };
        self.bump();
        Ok(Some(mark))
    }

    fn word(&mut self) -> Result<Token, Flaw> {
        let mut range = self.here(1);
        let quote = self.peek().filter(|c| matches!(c, '"' | '\''));
        if quote.is_some() {
            self.bump();
        }
        let mut word = String::new();
        loop {
            let next = self.peek();
            match (quote, next) {
                (Some(_), None) => return Err(flaw(range, "this quote does not end", "close it")),
                (None, None) => break,
                (Some(quote), Some(c)) if c == quote => {
                    self.bump();
                    break;
                }
                (None, Some(c)) if c.is_whitespace() || matches!(c, ';' | '{') && !word.ends_with('$') => {
                    break;
                }
                (_, Some('\\')) => {
                    self.bump();
                    word.extend(self.bump());
                }
                // `${name}` is a part of the word.
                (None, Some('{')) => {
                    while let Some(c) = self.bump() {
                        word.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
                (_, Some(c)) => {
                    self.bump();
                    word.push(c);
                }
            }
        }
        range.length = if range.line == self.line { self.column - range.column } else { usize::MAX };
        Ok(Token::Word(word, range))
    }

    /// Past the `}` that ends a block of another language, whose `{` has been read.
    fn skip_code(&mut self) -> Result<(), Flaw> {
        let range = self.here(1);
        let mut depth = 1_usize;
        while let Some(c) = self.bump() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err(flaw(range, "this block of code does not end", "end it with a `}`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(directives: &[Directive]) -> String {
        let one = |d: &Directive| {
            let words = [std::slice::from_ref(&d.name), &d.arguments].concat().join(" ");
            if d.block.is_empty() { words } else { format!("{words} {{ {} }}", shown(&d.block)) }
        };
        directives.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn directives_blocks_quotes_and_comments() {
        let text = "user www; # not; this {
http {
  log_format main '$remote_addr; \"{$request}\"' \"a\\\"b\";
  location ~ \\.php${x} { proxy_pass http://${host}:80/a; }
  content_by_lua_block { if x then { y } end }
  server { listen 80; }
}";
        let parsed = parse(text).unwrap();
        assert_eq!(
            shown(&parsed),
            "user www; http { log_format main $remote_addr; \"{$request}\" a\"b; location ~ .php${x} { proxy_pass http://${host}:80/a }; server { listen 80 } }"
        );
        let server = &parsed[1].block[2];
        assert_eq!(
            (server.name.as_str(), server.at.line, server.at.column, server.at.length),
            ("server", 6, 3, 6)
        );
    }

    #[test]
    fn what_does_not_end_has_a_place() {
        for (text, line, told) in [
            ("http {\n  server {\n", 2, "the block of `server` does not end"),
            ("http {\n  listen 80\n}", 2, "`listen` does not end"),
            ("a;\n}", 2, "this `}` closes nothing"),
            ("\n\"abc", 2, "this quote does not end"),
            ("a", 1, "`a` does not end"),
            ("{ }", 1, "a block without a name"),
            ("access_by_lua_block {\n {", 1, "this block of code does not end"),
        ] {
            let flaw = parse(text).unwrap_err();
            assert_eq!((flaw.range.line, flaw.message.as_str()), (line, told), "{text}");
        }
        assert!(parse(&"a {".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z{};#\"'\\\\$ \nü]{0,200}") {
            let _ = parse(&text);
        }
    }
}
