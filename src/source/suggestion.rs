//! Did you mean …?

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance =
                strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let modules = ["copy", "command", "template"];
        assert_eq!(did_you_mean("tempalte", modules), Some("template"));
        assert_eq!(did_you_mean("comand", modules), Some("command"));
        assert_eq!(did_you_mean("firewalld", modules), None);
    }
}
