//! Checks the objects of a bundle, and says in which of its indicators a pattern is met by its observed data.
//!
//! `cargo run --release -p comity-stix --example check -- BUNDLE`

use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use comity_stix::{bundle, json, validate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("want a bundle")?;
    let bytes = std::fs::read(&path)?;
    let mut indicators = Vec::new();
    for raw in bundle::objects(&bytes)? {
        let object = match json::parse(raw) {
            Ok(object) => object,
            // The others are read all the same.
            Err(error) => {
                println!("no object: {error}");
                continue;
            }
        };
        let Some(members) = object.as_object() else { continue };
        let id = members.text("id").unwrap_or("without an id");
        for finding in validate(&object) {
            println!("{id}: {finding}");
        }
        if let (Some("stix"), Some(pattern)) =
            (members.text("pattern_type"), members.text("pattern"))
        {
            indicators.push((id.to_owned(), pattern.to_owned()));
        }
    }
    let whole = json::parse(&bytes)?;
    let observed = Observed::all(&whole)?;
    for (id, text) in indicators {
        match Pattern::parse(&text, Syntax::V21) {
            Ok(pattern) => {
                let met = Matcher::new(&pattern)?.find(&observed)?.is_some();
                println!("{id}: {}", if met { "seen" } else { "not seen" });
            }
            Err(error) => println!("{id}: {error}"),
        }
    }
    Ok(())
}
