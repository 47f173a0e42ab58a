//! Certificates for tests, in files.

#![allow(dead_code, reason = "each test file uses its own part")]

use purlin_rustls::TlsSettings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Somebody who signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a node holds. The files go with it.
pub(crate) struct Paper {
    folder: TempDir,
    settings: TlsSettings,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::called("the beams' authority")
    }

    /// Authorities of one name are told apart by their signatures alone.
    pub(crate) fn called(name: &str) -> Self {
        let mut wishes = CertificateParams::new(vec![]).unwrap();
        wishes.distinguished_name.push(DnType::CommonName, name);
        wishes.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(wishes, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A certificate that carries this name or IP address, signed.
    pub(crate) fn paper_for(&self, name: &str) -> Paper {
        self.paper(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub(crate) fn expired_paper_for(&self, name: &str) -> Paper {
        let mut wishes = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (wishes.not_before, wishes.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        self.paper(wishes)
    }

    fn paper(&self, wishes: CertificateParams) -> Paper {
        let key = KeyPair::generate().unwrap();
        let certificate = wishes.signed_by(&key, &self.issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (authorities, node, secret) = (file("ca.pem"), file("node.pem"), file("node.key"));
        std::fs::write(&authorities, self.issuer.pem()).unwrap();
        std::fs::write(&node, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        let settings = TlsSettings { authorities, certificate: node, key: secret, name: None };
        Paper { folder, settings }
    }
}

impl Paper {
    pub(crate) fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Believes what another authority has signed, and nothing else.
    pub(crate) fn believing(self, other: &Authority) -> Self {
        std::fs::write(&self.settings.authorities, other.issuer.pem()).unwrap();
        self
    }
}
