//! A folder with indexes and logs.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;

use comity_hunt::hunt::{Hunt, Options, Sighting, Summary};
use comity_hunt::index::{Builder, Index};
use comity_hunt::indicator::Indicator;
use comity_hunt::input::Source;
use comity_hunt::warning::Warnings;

pub(crate) struct Stage(pub tempfile::TempDir);

impl Stage {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn index(&self, name: &str, indicators: impl Iterator<Item = Indicator>) -> Index {
        let mut builder = Builder::new(Warnings::default());
        indicators.for_each(|indicator| builder.add(&indicator));
        builder.write(&self.path(&format!("{name}.hunt"))).unwrap()
    }

    pub(crate) fn log(&self, name: &str, bytes: &[u8]) -> Source {
        std::fs::write(self.path(name), bytes).unwrap();
        Source::File(self.path(name))
    }

    pub(crate) fn hunt(
        &self,
        indexes: &[Index],
        logs: &[Source],
        options: Options,
    ) -> (Vec<Sighting>, Summary) {
        let mut found = Vec::new();
        let hunt = Hunt::new(indexes, logs, options, &|_| ());
        let summary = hunt
            .run(&mut |seen: &Sighting| {
                found.push(seen.clone());
                Ok(())
            })
            .unwrap();
        (found, summary)
    }
}

/// Indicators by their types and values.
pub(crate) fn indicators(all: &[(&str, &str)]) -> Vec<Indicator> {
    let made = |(kind, value): &(&str, &str)| {
        Indicator::new(comity_hunt::indicator::Kind::of_name(kind).unwrap(), value).unwrap()
    };
    all.iter().map(made).collect()
}
