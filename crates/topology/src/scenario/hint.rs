//! The likely fix for a word that is not known.

/// Words longer than this are not compared: nobody mistypes that.
const WORD_MAX: usize = 100;
/// How many words a hint lists.
const LISTED_MAX: usize = 24;

/// The known word that was probably meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > WORD_MAX {
        return None;
    }
    let folded = fold(word);
    let distance = |candidate: &str| {
        let other = fold(candidate);
        let begins = folded.len() >= 3
            && (other.starts_with(&folded) || folded.starts_with(&other) && other.len() >= 3);
        if begins { 1 } else { strsim::damerau_levenshtein(&folded, &other) }
    };
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_MAX)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean", or else what there is.
pub(super) fn did_you_mean<'a, I>(word: &str, known: I, what: &str) -> Option<String>
where
    I: IntoIterator<Item = &'a str> + Clone,
{
    if let Some(nearest) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let list = list(known);
    (!list.is_empty()).then(|| format!("{what}: {list}"))
}

/// `a, b, c`, cut where it gets long.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut more = 0;
    for (i, word) in words.into_iter().enumerate() {
        match i {
            0 => out.push_str(word),
            i if i < LISTED_MAX => out.extend([", ", word]),
            _ => more += 1,
        }
    }
    if more > 0 {
        out.extend([" and ", &more.to_string(), " more"]);
    }
    out
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}
