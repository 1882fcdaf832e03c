//! Rules that only one type has.

use super::Report;
use crate::finding::{Path, shown};
use crate::id::{Id, is_type_name};
use crate::json::{Json, Object};
use crate::pattern::{self, Pattern};
use crate::schema::{self, Special};
use crate::{relationships, tlp};

impl Report<'_> {
    pub(super) fn special(
        &mut self,
        object: &Object<'_>,
        special: Special,
        section: &'static str,
        at: &Path<'_>,
    ) {
        match special {
            Special::Pattern => self.pattern(object, at),
            Special::MarkingDefinition => self.marking(object, section, at),
            Special::Relationship => self.relationship(object, section, at),
            Special::Observed => self.observed(object, section, at),
            Special::Extension => self.extension(object, section, at),
        }
    }

    fn pattern(&mut self, object: &Object<'_>, at: &Path<'_>) {
        let (Some("stix"), Some(text)) = (object.text("pattern_type"), object.text("pattern"))
        else {
            return;
        };
        let version = object.text("pattern_version").or_else(|| object.text("spec_version"));
        let syntax = pattern::Syntax::of(version.unwrap_or("2.1"));
        let path = Path::Member(at, "pattern");
        let pattern = match Pattern::check(text, syntax) {
            Ok(pattern) => pattern,
            Err(error) => return self.must(&path, ("pattern", "9"), format_args!("{error}")),
        };
        let of_property = |name: &str| {
            (3..=250).contains(&name.len())
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        for (kind, property) in pattern.names() {
            if !is_type_name(kind) {
                self.must(
                    &path,
                    ("pattern", "9"),
                    format_args!("'{}' may not be the name of a type", shown(kind)),
                );
            } else if property != "id" && !of_property(property) {
                self.must(
                    &path,
                    ("pattern", "9"),
                    format_args!("'{}' may not be the name of a property", shown(property)),
                );
            }
        }
    }

    /// Section 7.2.1: a statement, one of the four of TLP 1, or what an extension says.
    fn marking(&mut self, object: &Object<'_>, section: &'static str, at: &Path<'_>) {
        let own = object.text("id");
        for (name, refs) in [
            ("object_marking_refs", object.member("object_marking_refs")),
            ("granular_markings", object.member("granular_markings")),
        ] {
            let named = refs.and_then(Json::as_array).unwrap_or_default().iter().any(|one| {
                let marking = one.as_object().and_then(|one| one.text("marking_ref"));
                own.is_some() && one.as_str().or(marking) == own
            });
            if named {
                self.must(
                    &Path::Member(at, name),
                    ("circular", "3.2"),
                    format_args!("a marking definition may not mark itself"),
                );
            }
        }
        let kind = object.text("definition_type");
        if !object.has("extensions") {
            for name in ["definition_type", "definition"] {
                if !object.has(name) {
                    self.must(at, ("required", section), format_args!("there is no '{name}'"));
                }
            }
            if !matches!(kind, Some("statement" | "tlp") | None) {
                self.should(
                    &Path::Member(at, "definition_type"),
                    ("extensions-use", section),
                    format_args!("a marking of another kind should be defined by an extension"),
                );
            }
        }
        let definition = object.member("definition");
        let path = Path::Member(at, "definition");
        match (kind, definition) {
            (_, Some(other)) if other.as_object().is_none() => self.must(
                &path,
                ("type", section),
                format_args!("this is {}, and should be an object", other.kind()),
            ),
            (Some("statement"), Some(Json::Object(definition)))
                if definition.text("statement").is_none() =>
            {
                self.must(&path, ("required", "7.2.1.3"), format_args!("there is no 'statement'"));
            }
            (Some("tlp"), Some(Json::Object(definition))) => {
                let told = definition.text("tlp").unwrap_or_default();
                let ours = tlp::MARKINGS.iter().find(|one| one.word == told);
                let same = ours.is_some_and(|one| {
                    // Those of STIX 2.0 have no name.
                    let is_named = object.text("name") == Some(one.name)
                        || !object.has("name") && !object.has("spec_version");
                    own == Some(one.id) && is_named && object.text("created") == Some(tlp::CREATED)
                });
                if !same {
                    self.must(
                        at,
                        ("tlp", "7.2.1.4"),
                        format_args!(
                            "a TLP 1 marking must be one of the four that the standard defines, to the letter; for TLP 2.0 use its extension"
                        ),
                    );
                }
            }
            _ => {}
        }
    }

    fn relationship(&mut self, object: &Object<'_>, section: &'static str, at: &Path<'_>) {
        let end = |name| object.text(name).and_then(Id::parse).map(|id| id.kind);
        let (Some(kind), Some(source), Some(target)) =
            (object.text("relationship_type"), end("source_ref"), end("target_ref"))
        else {
            return;
        };
        let meta = |kind| {
            schema::known(kind).is_some_and(|known| {
                matches!(known.of.family, schema::Family::Meta | schema::Family::Relationship)
            })
        };
        if relationships::COMMON.contains(&kind) || meta(source) || meta(target) {
            return;
        }
        let mut of_source = relationships::SUGGESTED.iter().filter(|(one, ..)| *one == source);
        let suggested =
            of_source.any(|(_, one, targets)| *one == kind && targets.contains(&target));
        if !suggested {
            self.should(
                &Path::Member(at, "relationship_type"),
                ("relationship-types", section),
                format_args!(
                    "{} {} {} is no relationship that the standard suggests",
                    shown(source),
                    shown(kind),
                    shown(target)
                ),
            );
        }
    }

    /// Section 4.14: relationships alone are nothing that was observed.
    fn observed(&mut self, object: &Object<'_>, section: &'static str, at: &Path<'_>) {
        let Some(refs) = object.member("object_refs").and_then(Json::as_array) else { return };
        let related = |one: &Json<'_>| {
            let id = one.as_str().and_then(Id::parse);
            id.is_some_and(|id| matches!(id.kind, "relationship" | "sighting"))
        };
        if !refs.is_empty() && refs.iter().all(related) {
            self.must(
                &Path::Member(at, "object_refs"),
                ("reference", section),
                format_args!("at least one must name an observable"),
            );
        }
    }

    fn extension(&mut self, object: &Object<'_>, section: &'static str, at: &Path<'_>) {
        let kinds = object.member("extension_types").and_then(Json::as_array).unwrap_or_default();
        let toplevel =
            kinds.iter().any(|kind| kind.as_str() == Some("toplevel-property-extension"));
        match (toplevel, object.has("extension_properties")) {
            (true, false) => self.should(
                at,
                ("extension-properties", section),
                format_args!("'extension_properties' should name the properties at the top"),
            ),
            (false, true) => self.must(
                &Path::Member(at, "extension_properties"),
                ("dependency", section),
                format_args!("this is for extensions of type toplevel-property-extension"),
            ),
            _ => {}
        }
    }

    /// Section 7.2.3.1: what granular markings select is there.
    pub(super) fn selectors(&mut self, object: &Object<'_>, at: &Path<'_>) {
        let Some(markings) = object.member("granular_markings").and_then(Json::as_array) else {
            return;
        };
        let list = Path::Member(at, "granular_markings");
        for (number, marking) in markings.iter().enumerate() {
            let selectors = marking.as_object().and_then(|marking| marking.member("selectors"));
            let marking = Path::Element(&list, number);
            let path = Path::Member(&marking, "selectors");
            for (at, selector) in
                selectors.and_then(Json::as_array).unwrap_or_default().iter().enumerate()
            {
                let Some(selector) = selector.as_str() else { continue };
                if !selects(object, selector) {
                    self.must(
                        &Path::Element(&path, at),
                        ("selector", "7.2.3.1"),
                        format_args!("'{}' selects nothing in this object", shown(selector)),
                    );
                }
            }
        }
    }

    /// Section 6: a predefined extension is on the type that it is for.
    pub(super) fn misplaced(&mut self, object: &Object<'_>, name: &str, at: &Path<'_>) {
        let Some(extensions) = object.member("extensions").and_then(Json::as_object) else {
            return;
        };
        let list = Path::Member(at, "extensions");
        for (key, _) in extensions.iter() {
            let home = schema::PREDEFINED_EXTENSIONS.iter().find(|(_, form)| form.name == key);
            if let Some((home, _)) = home.filter(|(home, _)| *home != name) {
                self.should(
                    &Path::Member(&list, key),
                    ("extensions-use", "6"),
                    format_args!("this extension is for {home}"),
                );
            }
        }
    }
}

fn selects(object: &Object<'_>, selector: &str) -> bool {
    let mut steps = selector.split('.');
    let Some(mut value) = steps.next().and_then(|first| object.member(first)) else { return false };
    for step in steps {
        let index = step.strip_prefix('[').and_then(|step| step.strip_suffix(']'));
        let next = match (index, value) {
            (Some(index), Json::Array(elements)) => {
                index.parse::<usize>().ok().and_then(|index| elements.get(index))
            }
            (None, Json::Object(object)) => object.member(step),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return false,
        }
    }
    true
}
