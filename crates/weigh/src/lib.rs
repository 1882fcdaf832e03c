#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod agreement;
pub mod case;
pub mod chain;
pub mod difference;
pub mod effect;
mod html;
mod json;
pub mod loss;
mod notes;
pub mod posterior;
mod ratio;
pub mod result;
mod stix;
mod text;
pub mod words;

pub use case::{Case, Input};
pub use json::InputError;
pub use result::{Run, run};
