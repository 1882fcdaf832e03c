//! Validation of one object: every MUST and SHOULD of the standard that one object can show.
//!
//! Nothing is stopped at: an object with three mistakes has three findings, up to [`MOST`].

mod special;
mod value;

use std::fmt::Arguments;

use crate::finding::{Finding, Level, Path, shown};
use crate::id::{Id, is_property_name, is_type_name};
use crate::json::{Json, Object};
use crate::schema::{self, Family, Lookup, Need, Nested, Property, Refers, Rule};
use crate::time::Time;
use crate::{bundle, vocabulary};

/// Findings about one object that are kept.
pub const MOST: usize = 100;

/// What an object does not keep of the standard, in the order of its properties.
///
/// ```
/// let bytes = br#"{"type":"ipv4-addr","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"1.2.3"}"#;
/// let found = comity_stix::validate(&comity_stix::json::parse(bytes)?);
/// assert_eq!(found[0].path, "value");
/// # Ok::<(), comity_stix::json::Error>(())
/// ```
#[must_use]
pub fn validate(object: &Json<'_>) -> Vec<Finding> {
    let mut report = Report { findings: Vec::new(), objects: None };
    match object {
        Json::Object(object) if object.text("type") == Some("bundle") => {
            bundle::check(object, &mut report);
        }
        Json::Object(object) => report.object(object, &Path::Root),
        other => report.must(
            &Path::Root,
            ("object", "1.2"),
            format_args!("this is {}, and should be an object", other.kind()),
        ),
    }
    report.findings
}

/// What was found so far.
pub(crate) struct Report<'o> {
    findings: Vec<Finding>,
    /// Observables by key, where the object is inside an observed-data as in STIX 2.0.
    objects: Option<&'o Object<'o>>,
}

/// A rule in a word, and its section.
type Named = (&'static str, &'static str);

impl<'o> Report<'o> {
    pub(crate) fn must(&mut self, path: &Path<'_>, rule: Named, message: Arguments<'_>) {
        self.add(Level::Must, path, rule, message);
    }

    pub(crate) fn should(&mut self, path: &Path<'_>, rule: Named, message: Arguments<'_>) {
        self.add(Level::Should, path, rule, message);
    }

    #[cold]
    fn add(&mut self, level: Level, path: &Path<'_>, (rule, section): Named, text: Arguments<'_>) {
        if self.findings.len() < MOST {
            let (path, message) = (path.to_string(), text.to_string());
            self.findings.push(Finding { level, path, rule, section, message });
        }
    }

    /// An object of any type.
    fn object(&mut self, object: &'o Object<'o>, at: &Path<'_>) {
        let Some(name) = object.member("type") else {
            return self.must(at, ("required", "3.2"), format_args!("there is no 'type'"));
        };
        let Some(name) = name.as_str() else {
            let path = Path::Member(at, "type");
            return self.must(
                &path,
                ("type", "3.2"),
                format_args!("this is {}, and should be a string", name.kind()),
            );
        };
        match schema::known(name) {
            Some(known) => {
                self.identified(object, name, known.of.family, at);
                self.properties(object, &known.properties, known.of.section, at, true);
                let any =
                    || schema::has_any(known.of.properties, object) || object.has("extensions");
                for rule in known.of.rules {
                    self.rule(object, rule, &any, known.of.section, at);
                }
            }
            None => self.custom(object, name, at),
        }
        let observable = |known: &schema::Known| known.of.family == Family::Observable;
        if object.has("defanged") && !schema::known(name).is_none_or(observable) {
            self.must(
                &Path::Member(at, "defanged"),
                ("defanged", "3.2"),
                format_args!("this is for observables only"),
            );
        }
        self.order(object, "modified", "created", true, "3.2", at);
        self.selectors(object, at);
        self.misplaced(object, name, at);
    }

