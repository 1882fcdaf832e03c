//! One file a noun.

pub(crate) mod account;
pub(crate) mod agreement;
pub(crate) mod backup;
pub(crate) mod card;
pub(crate) mod dialogue;
pub(crate) mod doctor;
pub(crate) mod duty;
pub(crate) mod hotline;
pub(crate) mod hunt;
pub(crate) mod init;
pub(crate) mod intel;
pub(crate) mod ledger;
pub(crate) mod manual;
pub(crate) mod matter;
pub(crate) mod measure;
pub(crate) mod migrate;
pub(crate) mod peer;
pub(crate) mod rebuild;
pub(crate) mod request;
pub(crate) mod request_file;
pub(crate) mod review;
pub(crate) mod serve;
pub(crate) mod stix;
pub(crate) mod taxii;
pub(crate) mod weigh;
pub(crate) mod witness;
