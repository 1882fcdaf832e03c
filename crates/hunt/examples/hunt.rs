//! An index and a hunt in a dozen lines.
//!
//! `cargo run --release -p comity-hunt --example hunt -- INDICATORS LOG`

use std::path::Path;

use comity_hunt::hunt::{Hunt, Options, Sighting};
use comity_hunt::index::Builder;
use comity_hunt::input::Source;
use comity_hunt::lists;
use comity_hunt::warning::Warnings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let list = arguments.next().ok_or("want a list of indicators")?;
    let log = arguments.next().ok_or("want a log")?;
    let mut builder = Builder::new(Warnings::default());
    let bytes = std::fs::read(&list)?;
    builder.list(lists::list(Path::new(&list), &bytes));
    let read = lists::read(&bytes, lists::Choice::default(), &mut |one| builder.add(one))?;
    println!("{} indicators, {} lines that are none", read.indicators, read.refusals);
    let index = builder.write(Path::new("example.hunt"))?;
    let indexes = [index];
    let sources = [Source::File(log.into())];
    let hunt = Hunt::new(&indexes, &sources, Options::default(), &|_| ());
    let summary = hunt.run(&mut |seen: &Sighting| {
        println!("{}:{}: {} ({})", seen.file, seen.line, seen.value, seen.indicator);
        Ok(())
    })?;
    println!("{} lines, {} sightings", summary.lines, summary.sightings);
    Ok(())
}