    /// An object of a type that the standard does not have: section 11.2.
    fn custom(&mut self, object: &'o Object<'o>, name: &str, at: &Path<'_>) {
        let path = Path::Member(at, "type");
        if !is_type_name(name) || name == "action" {
            self.must(
                &path,
                ("type", "3.1"),
                format_args!(
                    "'{}' may not be the name of a type: 3 to 250 characters a-z, 0-9 and single hyphens",
                    shown(name)
                ),
            );
        }
        let observable = !object.has("created") && !object.has("modified");
        let (properties, family) = if observable {
            (schema::common_observable(), Family::Observable)
        } else {
            (schema::common(), Family::Domain)
        };
        if !extends(object, &["new-sdo", "new-sco", "new-sro"]) {
            self.should(
                &path,
                ("extensions-use", "11.2"),
                format_args!(
                    "'{}' is no type of the standard: an extension of type new-sdo, new-sco or new-sro should define it",
                    shown(name)
                ),
            );
        }
        self.identified(object, name, family, at);
        self.properties(object, properties, "11.2", at, true);
    }

    /// Section 2.9: the identifier is of this type, and its UUID of the version that it should be.
    fn identified(&mut self, object: &Object<'_>, name: &str, family: Family, at: &Path<'_>) {
        let Some(text) = object.text("id") else { return };
        let path = Path::Member(at, "id");
        // In an observed-data of STIX 2.0 an observable needs none.
        let Some(id) = Id::parse(text) else { return };
        if id.kind != name {
            return self.must(
                &path,
                ("id", "2.9"),
                format_args!("'{}' does not begin with '{}--'", shown(text), shown(name)),
            );
        }
        let wanted = if family == Family::Observable && name != "process" { 5 } else { 4 };
        if id.version != wanted {
            self.should(
                &path,
                ("uuid-check", "2.9"),
                format_args!("the UUID is version {}, and should be {wanted}", id.version),
            );
        }
    }

    /// Every property of an object or of a value inside one: `top` where it is the former.
    fn properties(
        &mut self,
        object: &'o Object<'o>,
        known: &Lookup,
        section: &'static str,
        at: &Path<'_>,
        top: bool,
    ) {
        let mut seen = 0_u64;
        let mut toplevel = None;
        for (name, value) in object.iter() {
            let path = Path::Member(at, name);
            match known.find(name) {
                Some((number, property)) => {
                    seen |= 1 << number;
                    let section = if number < known.shared { "3.2" } else { section };
                    if property.need == Need::Deprecated {
                        self.should(
                            &path,
                            ("deprecated-properties", section),
                            format_args!("this property is deprecated"),
                        );
                    }
                    self.value(value, &property.kind, section, &path);
                }
                None => {
                    let allowed = *toplevel.get_or_insert_with(|| {
                        extends(
                            object,
                            &["toplevel-property-extension", "new-sdo", "new-sco", "new-sro"],
                        )
                    });
                    self.unknown_property(name, value, &path, top && allowed);
                }
            }
        }
        // Inside an observed-data as in STIX 2.0 neither identifier nor version is there.
        let missing = known.needed & !seen;
        for number in (0..64).filter(|number| missing >> number & 1 == 1) {
            let name = known.numbered(number).name;
            if !(name == "id" && self.objects.is_some()) {
                let section = if number < known.shared { "3.2" } else { section };
                self.must(at, ("required", section), format_args!("there is no '{name}'"));
            }
        }
    }

    /// Section 11.1: a property that the standard does not have.
    fn unknown_property(&mut self, name: &str, value: &Json<'_>, path: &Path<'_>, allowed: bool) {
        const RESERVED: &[&str] =
            &["severity", "action", "username", "phone_number", "phone_numbers"];
        if RESERVED.contains(&name) {
            self.must(path, ("reserved", "3.8"), format_args!("this name is reserved"));
        } else if !is_property_name(name) {
            self.must(
                path,
                ("property-name", "3.1"),
                format_args!("a name of a property is 3 to 250 characters a-z, 0-9 and _"),
            );
        } else if !allowed {
            self.should(
                path,
                ("extensions-use", "7.3"),
                format_args!(
                    "this is no property of the standard: an extension of type property-extension or toplevel-property-extension should define it"
                ),
            );
        }
        self.anything(name, value, path);
    }

