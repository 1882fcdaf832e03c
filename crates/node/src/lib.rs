//! Running a node.
//!
//! A command or a peer's delivery goes to the [`writer`]: decided or admitted, appended, projected
//! and made durable in one transaction with others that wait. Tasks then carry it on: [`publish`]
//! signs a checkpoint, asks the witnesses, delivers entries and history to the peer, and has the
//! peer mirror them. [`exchange`] is the peer's side of that; [`public`] serves ledgers and mirrors
//! to those who may read them; [`audit`] checks anybody's.
#![forbid(unsafe_code)]

mod access;
pub mod alert;
pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod clock;
pub mod closing;
pub mod control;
pub mod dossier;
pub mod duty;
pub mod exchange;
pub mod export;
mod fork;
pub mod health;
pub mod home;
pub mod hotline;
pub mod http;
pub mod inside;
pub mod intel;
pub mod keys;
pub mod matters;
pub mod network;
pub mod node;
pub mod people;
pub mod prove;
pub mod public;
pub mod publish;
mod reconcile;
pub mod review;
mod secrets;
pub mod serve;
mod signing;
pub mod taxii;
pub mod template;
pub mod tls;
mod upkeep;
pub mod witness;

mod password;
mod writer;

pub use home::{Config, Home};
pub use node::{Error, Node};
