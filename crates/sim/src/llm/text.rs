//! The words of prompts and completions. They mean nothing; they are the same in every rerun, and need
//! no escapes in JSON.

use topology::llm::BYTES_PER_TOKEN;
use trace::HopId;
use trace::id::mix;

/// What prompts are made of.
const PROMPT: &str = "Which of these layers made the error, and which of them only passed it on? ";

/// What completions are made of: each word is a token.
const WORDS: [&str; 32] = [
    "the", "gateway", "waits", "for", "an", "answer", "that", "never", "comes", "while", "its", "caller",
    "tries", "again", "and", "one", "more", "request", "joins", "a", "long", "queue", "until", "some",
    "timer", "fires", "then", "every", "layer", "tells", "another", "story",
];

/// Adds the text of a prompt of so many tokens.
pub(super) fn prompt(tokens: u32, to: &mut String) {
    let mut left = usize::try_from(prompt_len(tokens)).unwrap_or(usize::MAX);
    to.reserve(left);
    while left > 0 {
        let piece = &PROMPT[..left.min(PROMPT.len())];
        to.push_str(piece);
        left -= piece.len();
    }
}

/// How long that is.
pub(super) fn prompt_len(tokens: u32) -> u64 {
    u64::from(tokens) * u64::from(BYTES_PER_TOKEN)
}

/// How many tokens a text of so many bytes counts as.
pub(super) fn tokens_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).div_ceil(BYTES_PER_TOKEN)
}

/// A token of a completion.
pub(super) fn token(id: HopId, place: u32) -> String {
    let word = WORDS[(mix(id.0 ^ mix(u64::from(place))) % 32) as usize];
    if place == 0 { word.to_owned() } else { format!(" {word}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_counts_as_many_tokens_as_it_was_made_of() {
        for tokens in [0, 1, 18, 19, 1000] {
            let mut text = String::new();
            prompt(tokens, &mut text);
            assert_eq!(tokens_of(text.len()), tokens);
        }
    }

    #[test]
    fn words_need_no_escapes() {
        for word in WORDS.iter().chain([&PROMPT]) {
            assert_eq!(serde_json::to_string(word).unwrap(), format!("\"{word}\""));
        }
    }
}
