//! Nodes whose connections are watched, and strangers that say what the test wants.

use crate::mail::{Letter, Mail, Member, Post};
use bytes::Bytes;
use core::time::Duration;
use purlin_tokio::{
    ConnectionError, FrameError, FramedTransport, Framing, HelloError, Lane, Site, Tcp, Transport, Versions, Wire,
    WireObserver,
};
use serde::Serialize;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) const ANYWHERE: &str = "127.0.0.1:0";
pub(crate) const CLUSTER: &str = "beams";
pub(crate) const BOTH: Versions = Versions::new(1, 2);

/// As long as a busy machine may need.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Dials again at once, and waits for as long as a busy machine may need.
pub(crate) fn patient() -> Wire {
    let millis = Duration::from_millis;
    let (backoff_min, backoff_max) = (millis(5), millis(20));
    Wire { heartbeat: millis(50), silence_max: LONG, backoff_min, backoff_max, ..Wire::default() }
}

/// Why a connection ended, as far as it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Hello(HelloError),
    Frame(FrameError),
    Refused(String),
    Io,
    Silent,
    Stuck,
}

impl Why {
    fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::Hello(error) => Self::Hello(error.clone()),
            ConnectionError::Frame(error) => Self::Frame(error.clone()),
            ConnectionError::Refused { why } => Self::Refused(why.clone()),
            ConnectionError::Io(_) | ConnectionError::Closed => Self::Io,
            ConnectionError::Silent(_) => Self::Silent,
            ConnectionError::Stuck(_) => Self::Stuck,
        }
    }
}

/// What a transport tells of its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Connected(Member, Lane, u32),
    Parted(Member, Lane, Option<Why>),
    Failed(Option<Member>, Why),
    Lost(Member, Lane),
}

struct Watch(mpsc::UnboundedSender<Told>);

impl Watch {
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl WireObserver<Mail> for Watch {
    fn connected(&self, peer: &Member, lane: Lane, version: u32) {
        self.tell(Told::Connected(*peer, lane, version));
    }

    fn parted(&self, peer: &Member, lane: Lane, why: Option<&ConnectionError>) {
        self.tell(Told::Parted(*peer, lane, why.map(Why::of)));
    }

    fn failed(&self, peer: Option<&Member>, why: &ConnectionError) {
        self.tell(Told::Failed(peer.copied(), Why::of(why)));
    }

    fn lost(&self, to: &Member, lane: Lane) {
        self.tell(Told::Lost(*to, lane));
    }
}

/// A transport and what it tells.
pub(crate) struct Office {
    pub(crate) transport: FramedTransport<Mail>,
    told: mpsc::UnboundedReceiver<Told>,
}

pub(crate) fn site(address: Member, peers: &[(Member, &str)]) -> Site<Mail> {
    let peers = peers.iter().map(|(peer, place)| (*peer, (*place).to_owned())).collect();
    Site { cluster: CLUSTER.into(), address, listen: Some(ANYWHERE.into()), peers }
}

impl Office {
    pub(crate) async fn open(site: Site<Mail>) -> Self {
        Self::with(site, patient(), BOTH).await.unwrap()
    }

    pub(crate) async fn with(site: Site<Mail>, wire: Wire, versions: Versions) -> io::Result<Self> {
        let (sender, told) = mpsc::unbounded_channel();
        let framing = Framing::new(Tcp, site).wire(wire).codec(Post(versions)).observer(Watch(sender));
        Ok(Self { transport: framing.open().await?, told })
    }

    pub(crate) fn place(&self) -> String {
        self.transport.place().unwrap().to_owned()
    }

    pub(crate) fn send(&mut self, to: Member, letter: Letter) {
        self.transport.send(to, letter);
    }

    /// The next letter.
    pub(crate) async fn receive(&mut self) -> (Member, Letter) {
        timeout(LONG, self.transport.receive()).await.expect("a letter comes")
    }

