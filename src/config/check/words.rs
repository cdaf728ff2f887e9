//! Proposals for a word that is not known.

/// The nearest of the known words, when it is near enough to be what was meant.
pub(in crate::config) fn nearest<'w>(
    word: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    // One slip in a short word, two in a usual one, three in a long one.
    let tolerance = match word.chars().count() {
        0..=3 => 1,
        4..=9 => 2,
        _ => 3,
    };
    let near = known.into_iter().filter_map(|other| {
        let distance = strsim::damerau_levenshtein(&word, &plain(other));
        let is_near = distance <= tolerance || strsim::jaro_winkler(&word, &plain(other)) >= 0.9;
        is_near.then_some((distance, other))
    });
    near.min().map(|(_, other)| other)
}

/// What to say about an unknown word: the nearest known one, or all of them when they are few.
pub(in crate::config) fn propose(word: &str, known: &[&str]) -> String {
    if let Some(nearest) = nearest(word, known.iter().copied()) {
        return format!("; did you mean `{nearest}`?");
    }
    match known.len() {
        0 | 9.. => String::new(),
        1..=8 => format!("; known here: {}", list(known)),
    }
}

/// Words in back quotes, with commas.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        let keys = ["balance", "endpoints", "try_timeout", "path", "tcp"];
        for (word, meant) in [
            ("balnce", "balance"),
            ("endpoint", "endpoints"),
            ("try-timeout", "try_timeout"),
            ("Path", "path"),
            ("tpc", "tcp"),
        ] {
            assert_eq!(nearest(word, keys), Some(meant));
        }
        assert_eq!(nearest("colour", keys), None);
    }

    #[test]
    fn few_words_are_listed_and_many_are_not() {
        assert_eq!(propose("xyz", &["a", "b"]), "; known here: `a`, `b`");
        assert_eq!(propose("xyz", &["a"; 9]), "");
    }
}