    /// A value of which only the name of its property is known: sections 2.1, 2.8 and 2.12.
    fn anything(&mut self, name: &str, value: &Json<'_>, path: &Path<'_>) {
        match value {
            Json::Null => {
                self.must(path, ("null", "2"), format_args!("a property may not be null"));
            }
            Json::Array(elements) if elements.is_empty() => {
                self.must(path, ("list", "2.12"), format_args!("a list may not be empty"));
            }
            Json::String(text) if name.ends_with("_hex") => self.hex(text, path),
            Json::String(text) if name.ends_with("_bin") => self.binary(text, path),
            _ => {}
        }
    }

    /// A value that is an object of a known form.
    fn nested(&mut self, object: &'o Object<'o>, form: &'static Nested, at: &Path<'_>) {
        let find = |name: &str| form.properties.iter().find(|property| property.name == name);
        for (name, value) in object.iter() {
            let path = Path::Member(at, name);
            match find(name) {
                Some(property) => self.value(value, &property.kind, form.section, &path),
                None => self.unknown_property(name, value, &path, false),
            }
        }
        let missing =
            |property: &&Property| property.need == Need::Must && !object.has(property.name);
        for property in form.properties.iter().filter(missing) {
            self.must(
                at,
                ("required", form.section),
                format_args!("there is no '{}', which every {} has", property.name, form.name),
            );
        }
        for rule in form.rules {
            let any = || schema::has_any(form.properties, object);
            self.rule(object, rule, &any, form.section, at);
        }
    }

    /// What holds between properties; `any` says whether there is one that need not be.
    fn rule(
        &mut self,
        object: &Object<'_>,
        rule: &'static Rule,
        any: &dyn Fn() -> bool,
        section: &'static str,
        at: &Path<'_>,
    ) {
        let named = |rule| (rule, section);
        match rule {
            Rule::AnyOf(names) => {
                if !names.iter().any(|name| object.has(name)) {
                    let names = names.join(", ");
                    self.must(
                        at,
                        named("at-least-one"),
                        format_args!("at least one of these must be there: {names}"),
                    );
                }
            }
            Rule::AnyProperty => {
                if !any() {
                    self.must(
                        at,
                        named("at-least-one"),
                        format_args!("at least one property of this type must be there"),
                    );
                }
            }
            Rule::OneOf(names) => {
                let there = names.iter().filter(|name| object.has(name)).count();
                if there != 1 {
                    let names = names.join(", ");
                    self.must(
                        at,
                        named("exactly-one"),
                        format_args!("exactly one of these must be there, not {there}: {names}"),
                    );
                }
            }
            Rule::Needs(name, others) => {
                let missing = others.iter().find(|other| !object.has(other));
                if let (true, Some(missing)) = (object.has(name), missing) {
                    self.must(
                        at,
                        named("dependency"),
                        format_args!("where '{name}' is there, '{missing}' must be there"),
                    );
                }
            }
            Rule::NotBefore(later, earlier) => {
                self.order(object, later, earlier, true, section, at);
            }
            Rule::After(later, earlier) => self.order(object, later, earlier, false, section, at),
            Rule::Excludes(name, value, other) => {
                if object.member(name) == Some(&Json::Bool(*value)) && object.has(other) {
                    self.must(
                        &Path::Member(at, other),
                        named("dependency"),
                        format_args!("where '{name}' is {value}, this must not be there"),
                    );
                }
            }
            Rule::Wants(name, value, other) => {
                if object.member(name) == Some(&Json::Bool(*value)) && !object.has(other) {
                    self.must(
                        at,
                        named("dependency"),
                        format_args!("where '{name}' is {value}, '{other}' must be there"),
                    );
                }
            }
            Rule::Should(names) => {
                for name in names.iter().filter(|name| !object.has(name)) {
                    self.should(at, named("recommended"), format_args!("'{name}' should be there"));
                }
            }
            Rule::RandomWithout(names) => {
                let version = object.text("id").and_then(Id::parse).map(|id| id.version);
                let none = !names.iter().any(|name| object.has(name));
                if let (true, Some(version @ (1..=3 | 5..))) = (none, version) {
                    self.must(
                        &Path::Member(at, "id"),
                        ("uuid-version", "2.9"),
                        format_args!(
                            "the UUID is version {version}, and must be 4 where no property contributes to it"
                        ),
                    );
                }
            }
            Rule::Special(special) => self.special(object, *special, section, at),
        }
    }

