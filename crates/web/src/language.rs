//! The catalogues, and whose language a page is in.

use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use comity_node::catalogue::Catalogue;
use fluent_bundle::{FluentArgs, FluentValue};
use unic_langid::langid;

static ENGLISH: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::new(langid!("en"), include_str!("../locales/en.ftl")));
static CHINESE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::new(langid!("zh-Hans"), include_str!("../locales/zh.ftl")));

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// Its code, as in `lang` attributes and agreements.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The text of this key. A key that is not in the catalogue shows itself; a test sees to it
    /// that there is none.
    pub(crate) fn text(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of this key, where there is one.
    pub(crate) fn known(self, key: &str) -> Option<String> {
        self.catalogue().has(key).then(|| self.text(key))
    }

    /// The text of this key with values.
    pub(crate) fn with<'a, V: Into<FluentValue<'a>>, const N: usize>(
        self,
        key: &str,
        values: [(&'static str, V); N],
    ) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(name, value);
        }
        self.format(key, Some(&arguments))
    }

    fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        self.catalogue().text(key, arguments)
    }

    fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// By `en` or `zh`, as commands name it.
    pub(crate) fn named(code: &str) -> Self {
        if code == Self::Chinese.code() { Self::Chinese } else { Self::English }
    }

    fn of(headers: &HeaderMap) -> Self {
        let chosen = crate::session::cookie(headers, "lang");
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let first = chosen.as_deref().or(wanted).unwrap_or_default();
        if first.trim_start().starts_with("zh") { Self::Chinese } else { Self::English }
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// `GET /language`: the other of the two, from now on.
/// The page from which it was asked for comes again.
pub(crate) async fn choose(language: Language, headers: HeaderMap) -> Response {
    let other = if language == Language::English { "zh" } else { "en" };
    let cookie = format!("lang={other}; Path=/; SameSite=Lax; Max-Age=31536000");
    let from = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let place = from.and_then(|from| from.split_once("://")?.1.split_once('/'));
    let place = place.map_or_else(|| "/".to_owned(), |(_, place)| format!("/{place}"));
    let back = Redirect::to(crate::session::own_place(&place));
    ([(header::SET_COOKIE, cookie)], back).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn keys(text: &str) -> BTreeSet<&str> {
        let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        text.lines().filter(starts).filter_map(|line| line.split(" =").next()).collect()
    }

    #[test]
    fn both_catalogues_have_the_same_keys() {
        let english = keys(include_str!("../locales/en.ftl"));
        let chinese = keys(include_str!("../locales/zh.ftl"));
        assert_eq!(english, chinese);
        assert!(english.len() > 100);
    }

    /// What a template says itself, without tags and what it takes from elsewhere, has no words but
    /// the units and names that are the same in every language.
    #[test]
    fn templates_have_no_words_of_their_own() {
        for file in std::fs::read_dir("templates").unwrap() {
            let path = file.unwrap().path();
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (open, close) in [("{%", "%}"), ("{{", "}}"), ("<", ">")] {
                while let Some(from) = text.find(open) {
                    let to = text[from..].find(close).unwrap() + from + close.len();
                    text.replace_range(from..to, " ");
                }
            }
            let text = text.replace("SHA-256", "").replace(" B ", " ");
            let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
            let words: Vec<_> = words.collect();
            assert!(words.is_empty(), "{words:?} in {}", path.display());
        }
    }

    /// Whatever refuses by a name: its text is on pages, in both languages.
    #[test]
    fn every_code_has_a_text() {
        let english = keys(include_str!("../locales/en.ftl"));
        let mut found = 0;
        for (file, names, prefix) in [
            ("ledger/src/error.rs", "fn code(", "code"),
            ("ledger/src/witness.rs", "fn code(", "code"),
            ("rules/src/channel.rs", "fn code(", "code"),
            ("rules/src/request.rs", "fn code(", "code"),
            ("rules/src/agreement/mod.rs", "fn as_str(self)", "asked"),
            ("rules/src/command.rs", "fn code(", "flaw"),
            ("rules/src/prompt.rs", "fn code(", "want"),
        ] {
            let source = std::fs::read_to_string(format!("../{file}")).unwrap();
            let body = source.split(names).nth(1).unwrap().split("\n    }\n").next().unwrap();
            for code in body.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(english.contains(format!("{prefix}-{code}").as_str()), "{code} of {file}");
                found += 1;
            }
        }
        assert!(found > 45, "{found}");
    }

    #[test]
    fn every_key_that_pages_use_is_in_the_catalogue() {
        let english = keys(include_str!("../locales/en.ftl"));
        let mut used = 0;
        for folder in ["src", "src/pages", "templates"] {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let Ok(source) = std::fs::read_to_string(&path) else { continue };
                for call in ["t.text(\"", "t.with(\""] {
                    for rest in source.split(call).skip(1) {
                        let key = rest.split('"').next().unwrap();
                        if key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                            && !key.ends_with('-')
                            && !key.is_empty()
                        {
                            assert!(english.contains(key), "{key} in {}", path.display());
                            used += 1;
                        }
                    }
                }
            }
        }
        assert!(used > 50);
    }
}
