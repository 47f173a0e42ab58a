//! The scratch copy in which bugs are planted, and its builds.

use super::patch::Patch;
use crate::failure::Failure;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of the checkout around the present folder.
pub(super) fn checkout_root() -> Result<PathBuf, Failure> {
    let told = Command::new("git").args(["rev-parse", "--show-toplevel"]).output();
    let told = told.map_err(|error| Failure::new(format_args!("git cannot be run: {error}; install it")))?;
    if !told.status.success() {
        let said = last_line(&told.stderr);
        return Err(Failure::new(format_args!(
            "there is no git checkout here ({said}): run this inside a clone of the repository"
        )));
    }
    let root = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim_end());
    if !root.join("tests").join("mutants").is_dir() {
        return Err(Failure::in_file(&root, "this checkout has no tests/mutants: run this inside a clone of Purlin"));
    }
    Ok(root)
}

/// A copy of the checkout at a fixed place, so that only what a bug touches is built again.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
}

/// The builds of the copy as it is at present, each made when it is first asked for.
#[derive(Debug)]
pub(super) struct Builds<'a> {
    pub(super) scratch: &'a Scratch,
    machines: OnceCell<Build>,
}

impl<'a> Builds<'a> {
    pub(super) const fn new(scratch: &'a Scratch) -> Self {
        Self { scratch, machines: OnceCell::new() }
    }

    /// The command, and the laws of machines and hosts.
    pub(super) fn machines(&self) -> Result<&Build, Failure> {
        if let Some(build) = self.machines.get() {
            return Ok(build);
        }
        let build = self.scratch.build()?;
        Ok(self.machines.get_or_init(|| build))
    }
}

/// What a build yields.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) purlin: PathBuf,
    /// The laws of machines and of protocols.
    pub(super) laws: Vec<PathBuf>,
    /// The laws of hosts.
    pub(super) hosts: Vec<PathBuf>,
}

/// The tests that state laws: of machines, of protocols, and of hosts.
const LAWS: [&str; 2] = ["laws", "protocols"];
const HOSTS: [&str; 1] = ["hosts"];

impl Scratch {
    /// Claims the scratch copy for this process.
    pub(super) fn claim(root: &Path) -> Result<Self, Failure> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
        let folder = target.join("mutants");
        fs::create_dir_all(&folder).map_err(|error| Failure::unwritable(&folder, &error))?;
        let lock = folder.join("lock");
        remove_if_stale(&lock);
        match fs::File::create_new(&lock).and_then(|mut file| write!(file, "{}", std::process::id())) {
            Ok(()) => Ok(Self { root: root.to_owned(), folder, lock }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::in_file(
                &lock,
                "another run is at work here: wait for it, or remove this file if there is none",
            )),
            Err(error) => Err(Failure::unwritable(&lock, &error)),
        }
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Makes the copy equal to the checkout. Files that are equal already keep their times, so they are not built again.
    pub(super) fn restore(&self) -> Result<(), Failure> {
        let files = self.files()?;
        for file in &files {
            let (from, to) = (self.root.join(file), self.tree().join(file));
            copy_if_different(&from, &to).map_err(|error| Failure::unwritable(&to, &error))?;
        }
        let tree = self.tree();
        remove_others(&tree, &tree, &files).map_err(|error| Failure::unwritable(&tree, &error))
    }

    /// The files of the checkout, those not yet committed included, those that git ignores not.
    fn files(&self) -> Result<BTreeSet<PathBuf>, Failure> {
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").args(list).current_dir(&self.root).output();
        let listed = listed.map_err(|error| Failure::new(format_args!("git cannot be run: {error}")))?;
        if !listed.status.success() {
            return Err(Failure::new(format_args!("git ls-files: {}", last_line(&listed.stderr))));
        }
        let names = String::from_utf8_lossy(&listed.stdout).into_owned();
        let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        Ok(files.filter(|file| self.root.join(file).is_file()).collect())
    }

