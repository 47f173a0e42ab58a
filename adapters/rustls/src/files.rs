//! What a node shows and whom it believes, from files.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};

/// Where the certificates of a node lie, all in PEM. They are read once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The authorities that have signed the certificates of all nodes, this one's too. Several, while one takes over from
    /// another.
    pub authorities: PathBuf,
    /// This node's certificate, and after it those between it and an authority, if there are any.
    pub certificate: PathBuf,
    /// The key of this node's certificate: PKCS#8, SEC1 or PKCS#1, not encrypted.
    pub key: PathBuf,
    /// A name that the certificates of all nodes carry. `None`, and each carries the name or the IP address of the place at
    /// which it is dialled.
    #[serde(default)]
    pub name: Option<String>,
}

/// The files of a node are not what they should be. Nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or may not be read.
    #[error("cannot read {what} `{path}`: {source}")]
    Unreadable {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is there, and does not hold what it is for.
    #[error("{what} `{path}` holds nothing of the kind in PEM: {why}")]
    NotPem {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: pem::Error,
    },
    /// An authority that cannot be one.
    #[error("the authorities `{path}` cannot be used: {why}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: rustls::Error,
    },
    /// The certificate and the key do not belong together, or one of them is of a kind that is not supported.
    #[error("the certificate `{certificate}` and the key `{key}` cannot be used together: {why}")]
    Mismatch {
        /// The one file.
        certificate: PathBuf,
        /// The other.
        key: PathBuf,
        /// What is wrong with them.
        why: rustls::Error,
    },
    /// The name that all nodes share can be nobody's.
    #[error("`{name}` is neither the name of a host nor an IP address")]
    Name {
        /// What was given.
        name: String,
    },
}

/// All that a node needs to dial and to be dialled.
pub(crate) struct Credentials {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) name: Option<ServerName<'static>>,
}

impl TlsSettings {
    pub(crate) fn read(&self) -> Result<Credentials, TlsError> {
        let authorities = Arc::new(self.read_authorities()?);
        let certificates = certificates("the certificate", &self.certificate)?;
        let key = self.read_key()?;
        let client = self.client(&authorities, certificates.clone(), key.clone_key())?;
        let server = self.server(authorities, certificates, key)?;
        Ok(Credentials { client: Arc::new(client), server: Arc::new(server), name: self.checked_name()? })
    }

    fn read_authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut authorities = RootCertStore::empty();
        for certificate in certificates("the authorities", &self.authorities)? {
            authorities.add(certificate).map_err(|why| self.bad_authorities(why))?;
        }
        Ok(authorities)
    }

    fn bad_authorities(&self, why: rustls::Error) -> TlsError {
        TlsError::Authorities { path: self.authorities.clone(), why }
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unreadable("the key", &self.key, error))
    }

    fn client(
        &self,
        authorities: &Arc<RootCertStore>,
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ClientConfig, TlsError> {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|why| self.mismatch(why))?
            .with_root_certificates(Arc::clone(authorities))
            .with_client_auth_cert(certificates, key)
            .map_err(|why| self.mismatch(why))
    }

    fn server(
        &self,
        authorities: Arc<RootCertStore>,
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&provider)).build();
        let verifier = verifier.map_err(|error| self.bad_authorities(no_verifier(&error)))?;
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|why| self.mismatch(why))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates, key)
            .map_err(|why| self.mismatch(why))
    }

    fn mismatch(&self, why: rustls::Error) -> TlsError {
        TlsError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone(), why }
    }

    fn checked_name(&self) -> Result<Option<ServerName<'static>>, TlsError> {
        let Some(name) = self.name.clone() else { return Ok(None) };
        let checked = ServerName::try_from(name.clone());
        checked.map(Some).map_err(|_| TlsError::Name { name })
    }
}

fn no_verifier(error: &VerifierBuilderError) -> rustls::Error {
    rustls::Error::General(error.to_string())
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => Err(unreadable(what, path, pem::Error::NoItemsFound)),
        read => read.map_err(|error| unreadable(what, path, error)),
    }
}

fn unreadable(what: &'static str, path: &Path, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { what, path, source },
        why => TlsError::NotPem { what, path, why },
    }
}
