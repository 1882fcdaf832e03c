//! E-mail, by the party's own server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::Text;
use crate::node::Error;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server that takes this node's mail: `[mail]` in `comity.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name.
    pub server: String,
    /// Its port; without one the usual port of `security`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the line to it is kept.
    #[serde(default)]
    pub security: Security,
    /// From whom mail is.
    pub from: String,
    /// As whom one signs in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file that has the password, absolute or below the node's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// How a line to a server is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first byte (port 465).
    #[default]
    Tls,
    /// TLS by STARTTLS, and not without (port 587).
    Starttls,
    /// Not at all (port 25): only for a server on the same machine.
    None,
}

impl Mail {
    /// Sends a text to an address.
    pub(super) async fn send(&self, folder: &Path, to: &str, text: &Text) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::Refused(format!("mail by {}: {error}", self.server))
        };
        let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|error| failed(&error));
        let message = Message::builder()
            .from(mailbox(&self.from)?)
            .to(mailbox(to)?)
            .subject(&text.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.body.clone())
            .map_err(|error| failed(&error))?;
        let transport = self.transport(folder)?;
        let sent = tokio::time::timeout(PATIENCE, transport.send(message)).await;
        sent.map_err(|_| failed(&"no answer in 20 s"))?.map_err(|error| failed(&error))?;
        Ok(())
    }

    fn transport(&self, folder: &Path) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
        type Transport = AsyncSmtpTransport<Tokio1Executor>;
        let failed = |error: lettre::transport::smtp::Error| {
            Error::Refused(format!("mail by {}: {error}", self.server))
        };
        if self.server.contains(':') {
            let why = "`server` is a name alone; its port is `port`, a number";
            return Err(Error::Refused(format!("[mail] {}: {why}", self.server)));
        }
        let mut builder = match self.security {
            Security::Tls => Transport::relay(&self.server).map_err(failed)?,
            Security::Starttls => Transport::starttls_relay(&self.server).map_err(failed)?,
            Security::None => Transport::builder_dangerous(&self.server),
        };
        if let Some(port) = self.port {
            builder = builder.port(port);
        }
        if let (Some(user), Some(file)) = (&self.user, &self.password_file) {
            let path = folder.join(file);
            let password = std::fs::read_to_string(&path)
                .map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(builder.timeout(Some(PATIENCE)).build())
    }
}
