//! The commands that ask a running service.

use crate::say;
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use core::time::Duration;
use http::{Method, StatusCode};
use purlin_kv::client::{Changed, escaped};
use purlin_kv::{Client, ClientError, Condition, LeaseId, Revision};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Servers {
    /// Where the servers listen for clients. Any of them will do; with several, another one is asked when one is gone.
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:3000", value_name = "HOST:PORT,…")]
    servers: Vec<String>,
    /// A file whose first line is the token to show.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// For how long to go on while nobody can be reached, in milliseconds.
    #[arg(long, default_value = "10000")]
    patience_ms: u64,
}

impl Servers {
    fn client(&self) -> anyhow::Result<Client> {
        self.client_of(&self.servers)
    }

    fn client_of(&self, servers: &[String]) -> anyhow::Result<Client> {
        let client = Client::new(servers.iter().cloned()).patience(Duration::from_millis(self.patience_ms));
        Ok(client.token(self.token()?))
    }

    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("--token-file {} cannot be read", file.display()))?;
        let is_token = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let token = text.lines().map(str::trim).find(is_token);
        Ok(Some(token.with_context(|| format!("--token-file {} holds no token", file.display()))?.to_owned()))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Show the value of a key. Exit code 1 if it has none.
    Get {
        /// The key.
        key: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Give a key a value.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The key is deleted when this lease ends.
        #[arg(long)]
        lease: Option<LeaseId>,
        #[command(flatten)]
        servers: Servers,
    },
    /// Give a key a value if it is as expected. Exit code 1 if it is not.
    Cas {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// It has this value.
        #[arg(long, conflicts_with_all = ["revision", "absent"])]
        expect: Option<String>,
        /// It was changed by this revision last.
        #[arg(long, conflicts_with = "absent")]
        revision: Option<Revision>,
        /// It has none.
        #[arg(long)]
        absent: bool,
        #[command(flatten)]
        servers: Servers,
    },
    /// Delete a key.
    Delete {
        /// The key.
        key: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Show all keys of a prefix.
    List {
        /// The prefix; all keys, unless given.
        #[arg(default_value = "")]
        prefix: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Show what changes, as it changes, until Ctrl-C.
    Watch {
        /// Of keys that begin so; all, unless given.
        #[arg(default_value = "")]
        prefix: String,
        /// From this revision on; unless given, from now on.
        #[arg(long)]
        revision: Option<Revision>,
        #[command(flatten)]
        servers: Servers,
    },
    /// Begin, renew, end and show leases.
    #[command(subcommand)]
    Lease(Lease),
    /// Add, promote, move, send off and show members.
    #[command(subcommand)]
    Member(Member),
    /// Hand the leadership over.
    Transfer {
        /// To which member.
        to: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Forget what changed up to a revision.
    Compact {
        /// The last revision to forget.
        through: Revision,
        #[command(flatten)]
        servers: Servers,
    },
    /// Set how many bytes all items may take; 0 is any number.
    Quota {
        /// How many.
        bytes: u64,
        #[command(flatten)]
        servers: Servers,
    },
    /// End the alarm of a quota that was reached, once there is space again.
    Disarm {
        #[command(flatten)]
        servers: Servers,
    },
    /// Write everything that there is to a file, for `kv restore`.
    Backup {
        /// The file. It must not be there yet.
        file: PathBuf,
        #[command(flatten)]
        servers: Servers,
    },
    /// Compare the hashes of all replicas. Exit code 1 if they have come apart.
    Check {
        #[command(flatten)]
        servers: Servers,
    },
    /// Show how a server stands.
    Status {
        #[command(flatten)]
        servers: Servers,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lease {
    /// Begin one, and show its name.
    Grant {
        /// How long it lasts after every renewal, in milliseconds.
        ttl_ms: u64,
        #[command(flatten)]
        servers: Servers,
    },
    /// Renew one.
    KeepAlive {
        /// Its name.
        lease: LeaseId,
        #[command(flatten)]
        servers: Servers,
    },
    /// End one, and delete its keys.
    Revoke {
        /// Its name.
        lease: LeaseId,
        #[command(flatten)]
        servers: Servers,
    },
    /// Show all.
    List {
        #[command(flatten)]
        servers: Servers,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Member {
    /// Take a server in, which is then to be started with `kv serve --join`. It has no vote until it is promoted.
    Add {
        /// Its id, such as 4.
        member: String,
        /// Where servers reach it.
        peer: String,
        /// Where clients reach it.
        http: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Give a member a vote.
    Promote {
        /// Which.
        member: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Make known that a member stands somewhere else now.
    Move {
        /// Which.
        member: String,
        /// Where servers reach it.
        peer: String,
        /// Where clients reach it.
        http: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Send a member off.
    Remove {
        /// Which.
        member: String,
        #[command(flatten)]
        servers: Servers,
    },
    /// Leave a joint membership that stands until somebody does.
    Leave {
        #[command(flatten)]
        servers: Servers,
    },
    /// Show all.
    List {
        #[command(flatten)]
        servers: Servers,
    },
}

impl Ask {
    /// False if what was asked for is not so.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        match self {
            Self::Get { key, servers } => return get(&servers, &key).await,
            Self::Cas { key, value, expect, revision, absent, servers } => {
                let condition = condition(expect, revision, absent)?;
                return swap(&servers, &key, &condition, &value).await;
            }
            Self::Check { servers } => return check(&servers).await,
            Self::Watch { prefix, revision, servers } => watch(&servers, &prefix, revision).await?,
            Self::Backup { file, servers } => backup(&servers, &file).await?,
            Self::Put { key, value, lease, servers } => put(&servers, &key, &value, lease).await?,
            Self::Delete { key, servers } => changed(&servers.client()?.delete(&key).await?)?,
            Self::List { prefix, servers } => list(&servers, &prefix).await?,
            Self::Lease(lease) => lease.run().await?,
            Self::Member(member) => member.run().await?,
            Self::Transfer { to, servers } => {
                tell(&servers, Method::POST, "/leadership", Some(json!({ "to": to }))).await?;
            }
            Self::Compact { through, servers } => {
                tell(&servers, Method::POST, "/compactions/history", Some(json!({ "through": through }))).await?;
            }
            Self::Quota { bytes, servers } => {
                tell(&servers, Method::PUT, "/quota", Some(json!({ "bytes": bytes }))).await?;
            }
            Self::Disarm { servers } => tell(&servers, Method::DELETE, "/alarm", None).await?,
            Self::Status { servers } => tell(&servers, Method::GET, "/status", None).await?,
        }
        Ok(true)
    }
}

impl Lease {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Grant { ttl_ms, servers } => {
                let lease = servers.client()?.grant(ttl_ms).await?;
                Ok(say(format_args!("{lease}"))?)
            }
            Self::KeepAlive { lease, servers } => {
                tell(&servers, Method::POST, &format!("/leases/{lease}/renewals"), None).await
            }
            Self::Revoke { lease, servers } => tell(&servers, Method::DELETE, &format!("/leases/{lease}"), None).await,
            Self::List { servers } => tell(&servers, Method::GET, "/leases", None).await,
        }
    }
}

impl Member {
    async fn run(self) -> anyhow::Result<()> {
        let place = |peer: String, http: String| json!({ "peer": peer, "http": http });
        match self {
            Self::Add { member, peer, http, servers } => {
                let body = json!({ "member": member, "peer": peer, "http": http });
                tell(&servers, Method::POST, "/members", Some(body)).await
            }
            Self::Promote { member, servers } => {
                tell(&servers, Method::POST, &format!("/members/{}/promotion", escaped(&member, "")), None).await
            }
            Self::Move { member, peer, http, servers } => {
                let path = format!("/members/{}/place", escaped(&member, ""));
                tell(&servers, Method::PUT, &path, Some(place(peer, http))).await
            }
            Self::Remove { member, servers } => {
                tell(&servers, Method::DELETE, &format!("/members/{}", escaped(&member, "")), None).await
            }
            Self::Leave { servers } => {
                let body = json!({ "transition": "auto", "changes": [] });
                tell(&servers, Method::POST, "/membership", Some(body)).await
            }
            Self::List { servers } => tell(&servers, Method::GET, "/members", None).await,
        }
    }
}

/// Asks for something, and shows the answer as JSON.
async fn tell(servers: &Servers, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
    let answer: Value = servers.client()?.ask(method, path, body).await?;
    Ok(say(format_args!("{answer:#}"))?)
}

async fn get(servers: &Servers, key: &str) -> anyhow::Result<bool> {
    let item = servers.client()?.get(key).await?;
    if let Some(item) = &item {
        say(format_args!("{}", item.value))?;
    }
    Ok(item.is_some())
}

async fn put(servers: &Servers, key: &str, value: &str, lease: Option<LeaseId>) -> anyhow::Result<()> {
    let mut client = servers.client()?;
    let put = match lease {
        Some(lease) => client.put_under(key, value, lease).await,
        None => client.put(key, value).await,
    };
    changed(&put?)
}

fn changed(changed: &Changed) -> anyhow::Result<()> {
    Ok(say(format_args!("revision {}", changed.revision))?)
}

fn condition(expect: Option<String>, revision: Option<Revision>, absent: bool) -> anyhow::Result<Condition> {
    match (expect, revision, absent) {
        (Some(value), None, false) => Ok(Condition::Value(value.into())),
        (None, Some(revision), false) => Ok(Condition::Revision(revision)),
        (None, None, true) => Ok(Condition::Absent),
        _ => bail!("what is expected? Give --expect, --revision or --absent"),
    }
}

async fn swap(servers: &Servers, key: &str, condition: &Condition, value: &str) -> anyhow::Result<bool> {
    match servers.client()?.swap(key, condition, value).await {
        Ok(swapped) => changed(&swapped).map(|()| true),
        Err(ClientError::Refused { status: StatusCode::PRECONDITION_FAILED, body, .. }) => {
            say(format_args!("it is not so: {:#}", body["current"]))?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn list(servers: &Servers, prefix: &str) -> anyhow::Result<()> {
    for (key, item) in servers.client()?.list(prefix).await? {
        say(format_args!("{key}\t{}", item.value))?;
    }
    Ok(())
}

async fn watch(servers: &Servers, prefix: &str, revision: Option<Revision>) -> anyhow::Result<()> {
    let mut client = servers.client()?;
    let mut next = match revision {
        Some(revision) => revision,
        None => {
            let status: Value = client.ask(Method::GET, "/hash", None).await?;
            status["revision"].as_u64().unwrap_or_default() + 1
        }
    };
    loop {
        // Shorter than the longest that an answer is waited for.
        let seen = client.watch(prefix, next, Duration::from_secs(10)).await?;
        next = seen.next;
        for change in seen.changes {
            let value = change.item.map_or_else(|| "(deleted)".into(), |item| item.value);
            say(format_args!("{}\t{}\t{value}", change.revision, change.key))?;
        }
    }
}

async fn backup(servers: &Servers, file: &PathBuf) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already: give another name", file.display());
    let bytes = servers.client()?.backup().await?;
    let backup = purlin_kv::Backup::decode(&bytes).context("what the server sent")?;
    std::fs::write(file, &bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    let stats = backup.kv.stats();
    Ok(say(format_args!("revision {}, {} keys, {} bytes", stats.revision, stats.keys, bytes.len()))?)
}

/// Compares at the newest revision that all members have and remember. Who cannot be asked is named, and the others are compared.
async fn check(servers: &Servers) -> anyhow::Result<bool> {
    let (mut found, mut is_whole) = (Vec::new(), true);
    for (member, place) in members_and_places(servers).await? {
        let mut client = servers.client_of(&[place])?;
        match client.ask::<Value>(Method::GET, "/hash?consistency=stale", None).await {
            Ok(now) => found.push((member, client, now["revision"].as_u64().unwrap_or_default())),
            Err(error) => {
                is_whole = false;
                say(format_args!("{member}: cannot be asked ({error})"))?;
            }
        }
    }
    let common = found.iter().map(|(_, _, revision)| *revision).min().unwrap_or_default();
    let mut hashes = Vec::new();
    for (member, client, _) in &mut found {
        let path = format!("/hash?consistency=stale&revision={common}");
        let answer: Value = client.ask(Method::GET, &path, None).await?;
        say(format_args!("{member}: {} at revision {common}", answer["hash"].as_str().unwrap_or_default()))?;
        hashes.push(answer["hash"].clone());
    }
    let are_equal = hashes.windows(2).all(|pair| pair[0] == pair[1]);
    let verdict = match (are_equal, is_whole) {
        (true, true) => "all replicas are equal",
        (true, false) => "those that could be asked are equal",
        (false, _) => "replicas have come apart",
    };
    say(format_args!("{verdict}"))?;
    Ok(are_equal && is_whole)
}

/// Who is a member, and where it stands: places of those who left may be known for longer.
async fn members_and_places(servers: &Servers) -> anyhow::Result<Vec<(String, String)>> {
    let answer: Value = servers.client()?.ask(Method::GET, "/members", None).await?;
    let sets = ["voters", "outgoing", "learners", "learners_next"].map(|set| answer["membership"][set].clone());
    let members: BTreeSet<String> =
        sets.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    ensure!(!members.is_empty(), "a server tells no members");
    let place = |member: &String| answer["places"][member]["http"].as_str().unwrap_or_default().to_owned();
    Ok(members.into_iter().map(|member| (member.clone(), place(&member))).collect())
}
