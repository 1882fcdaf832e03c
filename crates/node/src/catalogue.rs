//! A catalogue of texts in Fluent: mails read theirs here, pages theirs.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

/// The texts of one language, by their keys.
pub struct Catalogue(FluentBundle<FluentResource>);

impl Catalogue {
    /// Reads one.
    ///
    /// # Panics
    /// It does not parse, or has a key twice.
    #[must_use]
    #[expect(clippy::expect_used, reason = "catalogues are part of the program; a test reads each")]
    pub fn new(language: LanguageIdentifier, text: &str) -> Self {
        let resource = FluentResource::try_new(text.to_owned()).expect("a catalogue that parses");
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // The marks are for mixed directions of writing; neither language here needs them.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("a catalogue without doubles");
        Self(bundle)
    }

    /// Whether it has this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.has_message(key)
    }

    /// The text of this key. One that is not in the catalogue shows itself; a test sees to it that there is none.
    #[must_use]
    pub fn text(&self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.0.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        self.0.format_pattern(pattern, arguments, &mut Vec::new()).into_owned()
    }
}
