//! Tells builds apart.

use crate::hash::Fingerprint;
use crate::results::{ResultsError, failed};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

/// So much of the program is in memory at a time.
const BLOCK_BYTES: u64 = 1 << 16;

/// The version, and the fingerprint of the running program. The program is read once.
pub(crate) fn build() -> Result<String, ResultsError> {
    static BUILD: OnceLock<String> = OnceLock::new();
    match BUILD.get() {
        Some(build) => Ok(build.clone()),
        None => fingerprint().map(|build| BUILD.get_or_init(|| build).clone()),
    }
}

fn fingerprint() -> Result<String, ResultsError> {
    let path = std::env::current_exe().map_err(failed(Path::new("the running program"), "found"))?;
    let mut program = File::open(&path).map_err(failed(&path, "read"))?;
    let mut fingerprint = Fingerprint::default();
    let mut block = Vec::new();
    while (&mut program).take(BLOCK_BYTES).read_to_end(&mut block).map_err(failed(&path, "read"))? > 0 {
        fingerprint.bytes(&block);
        block.clear();
    }
    Ok(format!("{}-{}", env!("CARGO_PKG_VERSION"), fingerprint.finish()))
}