    /// Plants a bug.
    pub(super) fn apply(&self, patch: &Patch) -> Result<(), Failure> {
        let applied = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch.path)
            .current_dir(self.tree())
            // Without this git takes the copy for a folder of the checkout, and skips every file as lying outside of it.
            .env("GIT_CEILING_DIRECTORIES", &self.folder)
            .output()
            .map_err(|error| Failure::new(format_args!("git cannot be run: {error}")))?;
        if !applied.status.success() {
            let problem = last_line(&applied.stderr);
            return Err(Failure::in_file(
                &patch.path,
                format_args!("the patch does not apply: {problem}; make it anew"),
            ));
        }
        if self.is_unharmed()? {
            return Err(Failure::in_file(&patch.path, "the patch changes nothing"));
        }
        Ok(())
    }

    fn is_unharmed(&self) -> Result<bool, Failure> {
        let same = |file: &PathBuf| fs::read(self.root.join(file)).ok() == fs::read(self.tree().join(file)).ok();
        Ok(self.files()?.iter().all(same))
    }

    /// Builds the command and the laws.
    fn build(&self) -> Result<Build, Failure> {
        let mut cargo = self.cargo("build");
        cargo.args(["test", "--no-run", "--package", "purlin-cli", "--package", "purlin-tokio"]);
        for test in LAWS.iter().chain(&HOSTS) {
            cargo.args(["--test", test]);
        }
        let executables = executables(cargo)?;
        let find = |kind: &str, names: &[&str]| {
            let found = executables.iter().filter(|built| built.kind == kind && names.contains(&built.name.as_str()));
            let paths: Vec<PathBuf> = found.map(|built| built.path.clone()).collect();
            let missing = || Failure::new(format_args!("the build yields no {}", names.join(" or ")));
            if paths.is_empty() { Err(missing()) } else { Ok(paths) }
        };
        let purlin = find("bin", &["purlin"])?.remove(0);
        Ok(Build { purlin, laws: find("test", &LAWS)?, hosts: find("test", &HOSTS)? })
    }

    /// Builds some tests of one package, or all of them where none is named, and nothing else.
    pub(super) fn build_tests(&self, package: &str, names: &[&str]) -> Result<Vec<PathBuf>, Failure> {
        let mut cargo = self.cargo("build");
        cargo.args(["test", "--no-run", "--package", package]);
        for name in names {
            cargo.args(["--test", name]);
        }
        tests(cargo)
    }

    /// Builds the tests under loom, in a folder of their own: the flag makes every crate another one.
    pub(super) fn build_loom(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut cargo = self.cargo("loom");
        cargo.args(["test", "--no-run", "--release", "--package", "purlin", "--test", "loom*"]);
        cargo.env("RUSTFLAGS", "--cfg loom");
        tests(cargo)
    }

    fn cargo(&self, target: &str) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(self.tree()).env("CARGO_TARGET_DIR", self.folder.join(target));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Should this fail, the next run says what to remove.
        let _ = fs::remove_file(&self.lock);
    }
}

/// A run that was killed leaves its lock behind; where the system tells which processes live, that is seen.
fn remove_if_stale(lock: &Path) {
    let owner = fs::read_to_string(lock).ok().and_then(|owner| owner.trim().parse::<u32>().ok());
    let processes = Path::new("/proc/self");
    if owner.is_some_and(|owner| processes.exists() && !Path::new("/proc").join(owner.to_string()).exists()) {
        let _ = fs::remove_file(lock);
    }
}

fn copy_if_different(from: &Path, to: &Path) -> io::Result<()> {
    let content = fs::read(from)?;
    if fs::read(to).is_ok_and(|present| present == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, content)
}

/// Removes what a patch has added.
fn remove_others(tree: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(tree, &path, files)?;
        } else if path.strip_prefix(tree).is_ok_and(|file| !files.contains(file)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn tests(cargo: Command) -> Result<Vec<PathBuf>, Failure> {
    // What a library tests within itself is of the kind of the library.
    let is_test = |built: &Executable| matches!(built.kind.as_str(), "test" | "lib");
    Ok(executables(cargo)?.into_iter().filter(is_test).map(|built| built.path).collect())
}

struct Executable {
    kind: String,
    name: String,
    path: PathBuf,
}

fn executables(mut cargo: Command) -> Result<Vec<Executable>, Failure> {
    let built = cargo.args(["--quiet", "--message-format", "json"]).output();
    let built = built.map_err(|error| Failure::new(format_args!("cargo cannot be run: {error}; install Rust")))?;
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect::<Vec<_>>();
    if !built.status.success() {
        return Err(Failure::new(format_args!("it does not compile: {}", why_not_built(&built, &messages))));
    }
    Ok(messages.iter().filter_map(executable).collect())
}

fn executable(message: &Value) -> Option<Executable> {
    let target = message.get("target")?;
    Some(Executable {
        kind: target["kind"][0].as_str()?.to_owned(),
        name: target["name"].as_str()?.to_owned(),
        path: message["executable"].as_str()?.into(),
    })
}

fn why_not_built(built: &Output, messages: &[Value]) -> String {
    let errors = messages.iter().map(|message| &message["message"]).filter(|message| message["level"] == "error");
    let first = errors.filter_map(|message| message["rendered"].as_str()).next();
    first.map_or_else(|| last_line(&built.stderr), |rendered| rendered.lines().take(2).collect::<Vec<_>>().join(" "))
}

pub(super) fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing was said").trim().to_owned()
}
