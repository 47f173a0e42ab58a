//! Framed transports that show each other certificates, over loopback.

mod authority;
#[path = "../../tokio/tests/framed/mail.rs"]
#[allow(dead_code, reason = "the transport's own tests use all of it")]
mod mail;

use authority::{Authority, Paper};
use core::error::Error;
use core::time::Duration;
use mail::{Letter, Mail, Member, Post, bulky, letter, member};
use purlin_rustls::{HandshakeError, TlsNetwork, TlsSettings};
use purlin_tokio::{
    ConnectionError, FramedTransport, Framing, HelloError, Lane, Network, Site, Tcp, Transport, Versions, Wire,
    WireObserver,
};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, rustls};

const HERE: &str = "127.0.0.1";
const LONG: Duration = Duration::from_secs(20);

fn patient() -> Wire {
    let millis = Duration::from_millis;
    let (backoff_min, backoff_max) = (millis(5), millis(20));
    Wire { heartbeat: millis(50), silence_max: LONG, backoff_min, backoff_max, ..Wire::default() }
}

/// Tells what is wrong, as people read it.
struct Watch(mpsc::UnboundedSender<String>);

impl WireObserver<Mail> for Watch {
    fn parted(&self, _peer: &Member, _lane: Lane, why: Option<&ConnectionError>) {
        let _ = self.0.send(format!("parted: {why:?}"));
    }

    fn failed(&self, _peer: Option<&Member>, why: &ConnectionError) {
        let _ = self.0.send(why.to_string());
    }
}

struct Node {
    transport: FramedTransport<Mail>,
    told: mpsc::UnboundedReceiver<String>,
}

impl Node {
    async fn open(network: impl Network, address: Member, peers: &[(Member, &str)]) -> Self {
        let peers = peers.iter().map(|(peer, place)| (*peer, (*place).to_owned())).collect();
        let site = Site { cluster: "beams".into(), address, listen: Some(format!("{HERE}:0")), peers };
        let (sender, told) = mpsc::unbounded_channel();
        let framing = Framing::new(network, site).wire(patient()).codec(Post(Versions::only(1)));
        Self { transport: framing.observer(Watch(sender)).open().await.unwrap(), told }
    }

    fn place(&self) -> &str {
        self.transport.place().unwrap()
    }

    async fn receive(&mut self) -> (Member, Letter) {
        timeout(LONG, self.transport.receive()).await.expect("a letter comes")
    }

    async fn told(&mut self) -> String {
        timeout(LONG, self.told.recv()).await.expect("it is told").unwrap()
    }
}

fn tls(paper: &Paper) -> TlsNetwork<Tcp> {
    TlsNetwork::new(Tcp, paper.settings()).unwrap()
}

/// Letters of both lanes go both ways.
async fn speak(mut one: Node, mut two: Node) {
    two.transport.send(member(1), letter(1, "well"));
    assert_eq!(one.receive().await, (member(2), letter(1, "well")));
    one.transport.send(member(2), letter(2, "well too"));
    assert_eq!(two.receive().await, (member(1), letter(2, "well too")));
    two.transport.send(member(1), bulky(3));
    assert_eq!(one.receive().await, (member(2), bulky(3)));
}

#[tokio::test]
async fn nodes_with_certificates_for_their_places_speak() {
    let authority = Authority::new();
    let papers = [authority.paper_for(HERE), authority.paper_for(HERE)];
    let one = Node::open(tls(&papers[0]), member(1), &[]).await;
    let two = Node::open(tls(&papers[1]), member(2), &[(member(1), one.place())]).await;
    speak(one, two).await;
}

#[tokio::test]
async fn nodes_may_share_one_name_wherever_they_stand() {
    let authority = Authority::new();
    let paper = authority.paper_for("beams.example");
    let settings = TlsSettings { name: Some("beams.example".into()), ..paper.settings().clone() };
    let network = TlsNetwork::new(Tcp, &settings).unwrap();
    let one = Node::open(network.clone(), member(1), &[]).await;
    let two = Node::open(network, member(2), &[(member(1), one.place())]).await;
    speak(one, two).await;
}

