//! `comity init`

use std::process::ExitCode;

use clap::Args;
use comity_node::{Config, Home};
use comity_rules::card::{Card, fingerprint};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Context;

#[derive(Args)]
pub(crate) struct Init {
    /// The party's id: a-z, 0-9 and hyphens.
    #[arg(long)]
    party: String,
    /// Its name, as people write it.
    #[arg(long)]
    name: String,
    /// IANA time zone of the contact point, such as Europe/Oslo.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Host and port at which peers reach the exchange.
    #[arg(long, default_value = "127.0.0.1:8441")]
    exchange: String,
    /// Host and port at which the exchange listens, where that is another.
    #[arg(long)]
    exchange_listen: Option<String>,
    /// Host and port of the pages.
    #[arg(long, default_value = "127.0.0.1:8440")]
    web: String,
    /// Host and port of health.
    #[arg(long, default_value = "127.0.0.1:8442")]
    admin: String,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let party = self.party.parse().map_err(|e| Failure::Wrong(format!("--party: {e}")))?;
        let config = Config {
            party,
            name: self.name,
            zone: self.zone,
            exchange: self.exchange,
            exchange_listen: self.exchange_listen,
            web: self.web,
            admin: self.admin,
            pages: None,
            hotline_tests: true,
            exercise: false,
            mail: None,
        };
        let made = Home::init(&context.data, config).await?;
        let root = Card::parse(made.home.card())?.root;
        let value = json!({
            "data": context.data,
            "party": made.home.config().party,
            "fingerprint": fingerprint(&root),
            "root_key": made.root_key,
            "password": made.password,
        });
        Ok(context.print(&value, |_| {
            format!(
                "Made {data} for {party}.\n\n\
                 Operator password   {password}\n\
                 \u{20}                   Shown once. The pages ask for it.\n\
                 Root key            {root_key}\n\
                 \u{20}                   Move this file offline. `agreement sign` and `card rotate` need it (--root-key FILE), nothing else does.\n\
                 Fingerprint         {fingerprint}\n\
                 \u{20}                   Read it aloud when you give somebody your card.\n\n\
                 Next: `comity --data {data} card show > {party}.card`, give it to your peer, and `comity --data {data} serve`.",
                data = context.data.display(),
                party = made.home.config().party,
                password = made.password,
                root_key = made.root_key.display(),
                fingerprint = fingerprint(&root),
            )
        }))
    }
}
