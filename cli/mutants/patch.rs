//! The planted bugs: one patch each, with a header that says what must catch it.

use super::checks::Check;
use crate::failure::Failure;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One planted bug.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    pub(super) name: String,
    pub(super) room: String,
    pub(super) path: PathBuf,
    /// The checks that its header promises.
    pub(super) caught_by: Vec<Check>,
}

/// The patches of the given rooms (of all, if none is given), and of those a sample of so many, drawn by a seed.
pub(super) fn select(root: &Path, rooms: &[String], sample: Option<(usize, u64)>) -> Result<Vec<Patch>, Failure> {
    let folder = root.join("tests").join("mutants");
    let known = sorted(&folder)?.into_iter().filter(|path| path.is_dir()).map(|path| stem(&path)).collect::<Vec<_>>();
    if let Some(unknown) = rooms.iter().find(|room| !known.contains(room)) {
        let known = known.join(", ");
        return Err(Failure::new(format_args!("there are no mutants of `{unknown}`: choose one of {known}")));
    }
    let mut patches = Vec::new();
    for room in known.iter().filter(|room| rooms.is_empty() || rooms.contains(room)) {
        patches.extend(read_room(&folder, room)?);
    }
    if let Some((count, seed)) = sample {
        patches
            .sort_by_key(|patch| draw(seed, &patch.path.strip_prefix(root).unwrap_or(&patch.path).to_string_lossy()));
        patches.truncate(count);
        patches.sort_by(|left, right| left.path.cmp(&right.path));
    }
    Ok(patches)
}

fn read_room(folder: &Path, room: &str) -> Result<Vec<Patch>, Failure> {
    let paths = sorted(&folder.join(room))?;
    let patches = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "patch"));
    patches.map(|path| read(path, room)).collect()
}

fn read(path: PathBuf, room: &str) -> Result<Patch, Failure> {
    let text = fs::read_to_string(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    let caught_by = promised(&text).map_err(|problem| Failure::in_file(&path, problem))?;
    Ok(Patch { name: stem(&path), room: room.to_owned(), path, caught_by })
}

/// The checks named in the header, in the order given.
fn promised(text: &str) -> Result<Vec<Check>, String> {
    let header = text.lines().take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "));
    let lines = header.filter_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix("caught-by:"));
    lines.flat_map(|names| names.split(',')).map(|name| Check::from_str(name.trim())).collect()
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::unreadable(folder, &error);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A number that depends on the seed and the name alone, on every platform (FNV-1a, stirred by SplitMix64).
fn draw(seed: u64, name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let stirred = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let stirred = (stirred ^ (stirred >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    stirred ^ (stirred >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_its_checks_in_order() {
        let text = "# A permit leaks.\n# caught-by: spec, model\ndiff --git a/x b/x\n+# caught-by: loom\n";
        assert_eq!(promised(text), Ok(vec![Check::Spec, Check::Model]));
        assert_eq!(promised("--- a/x\n+++ b/x\n"), Ok(vec![]));
    }

    #[test]
    fn a_check_that_does_not_exist_is_named() {
        assert!(promised("# caught-by: luck\n").unwrap_err().contains("`luck`"));
    }

    #[test]
    fn another_seed_draws_another_order() {
        let order = |seed| {
            let mut names = ["a", "b", "c", "d", "e", "f"];
            names.sort_by_key(|name| draw(seed, name));
            names
        };
        assert_eq!(order(1), order(1));
        assert!((2..10).any(|seed| order(seed) != order(1)));
    }
}
