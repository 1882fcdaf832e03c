//! STIX 2.1: objects as they were received, validation, and patterns.
//!
//! - [`json`]: JSON whose strings are borrowed, with members in their order.
//! - [`bundle`]: a file taken apart into objects, each kept byte for byte.
//! - [`validate`]: every MUST and SHOULD that one object can show, each finding with path, rule and section.
//! - [`marking`]: TLP, PAP, statements and markings of parts: who may see what.
//! - [`misp`]: events of MISP into STIX and back.
//! - [`path`]: parts of objects, references, and objects without some of their parts.
//! - [`terms`]: what an object can be found by: words, and values that other objects may share.
//! - [`pattern`]: the patterning language: parsed, checked, and matched over observed data.
//!
//! Nothing here does I/O, and nothing changes what was received.

pub mod bundle;
pub mod finding;
pub mod id;
pub mod json;
pub mod marking;
pub mod misp;
pub mod path;
pub mod pattern;
pub mod terms;
pub mod time;
pub mod tlp;

mod relationships;
mod schema;
mod validate;
mod vocabulary;

pub use finding::{Finding, Level};
pub use validate::{MOST, validate};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
