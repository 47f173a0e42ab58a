//! The chatter as a program on madsim: five nodes, each of which sends 64 bytes to the four others every period. Latency
//! is madsim's usual 1 to 10 ms.

use madsim::net::{TcpListener, TcpStream, UdpSocket};
use madsim::runtime::Runtime;
use madsim::task::spawn;
use madsim::time::sleep;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NODES: u8 = 5;

/// How messages travel.
#[derive(Clone, Copy)]
pub(crate) enum Wire {
    Stream,
    Datagram,
}

/// Lets the nodes chat for so long in the simulation. How many messages were heard.
pub(crate) fn chat(wire: Wire, period: Duration, simulated: Duration) -> u64 {
    let (runtime, heard) = (Runtime::with_seed_and_config(1, madsim::Config::default()), Arc::<AtomicU64>::default());
    for own in 0..NODES {
        let node = runtime.create_node().ip(address(own).ip()).build();
        let heard = Arc::clone(&heard);
        node.spawn(async move {
            let chatted = match wire {
                Wire::Stream => chat_by_stream(own, period, heard).await,
                Wire::Datagram => chat_by_datagram(own, period, heard).await,
            };
            chatted.expect("nothing fails on this network");
        });
    }
    runtime.block_on(async move { sleep(simulated).await });
    heard.load(Ordering::Relaxed)
}

fn address(node: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([10, 0, 0, node + 1]), 9_000)
}

fn others(own: u8) -> impl Iterator<Item = SocketAddr> {
    (0..NODES).filter(move |node| *node != own).map(address)
}

async fn chat_by_stream(own: u8, period: Duration, heard: Arc<AtomicU64>) -> io::Result<()> {
    let listener = TcpListener::bind(address(own)).await?;
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(listen(stream, Arc::clone(&heard)));
        }
    });
    sleep(Duration::from_millis(10)).await;
    let mut streams = Vec::new();
    for other in others(own) {
        streams.push(TcpStream::connect(other).await?);
    }
    for number in 0_u64.. {
        sleep(period).await;
        for stream in &mut streams {
            stream.write_all(&message(number)).await?;
            stream.flush().await?;
        }
    }
    Ok(())
}

async fn listen(mut stream: TcpStream, heard: Arc<AtomicU64>) {
    let mut message = [0; 64];
    while stream.read_exact(&mut message).await.is_ok() {
        heard.fetch_add(1, Ordering::Relaxed);
    }
}

async fn chat_by_datagram(own: u8, period: Duration, heard: Arc<AtomicU64>) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::bind(address(own)).await?);
    let listening = Arc::clone(&socket);
    spawn(async move {
        let mut message = [0; 64];
        while listening.recv_from(&mut message).await.is_ok() {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    });
    for number in 0_u64.. {
        sleep(period).await;
        for other in others(own) {
            socket.send_to(other, &message(number)).await?;
        }
    }
    Ok(())
}

fn message(number: u64) -> [u8; 64] {
    let mut message = [0; 64];
    message[..8].copy_from_slice(&number.to_le_bytes());
    message
}
