//! A resource that the lock protects: a file that remembers the greatest token it has seen.

use crate::Token;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// A file of lines. Whoever writes shows a token, and is refused if a greater one was shown before.
///
/// It is to be opened by one process: the tokens order writers, they do not lock the file.
#[derive(Debug)]
pub struct Resource {
    file: PathBuf,
    greatest: Token,
}

/// A write was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// Somebody else has written under a later grant. Nothing was written.
    #[error("token {} is refused: {} has been here", shown.0, greatest.0)]
    Refused {
        /// The token that was shown.
        shown: Token,
        /// The greatest one before it.
        greatest: Token,
    },
    /// The file holds something else. It was left alone.
    #[error("line {line} of {file} has no token: give another path, or move it away")]
    NotOurs {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The file cannot be read or written.
    #[error("{file} cannot be read or written")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Resource {
    /// Reads what is there, if anything is.
    ///
    /// # Errors
    /// [`ResourceError::NotOurs`] or [`ResourceError::Io`].
    pub fn open(file: impl Into<PathBuf>) -> Result<Self, ResourceError> {
        let file = file.into();
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|source| ResourceError::Io { file: file.clone(), source })?,
        };
        let tokens = text.lines().enumerate().map(|(index, line)| {
            token_of(line).ok_or_else(|| ResourceError::NotOurs { file: file.clone(), line: index + 1 })
        });
        let greatest = tokens.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or_default();
        Ok(Self { file, greatest })
    }

    /// Appends a line under a token, and syncs it.
    ///
    /// # Errors
    /// [`ResourceError::Refused`] or [`ResourceError::Io`].
    pub fn write(&mut self, token: Token, line: &str) -> Result<(), ResourceError> {
        if token < self.greatest {
            return Err(ResourceError::Refused { shown: token, greatest: self.greatest });
        }
        self.append(token, line).map_err(|source| ResourceError::Io { file: self.file.clone(), source })?;
        self.greatest = token;
        Ok(())
    }

    fn append(&self, token: Token, line: &str) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.file)?;
        writeln!(file, "{} {}", token.0, line.escape_debug())?;
        file.sync_all()
    }
}

fn token_of(line: &str) -> Option<Token> {
    line.split(' ').next().and_then(|word| word.parse().ok()).map(Token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_token_is_refused_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger");
        let mut resource = Resource::open(&file).unwrap();
        resource.write(Token(2), "two").unwrap();
        assert!(matches!(resource.write(Token(1), "one"), Err(ResourceError::Refused { .. })));
        resource.write(Token(2), "two again").unwrap();
        let mut reopened = Resource::open(&file).unwrap();
        assert!(matches!(reopened.write(Token(1), "one"), Err(ResourceError::Refused { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "2 two\n2 two again\n");
    }

    #[test]
    fn a_file_of_something_else_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("letter");
        fs::write(&file, "1 x\nDear Sir\n").unwrap();
        let error = Resource::open(&file).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of "), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "1 x\nDear Sir\n");
    }
}