#[tokio::test]
async fn what_travels_is_not_to_be_read() {
    let authority = Authority::new();
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let _two = Node::open(tls(&authority.paper_for(HERE)), member(2), &[(member(1), &place)]).await;
    let (mut stream, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    let mut heard = [0; 5];
    timeout(LONG, stream.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard[..3], [22, 3, 1], "a TLS handshake, and no hello of ours");
}

const REFUSED: &str = "the TLS handshake failed: invalid peer certificate: ";

#[tokio::test]
async fn a_certificate_for_another_place_is_refused() {
    let authority = Authority::new();
    let one = Node::open(tls(&authority.paper_for("elsewhere.example")), member(1), &[]).await;
    let mut two = Node::open(tls(&authority.paper_for(HERE)), member(2), &[(member(1), one.place())]).await;
    let told = two.told().await;
    assert!(told.starts_with(REFUSED) && told.contains("elsewhere.example"), "{told}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_whoever_shows_it() {
    for (called, why) in [("another authority", "UnknownIssuer"), ("the beams' authority", "BadSignature")] {
        let (ours, theirs) = (Authority::new(), Authority::called(called));
        let foreign = tls(&theirs.paper_for(HERE).believing(&ours));
        let mut one = Node::open(tls(&ours.paper_for(HERE)), member(1), &[]).await;
        let mut dialler = Node::open(foreign.clone(), member(2), &[(member(1), one.place())]).await;
        assert_eq!(one.told().await, format!("{REFUSED}{why}"), "where the foreign one dials");
        let told = dialler.told().await;
        assert!(told.starts_with("received fatal alert: "), "{told}");
        let listener = Node::open(foreign, member(3), &[]).await;
        let mut two = Node::open(tls(&ours.paper_for(HERE)), member(4), &[(member(3), listener.place())]).await;
        assert_eq!(two.told().await, format!("{REFUSED}{why}"), "where the foreign one listens");
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let authority = Authority::new();
    let mut one = Node::open(tls(&authority.paper_for(HERE)), member(1), &[]).await;
    let _two = Node::open(tls(&authority.expired_paper_for(HERE)), member(2), &[(member(1), one.place())]).await;
    let told = one.told().await;
    assert!(told.starts_with(REFUSED) && told.contains("expired"), "{told}");
}

#[tokio::test]
async fn whoever_shows_no_certificate_is_refused() {
    let authority = Authority::new();
    let mut one = Node::open(tls(&authority.paper_for(HERE)), member(1), &[]).await;
    let mut believed = RootCertStore::empty();
    believed.add(authority.certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(believed)
        .with_no_client_auth();
    let stream = TcpStream::connect(one.place()).await.unwrap();
    let name = ServerName::try_from(HERE).unwrap();
    let mut nobody = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(one.told().await, "the TLS handshake failed: peer sent no certificates");
    assert!(nobody.read_u8().await.is_err());
}

#[tokio::test]
async fn one_end_without_tls_is_refused_in_plain_words() {
    let authority = Authority::new();
    let (secure, plain) = (tls(&authority.paper_for(HERE)), Tcp);
    let mut one = Node::open(secure.clone(), member(1), &[]).await;
    let _two = Node::open(plain, member(2), &[(member(1), one.place())]).await;
    let told = one.told().await;
    assert!(told.starts_with("the TLS handshake failed: received corrupt message"), "{told}");
    let mut three = Node::open(plain, member(3), &[]).await;
    let _four = Node::open(secure, member(4), &[(member(3), three.place())]).await;
    assert_eq!(three.told().await, HelloError::Foreign.to_string());
}

/// Whoever never finishes a handshake, or never begins one, holds nobody else up.
#[tokio::test]
async fn a_slow_handshake_holds_nobody_up() {
    let authority = Authority::new();
    let one = Node::open(tls(&authority.paper_for(HERE)), member(1), &[]).await;
    let _silent = TcpStream::connect(one.place()).await.unwrap();
    let mut halting = TcpStream::connect(one.place()).await.unwrap();
    halting.write_all(&[22, 3, 1]).await.unwrap();
    let two = Node::open(tls(&authority.paper_for(HERE)), member(2), &[(member(1), one.place())]).await;
    speak(one, two).await;
}

#[tokio::test]
async fn a_failed_handshake_is_a_typed_error_and_its_stream_stays_failed() {
    let network = tls(&Authority::new().paper_for(HERE));
    let (mut listener, place) = network.listen(&format!("{HERE}:0")).await.unwrap();
    let mut garbage = TcpStream::connect(place).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut stream = network.accept(&mut listener).await.unwrap();
    let failed = stream.read_u8().await.unwrap_err();
    let error = failed.get_ref().unwrap().downcast_ref::<HandshakeError>().expect("it is a failed handshake");
    assert!(error.source().is_some());
    assert_eq!(stream.write_u8(1).await.unwrap_err().kind(), std::io::ErrorKind::NotConnected);
}

#[tokio::test]
async fn a_place_that_is_no_name_is_refused_unless_all_share_one() {
    let network = tls(&Authority::new().paper_for(HERE));
    let refused = network.connect("no name:1").await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("`no name:1`"), "{refused}");
    let nobody = network.connect("[::1]:1").await.err().unwrap();
    assert_ne!(nobody.kind(), std::io::ErrorKind::InvalidInput, "an address in brackets is one");
}