    fn order(
        &mut self,
        object: &Object<'_>,
        later: &'static str,
        earlier: &'static str,
        equal: bool,
        section: &'static str,
        at: &Path<'_>,
    ) {
        let time = |name| object.text(name).and_then(Time::parse);
        let (Some(end), Some(begin)) = (time(later), time(earlier)) else { return };
        if end < begin || end == begin && !equal {
            let word = if equal { "not be before" } else { "be after" };
            let shown_earlier = shown(object.text(earlier).unwrap_or_default());
            self.must(
                &Path::Member(at, later),
                ("order", section),
                format_args!("this must {word} '{earlier}', which is {shown_earlier}"),
            );
        }
    }

    /// Where the observables of an observed-data of STIX 2.0 refer to each other by key.
    fn refers_nearby(&mut self, text: &str, types: &[&str], path: &Path<'_>) -> bool {
        let Some(objects) = self.objects else { return false };
        let kind =
            objects.member(text).map(|object| object.as_object().and_then(|o| o.text("type")));
        match kind {
            None => self.must(
                path,
                ("reference", "2.13"),
                format_args!("there is no object '{}' in this observed-data", shown(text)),
            ),
            Some(Some(kind)) if !types.is_empty() && !types.contains(&kind) => self.must(
                path,
                ("reference", "6"),
                format_args!(
                    "'{}' is of type {}, and should be {}",
                    shown(text),
                    shown(kind),
                    types.join(" or ")
                ),
            ),
            Some(_) => {}
        }
        true
    }

    fn reference(&mut self, text: &str, refers: &Refers, section: &'static str, path: &Path<'_>) {
        if let Refers::Nearby(types) = refers
            && self.refers_nearby(text, types, path)
        {
            return;
        }
        let Some(id) = Id::parse(text) else {
            return self.must(
                path,
                ("identifier", "2.9"),
                format_args!("'{}' is no identifier: type, two hyphens, UUID", shown(text)),
            );
        };
        let domain =
            |kind| schema::known(kind).is_some_and(|known| known.of.family == Family::Domain);
        let wanted = match refers {
            Refers::To(types) | Refers::Nearby(types) => {
                types.is_empty() || types.contains(&id.kind)
            }
            // Nothing has a relationship to a bundle: section 8.
            _ if id.kind == "bundle" => false,
            Refers::Any => true,
            Refers::Not(types) => !types.contains(&id.kind),
            Refers::Domain => schema::known(id.kind).is_none() || domain(id.kind),
            Refers::Observed => !domain(id.kind),
        };
        if wanted {
            return;
        }
        let rule = ("reference", section);
        match refers {
            Refers::To(types) | Refers::Nearby(types) => {
                let types = types.join(" or ");
                self.must(
                    path,
                    rule,
                    format_args!("this names {}, and must name {types}", id.kind),
                );
            }
            Refers::Any | Refers::Not(_) | Refers::Domain | Refers::Observed => {
                self.must(path, rule, format_args!("this may not name {}", id.kind));
            }
        }
    }

    fn open(&mut self, text: &str, of: &vocabulary::Vocabulary, path: &Path<'_>) {
        if !of.values.contains(&text) {
            self.should(
                path,
                ("vocabulary", "10"),
                format_args!("'{}' is not in {}", shown(text), of.name),
            );
        }
    }
}

/// Whether an object has an extension of one of these types.
fn extends(object: &Object<'_>, types: &[&str]) -> bool {
    let extensions = object.member("extensions").and_then(Json::as_object);
    extensions.is_some_and(|extensions| {
        extensions.iter().any(|(_, extension)| {
            let kind = extension.as_object().and_then(|one| one.text("extension_type"));
            kind.is_some_and(|kind| types.contains(&kind))
        })
    })
}
