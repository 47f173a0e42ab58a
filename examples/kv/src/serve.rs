//! `kv serve`.

use crate::say;
use anyhow::ensure;
use clap::Args;
use core::time::Duration;
use purlin::raft::{Lease, Member, Settings};
use purlin_kv::{Peers, Server, ServerOptions, Tokens, member_named};
use purlin_rustls::TlsSettings;
use std::io;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which member this is: its id, such as 1. A node whose directory was lost begins anew with an incarnation: 1.1.
    #[arg(long, value_parser = member_named)]
    id: Member,
    /// All members that it is to know of, itself among them: for each its id, where servers reach it, and where clients do.
    #[arg(long, value_name = "ID=HOST:PORT/HOST:PORT,…")]
    peers: Peers,
    /// Where its log and its snapshots are kept. It is made if there is none.
    #[arg(long)]
    dir: PathBuf,
    /// Join a cluster that there is, instead of founding one with these members. Add it there: `kv member add`.
    #[arg(long)]
    join: bool,
    /// The name of the cluster. Servers of different ones refuse each other.
    #[arg(long, default_value = "kv")]
    cluster: String,
    /// Where to listen for clients, if that is not where they reach this server.
    #[arg(long, value_name = "HOST:PORT")]
    listen_http: Option<String>,
    /// Where to listen for servers, if that is not where they reach this server.
    #[arg(long, value_name = "HOST:PORT")]
    listen_peer: Option<String>,
    /// A file of tokens, one on each line, of which clients must show one. Without, every client is let in.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    #[command(flatten)]
    tls: Tls,
    /// After how long without a word of the leader a server stands for election, in milliseconds.
    #[arg(long, default_value = "1000")]
    election_timeout_ms: u64,
    /// How often the leader is heard, in milliseconds.
    #[arg(long, default_value = "100")]
    heartbeat_ms: u64,
    /// After how many entries a snapshot is taken.
    #[arg(long, default_value = "100000")]
    snapshot_every: u64,
    /// How many entries before a snapshot are kept for servers that lag.
    #[arg(long, default_value = "10000")]
    trailing_entries: u64,
    /// Let the leader read by its clock, without asking a quorum: reads are stale if any clock is off by more than this many
    /// millionths. The same on all servers.
    #[arg(long, requires = "lease_pause_ms")]
    lease_drift_ppm: Option<u32>,
    /// For how long a process may stand still meanwhile, in milliseconds.
    #[arg(long, requires = "lease_drift_ppm")]
    lease_pause_ms: Option<u64>,
    /// The longest that a request waits for the other servers, in milliseconds.
    #[arg(long, default_value = "10000")]
    patience_ms: u64,
}

/// All of them or none.
#[derive(Debug, Args)]
struct Tls {
    /// The authorities that have signed the servers' certificates, in PEM. With it servers talk by TLS, and know each other.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_authorities: Option<PathBuf>,
    /// This server's certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_authorities")]
    tls_key: Option<PathBuf>,
    /// A name that all servers' certificates carry; without, each carries its host.
    #[arg(long, requires = "tls_authorities")]
    tls_name: Option<String>,
}

impl Tls {
    fn settings(self) -> Option<TlsSettings> {
        let Self { tls_authorities, tls_certificate, tls_key, tls_name: name } = self;
        let files = tls_authorities.zip(tls_certificate).zip(tls_key);
        files.map(|((authorities, certificate), key)| TlsSettings { authorities, certificate, key, name })
    }
}

impl Serve {
    pub(crate) async fn run(self, attached: bool) -> anyhow::Result<()> {
        let stopped = stopped(attached)?;
        let server = Server::start(self.options()?).await?;
        say(format_args!("listening on http://{}", server.address()))?;
        Ok(server.run(stopped).await?)
    }

    fn options(self) -> anyhow::Result<ServerOptions> {
        let id = self.id;
        let is_there = self.peers.0.contains_key(&id);
        ensure!(is_there, "--peers does not say where {id} stands, which is this server: add {id}=HOST:PORT/HOST:PORT");
        let raft = self.settings().validate()?;
        let tokens = self.tokens.as_deref().map(Tokens::read).transpose()?.unwrap_or_default();
        let Self { peers, dir, cluster, listen_http, listen_peer, tls, patience_ms, .. } = self;
        let (tls, patience) = (tls.settings(), Duration::from_millis(patience_ms));
        Ok(ServerOptions { cluster, dir, peers, listen_peer, listen_http, tls, tokens, patience, raft })
    }

    fn settings(&self) -> Settings {
        let founding = match self.join {
            true => Settings::joining(self.id),
            false => Settings::founding(self.id, self.peers.0.keys().copied()),
        };
        let lease = self.lease_drift_ppm.zip(self.lease_pause_ms);
        Settings {
            election_timeout_ms: self.election_timeout_ms,
            heartbeat_ms: self.heartbeat_ms,
            snapshot_every: self.snapshot_every,
            trailing_entries: self.trailing_entries,
            lease: lease.map(|(max_drift_ppm, max_pause_ms)| Lease { max_drift_ppm, max_pause_ms }),
            ..founding
        }
    }
}

/// Ctrl-C, SIGTERM, or the end of whoever started this process.
fn stopped(attached: bool) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminated = signal(SignalKind::terminate())?;
    let (sender, closed) = oneshot::channel::<()>();
    if attached {
        // A thread of its own: reading blocks, and nothing waits for it when the process ends.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(sender);
        });
    }
    Ok(async move {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
            _ = closed, if attached => {}
        }
    })
}
