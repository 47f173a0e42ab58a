//! Files that are missing, are something else, or do not fit each other.

mod authority;

use authority::{Authority, Paper};
use purlin_rustls::{TlsError, TlsNetwork, TlsSettings};
use purlin_tokio::Tcp;
use std::fs;
use std::path::PathBuf;

fn paper() -> Paper {
    Authority::new().paper_for("127.0.0.1")
}

fn refusal(settings: &TlsSettings) -> TlsError {
    TlsNetwork::new(Tcp, settings).expect_err("these settings are wrong")
}

/// Each file with what it is called in errors.
fn files(settings: &TlsSettings) -> [(&'static str, PathBuf); 3] {
    [
        ("the authorities", settings.authorities.clone()),
        ("the certificate", settings.certificate.clone()),
        ("the key", settings.key.clone()),
    ]
}

#[test]
fn a_missing_file_is_named_with_what_it_is_for() {
    for number in 0..3 {
        let paper = paper();
        let (called, path) = files(paper.settings())[number].clone();
        fs::remove_file(&path).unwrap();
        let error = refusal(paper.settings());
        assert!(matches!(&error, TlsError::Unreadable { what, path: named, .. } if (*what, named) == (called, &path)));
        assert!(error.to_string().starts_with(&format!("cannot read {called} `{}`: ", path.display())), "{error}");
    }
}

#[test]
fn a_file_that_holds_something_else_is_named() {
    let broken = "-----BEGIN CERTIFICATE-----\nno base64!\n-----END CERTIFICATE-----\n";
    for (number, text) in (0..3).flat_map(|number| ["", "beams", broken].map(|text| (number, text))) {
        let paper = paper();
        let (called, path) = files(paper.settings())[number].clone();
        fs::write(&path, text).unwrap();
        let error = refusal(paper.settings());
        assert!(
            matches!(&error, TlsError::NotPem { what, path: named, .. } if (*what, named) == (called, &path)),
            "{error}"
        );
    }
}

#[test]
fn a_certificate_in_place_of_the_key_is_no_key() {
    let paper = paper();
    let settings = TlsSettings { key: paper.settings().certificate.clone(), ..paper.settings().clone() };
    assert!(matches!(refusal(&settings), TlsError::NotPem { what: "the key", .. }));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (paper, other) = (paper(), paper());
    let settings = TlsSettings { key: other.settings().key.clone(), ..paper.settings().clone() };
    let error = refusal(&settings);
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("KeyMismatch"), "{error}");
}

#[test]
fn authorities_that_are_no_certificates_are_refused() {
    let paper = paper();
    let nonsense = "-----BEGIN CERTIFICATE-----\nYmVhbXM=\n-----END CERTIFICATE-----\n";
    fs::write(&paper.settings().authorities, nonsense).unwrap();
    let error = refusal(paper.settings());
    assert!(matches!(&error, TlsError::Authorities { path, .. } if *path == paper.file("ca.pem")), "{error}");
}

#[test]
fn a_name_that_can_be_nobodys_is_refused() {
    let paper = paper();
    let settings = TlsSettings { name: Some("not a name".into()), ..paper.settings().clone() };
    assert_eq!(refusal(&settings).to_string(), "`not a name` is neither the name of a host nor an IP address");
}
