//! The demonstration: clients that write all the while, leaders that are killed, members that come and go, and whether
//! everything that was acknowledged is still there.

mod clients;

use crate::children::{Child, free_places};
use crate::say;
use anyhow::Context;
use clients::{Clients, Tally};
use core::time::Duration;
use http::Method;
use purlin_kv::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Of the servers: three founders, and one that joins.
const FOUNDERS: [u32; 3] = [1, 2, 3];
const JOINS: u32 = 4;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the script. False if something was lost, or done twice.
pub(crate) async fn run() -> anyhow::Result<bool> {
    let mut stage = Stage::set().await?;
    let clients = Clients::start(&stage.https());
    stage.watch(&clients, 1).await?;
    let killed = stage.kill_the_leader().await?;
    stage.watch(&clients, 1).await?;
    stage.start_again(killed).await?;
    stage.let_one_join().await?;
    stage.watch(&clients, 1).await?;
    stage.send_the_leader_off().await?;
    stage.watch(&clients, 1).await?;
    let killed = stage.kill_the_leader().await?;
    stage.watch(&clients, 1).await?;
    stage.start_again(killed).await?;
    let tally = clients.stop().await?;
    stage.conclude(&tally).await
}

struct Stage {
    began: Instant,
    folder: TempDir,
    places: BTreeMap<u32, (String, String)>,
    servers: BTreeMap<u32, Child>,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let mut free = free_places(8)?.into_iter();
        let ids = FOUNDERS.into_iter().chain([JOINS]);
        let places = ids.zip(core::iter::from_fn(|| free.next().zip(free.next()))).collect();
        let folder = tempfile::tempdir()?;
        let mut stage = Self { began: Instant::now(), folder, places, servers: BTreeMap::new() };
        for id in FOUNDERS {
            stage.start(id, &[]).await?;
        }
        for (id, server) in &stage.servers {
            let (_, http) = &stage.places[id];
            stage.tell(format_args!("server {id} is process {}, at http://{http}", server.id()))?;
        }
        let leader = stage.leader().await?;
        stage.tell(format_args!("server {leader} leads"))?;
        Ok(stage)
    }

    async fn start(&mut self, id: u32, more: &[&str]) -> anyhow::Result<()> {
        let members = FOUNDERS.into_iter().chain((id == JOINS).then_some(JOINS));
        let peers: Vec<String> =
            members.map(|id| format!("{id}={}/{}", self.places[&id].0, self.places[&id].1)).collect();
        let server = Child::start(id, &peers.join(","), self.folder.path(), more).await?;
        self.servers.insert(id, server);
        Ok(())
    }

    /// Where all servers listen for clients, those that do not run too.
    fn https(&self) -> Vec<String> {
        self.places.values().map(|(_, http)| http.clone()).collect()
    }

    /// A client of the servers that run.
    fn client(&self) -> Client {
        Client::new(self.servers.keys().map(|id| self.places[id].1.clone())).patience(PATIENCE)
    }

    /// Who leads, as whoever leads says.
    async fn leader(&self) -> anyhow::Result<u32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for id in self.servers.keys() {
                let mut client = Client::new([self.places[id].1.clone()]).patience(Duration::ZERO);
                let status: Result<Value, _> = client.ask(Method::GET, "/status", None).await;
                if status.is_ok_and(|status| status["role"] == "leader") {
                    return Ok(*id);
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("nobody leads: is this machine overloaded?")
    }

    async fn watch(&self, clients: &Clients, seconds: u64) -> anyhow::Result<()> {
        for _ in 0..seconds {
            sleep(Duration::from_secs(1)).await;
            self.tell(format_args!("{}", clients.so_far()))?;
        }
        Ok(())
    }

    async fn kill_the_leader(&mut self) -> anyhow::Result<u32> {
        let id = self.leader().await?;
        let mut server = self.servers.remove(&id).context("the leader runs")?;
        let (process, killed) = (server.id(), Instant::now());
        server.kill().await?;
        let next = self.leader().await?;
        let millis = killed.elapsed().as_millis();
        self.tell(format_args!(
            ">> SIGKILL to server {id} (process {process}), which led; server {next} leads {millis} ms later"
        ))?;
        Ok(id)
    }

    async fn start_again(&mut self, id: u32) -> anyhow::Result<()> {
        self.start(id, if id == JOINS { &["--join"] } else { &[] }).await?;
        self.tell(format_args!(">> server {id} is started again, with its directory"))
    }

    async fn let_one_join(&mut self) -> anyhow::Result<()> {
        let (peer, http) = self.places[&JOINS].clone();
        let body = json!({ "member": JOINS.to_string(), "peer": peer, "http": http });
        self.ask(Method::POST, "/members", Some(body)).await?;
        self.start(JOINS, &["--join"]).await?;
        self.ask(Method::POST, &format!("/members/{JOINS}/promotion"), None).await?;
        self.tell(format_args!(">> server {JOINS} has joined: first as a learner, now with a vote"))
    }

    async fn send_the_leader_off(&mut self) -> anyhow::Result<()> {
        let id = self.leader().await?;
        self.ask(Method::DELETE, &format!("/members/{id}"), None).await?;
        let mut server = self.servers.remove(&id).context("the leader runs")?;
        let status = server.stop().await?;
        let next = self.leader().await?;
        self.tell(format_args!(">> server {id}, which led, is sent off, and has ended ({status}); server {next} leads"))
    }

    /// What may be asked again: the same change of members twice is the same.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.client().ask(method.clone(), path, body.clone()).await {
                Err(error) if error.is_unknown() && Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
                answered => return answered.with_context(|| format!("{method} {path}")),
            }
        }
    }

    /// Looks for everything that was acknowledged, at every server.
    async fn conclude(&self, tally: &Tally) -> anyhow::Result<bool> {
        self.tell(format_args!("{tally}"))?;
        let mut whole = tally.watcher_saw_everything();
        for id in self.servers.keys() {
            let mut client = Client::new([self.places[id].1.clone()]).patience(PATIENCE);
            let lost = tally.lost(&mut client).await?;
            let counter = tally.counter(&mut client).await?;
            self.tell(format_args!(
                "server {id} has all but {lost} of them; the counter is at {counter} after {} increments",
                tally.increments()
            ))?;
            whole &= lost == 0 && counter == tally.increments();
        }
        let are_equal = self.are_equal().await?;
        let verdict = match whole && are_equal {
            true => "nothing that was acknowledged was lost, nothing was done twice, and the replicas are equal",
            false => "something was lost or done twice, or the replicas have come apart",
        };
        self.tell(format_args!("{verdict}"))?;
        Ok(whole && are_equal)
    }

    /// Nobody writes any more: every replica comes to the same revision, and then has the same hash.
    async fn are_equal(&self) -> anyhow::Result<bool> {
        let now = self.ask(Method::GET, "/hash", None).await?;
        for id in self.servers.keys() {
            let mut client = Client::new([self.places[id].1.clone()]).patience(PATIENCE);
            let other: Value = client.ask(Method::GET, "/hash", None).await?;
            if other != now {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        Ok(say(format_args!("{:>5.1} s  {text}", self.began.elapsed().as_secs_f64()))?)
    }
}
