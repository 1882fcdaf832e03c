//! Mutual TLS between nodes: TLS 1.3, X25519MLKEM768 first, and the certificates that the peers'
//! cards name, no others. No authority vouches for anybody; a line in between is a stranger.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use comity_ledger::Hash;
use comity_rules::PartyId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};

use crate::secrets::Secrets;

/// The peers' certificates, by SHA-256: whoever shows one is that party.
#[derive(Debug, Default)]
pub struct Pins(RwLock<BTreeMap<Hash, PartyId>>);

impl Pins {
    /// Pins a party's certificate, in place of an earlier one.
    pub fn set(&self, party: &PartyId, certificate: Hash) {
        let mut pins = self.0.write().unwrap_or_else(PoisonError::into_inner);
        pins.retain(|_, known| known != party);
        pins.insert(certificate, party.clone());
    }

    /// Whose certificate this is.
    #[must_use]
    pub fn party(&self, certificate: &CertificateDer<'_>) -> Option<PartyId> {
        let pins = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pins.get(&Hash::of(certificate)).cloned()
    }
}

/// The server's side: any pinned party may connect. Who connects asks for the certificate of the edition
/// of the card that it has; see [`name`].
///
/// # Errors
/// Where a key does not fit its certificate.
pub fn server(secrets: &Secrets, pins: Arc<Pins>) -> Result<ServerConfig, Error> {
    let provider = provider();
    let mut editions = Vec::new();
    for edition in &secrets.editions {
        let chain = vec![edition.certificate.clone()];
        let certified = CertifiedKey::from_der(chain, edition.tls.clone_key(), &provider)?;
        editions.push((name(edition.number), Arc::new(certified)));
    }
    let verifier = Arc::new(PinnedClient { pins, provider: Arc::clone(&provider) });
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Editions(editions))))
}

/// The server name by which a certificate of this edition is asked for: it says nothing of whose it is.
#[must_use]
pub fn name(edition: u64) -> String {
    format!("edition-{edition}.comity.invalid")
}

/// The certificates of each edition, the latest first, by the name that asks for them.
#[derive(Debug)]
struct Editions(Vec<(String, Arc<CertifiedKey>)>);

impl ResolvesServerCert for Editions {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = self.0.iter().find(|(name, _)| hello.server_name() == Some(name));
        asked.or(self.0.first()).map(|(_, certified)| Arc::clone(certified))
    }
}

/// The client's side: the server is the party whose certificate this is, or nobody.
///
/// # Errors
/// Where the key does not fit the certificate.
pub fn client(
    certificate: &CertificateDer<'static>,
    key: &PrivateKeyDer<'static>,
    peer: Hash,
) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(PinnedServer { peer, provider: Arc::clone(&provider) });
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
}

/// The client's side towards a public server, such as an outside witness: whoever shows a
/// certificate of an authority that this machine trusts (`SSL_CERT_FILE` names others).
///
/// # Errors
/// Where this machine trusts none.
pub fn public() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let problem = "no certificate authorities: install ca-certificates, or set SSL_CERT_FILE";
        return Err(Error::General(problem.to_owned()));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

/// Whether a handshake failed because who answered has another certificate than the one that is pinned.
#[must_use]
pub fn is_other_certificate(error: &std::io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    error.is_some_and(|error| matches!(error, Error::InvalidCertificate(_)))
}

/// The alert with which the other side ended a connection, somewhere below this error.
#[must_use]
pub fn alert(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut below = Some(error);
    while let Some(error) = below {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(Error::AlertReceived(alert)) = inner.and_then(|inner| inner.downcast_ref()) {
            return Some(format!("{alert:?}"));
        }
        below = error.source();
    }
    None
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn unknown() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

/// Both sides check a handshake's signature alike; the traits that ask for it differ only in name.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(unknown())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

#[derive(Debug)]
struct PinnedServer {
    peer: Hash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Hash::of(certificate) == self.peer {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(unknown())
        }
    }

    handshake_signatures!();
}

#[derive(Debug)]
struct PinnedClient {
    pins: Arc<Pins>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.pins.party(certificate) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(unknown()),
        }
    }

    handshake_signatures!();
}
