//! The demonstration: three processes, one lock, a holder that is killed, and one that comes too late.

use crate::children::Child;
use crate::say;
use anyhow::{bail, ensure};
use core::time::Duration;
use purlin_lock::Token;
use purlin_lock::serve::{Resource, ResourceError, Told};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Short enough to be watched.
const LOCK: [&str; 4] = ["--lease-ms", "3000", "--margin-ms", "300"];
/// When the other node should have the lock at last.
const PATIENCE: Duration = Duration::from_secs(12);

/// Runs the script. False if the lock or the resource did not do what they are for.
pub(crate) async fn run() -> anyhow::Result<bool> {
    let mut stage = Stage::set().await?;
    let anna = stage.acquire("anna").await?;
    stage.write("anna", anna)?;
    stage.find_it_taken().await?;
    stage.kill_anna().await?;
    let bela = stage.wait_for_the_lease().await?;
    stage.write("bela", bela)?;
    let refused = !stage.write("anna", anna)?;
    let rises = anna < bela;
    stage.conclude(refused && rises)
}

struct Stage {
    began: Instant,
    /// Kept for the processes' files.
    _folder: TempDir,
    /// Kept running.
    _keeper: Child,
    anna: Child,
    bela: Child,
    resource: Resource,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let with = |more: [&'static str; 2]| [LOCK.as_slice(), &more].concat();
        let mut keeper = Child::start("0", folder.path(), &with(["--meet", "127.0.0.1:0"])).await?;
        let place = keeper.place().await?;
        let dials = [LOCK.as_slice(), &["--keeper-at", &place]].concat();
        let anna = Child::start("1", folder.path(), &dials).await?;
        let bela = Child::start("2", folder.path(), &dials).await?;
        let resource = Resource::open(folder.path().join("ledger"))?;
        let stage = Self { began: Instant::now(), _folder: folder, _keeper: keeper, anna, bela, resource };
        stage.tell(format_args!("the keeper is process {}, at {place}", stage._keeper.id()))?;
        stage.tell(format_args!("anna is process {}, at http://{}", stage.anna.id(), stage.anna.address))?;
        stage.tell(format_args!("bela is process {}, at http://{}", stage.bela.id(), stage.bela.address))?;
        Ok(stage)
    }

    async fn acquire(&self, name: &str) -> anyhow::Result<Token> {
        let told = self.anna.client.acquire().await?;
        let Told::Held { token, for_ms } = told else { bail!("the lock was free, and {name} did not get it") };
        self.tell(format_args!("{name} holds the lock: token {}, for {for_ms} ms", token.0))?;
        Ok(token)
    }

    async fn find_it_taken(&self) -> anyhow::Result<()> {
        let told = self.bela.client.acquire().await?;
        ensure!(told.token().is_none(), "bela got a lock that anna holds: {told:?}");
        self.tell(format_args!("bela asks for it too, and does not get it"))
    }

    async fn kill_anna(&mut self) -> anyhow::Result<()> {
        let id = self.anna.id();
        self.anna.kill().await?;
        self.tell(format_args!(">> SIGKILL to anna (process {id}); whoever works for her does not know it yet"))
    }

    async fn wait_for_the_lease(&self) -> anyhow::Result<Token> {
        let killed = Instant::now();
        while killed.elapsed() < PATIENCE {
            if let Some(token) = self.bela.client.acquire().await?.token() {
                let millis = killed.elapsed().as_millis();
                self.tell(format_args!("bela holds the lock, {millis} ms later, under token {}", token.0))?;
                return Ok(token);
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!("bela did not get the lock in {PATIENCE:?}: is this machine overloaded?")
    }

    /// Whether the resource took it.
    fn write(&mut self, name: &str, token: Token) -> anyhow::Result<bool> {
        match self.resource.write(token, name) {
            Ok(()) => self.tell(format_args!("{name} writes under token {}", token.0)).map(|()| true),
            Err(error @ ResourceError::Refused { .. }) => {
                self.tell(format_args!(
                    "{name} wakes up and writes under token {}; the resource says: {error}",
                    token.0
                ))?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn conclude(&self, holds: bool) -> anyhow::Result<bool> {
        let verdict = match holds {
            true => "one holder at a time, and the resource took nothing from the one who came too late",
            false => "the resource took what it should have refused",
        };
        self.tell(format_args!("{verdict}"))?;
        Ok(holds)
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        Ok(say(format_args!("{:>5.1} s  {text}", self.began.elapsed().as_secs_f64()))?)
    }
}