    /// Waits until it is told of something like this, and tells what.
    pub(crate) async fn told(&mut self, is_it: impl Fn(&Told) -> bool) -> Told {
        let waiting = async {
            loop {
                let told = self.told.recv().await.expect("the transport lives");
                if is_it(&told) {
                    return told;
                }
            }
        };
        timeout(LONG, waiting).await.expect("it is told")
    }

    pub(crate) async fn connected(&mut self, peer: Member, lane: Lane) -> u32 {
        let told = self.told(|told| matches!(told, Told::Connected(with, on, _) if (*with, *on) == (peer, lane))).await;
        let Told::Connected(_, _, version) = told else { unreachable!() };
        version
    }

    pub(crate) async fn parted(&mut self, peer: Member) -> Option<Why> {
        let Told::Parted(_, _, why) = self.told(|told| matches!(told, Told::Parted(with, ..) if *with == peer)).await
        else {
            unreachable!()
        };
        why
    }

    pub(crate) async fn failed(&mut self) -> (Option<Member>, Why) {
        let Told::Failed(peer, why) = self.told(|told| matches!(told, Told::Failed(_, _))).await else {
            unreachable!()
        };
        (peer, why)
    }

    /// What it has been told so far and nobody has looked at.
    pub(crate) fn told_already(&mut self) -> Vec<Told> {
        core::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

/// Two nodes still understand each other.
pub(crate) async fn still_serves(office: &mut Office) {
    let address = *office.transport.address().unwrap();
    let mut other = Office::open(site(member_99(), &[(address, &office.place())])).await;
    other.send(address, crate::mail::letter(99, "all is well"));
    loop {
        let (from, letter) = office.receive().await;
        if (from, letter.number) == (member_99(), 99) {
            return;
        }
    }
}

fn member_99() -> Member {
    crate::mail::member(99)
}

/// A frame around this payload, whose first byte is its kind.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), payload).to_le_bytes();
    [&length[..], &checksum, payload].concat()
}

/// A hello, put together from nothing but what is written about it.
pub(crate) fn hello(cluster: &str, versions: Versions, lane: Lane, address: &impl Serialize) -> Vec<u8> {
    let introduction = postcard::to_stdvec(&(cluster, lane, postcard::to_stdvec(address).unwrap())).unwrap();
    let preface = [&b"PRLN\x02\0"[..], &versions.oldest.to_le_bytes(), &versions.newest.to_le_bytes()].concat();
    [preface, frame(&[&[3], &introduction[..]].concat())].concat()
}

/// Somebody who says what the test wants.
pub(crate) struct Stranger {
    pub(crate) stream: TcpStream,
    read: bytes::BytesMut,
}

impl Stranger {
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self { stream, read: bytes::BytesMut::new() }
    }

    pub(crate) async fn dial(place: &str) -> Self {
        Self::over(TcpStream::connect(place).await.unwrap())
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Whether the other end hangs up, whatever it says before.
    pub(crate) async fn is_hung_up_on(&mut self) -> bool {
        let mut said = Vec::new();
        timeout(LONG, self.stream.read_to_end(&mut said)).await.is_ok()
    }

    /// The lane that the other end asks for.
    pub(crate) async fn hear_hello(&mut self) -> Lane {
        self.hear(14).await;
        let introduction = self.hear_frame().await;
        let (_, lane, _): (String, Lane, Vec<u8>) = postcard::from_bytes(&introduction[1..]).unwrap();
        lane
    }

    /// The payload of the next frame that says something.
    pub(crate) async fn hear_frame(&mut self) -> Bytes {
        loop {
            let header = self.hear(8).await;
            let length = u32::from_le_bytes(header[..4].try_into().unwrap());
            let payload = self.hear(length as usize).await;
            if payload[..] != [0] {
                return payload;
            }
        }
    }

    async fn hear(&mut self, bytes: usize) -> Bytes {
        while self.read.len() < bytes {
            let heard = timeout(LONG, self.stream.read_buf(&mut self.read)).await;
            assert_ne!(heard.expect("something is said").unwrap(), 0, "the other end has hung up");
        }
        self.read.split_to(bytes).freeze()
    }
}
