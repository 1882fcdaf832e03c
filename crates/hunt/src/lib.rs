//! Millions of indicators in gigabytes of logs: an index of indicators, and an exact scan.
#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod address;
mod extension;
mod fields;
pub mod hunt;
pub mod index;
pub mod indicator;
pub mod input;
mod key;
pub mod lists;
pub mod normal;
mod observe;
mod patterns;
mod raw;
pub mod scan;
pub mod warning;
