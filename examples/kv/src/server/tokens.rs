//! Which clients are let in.

use std::io;
use std::path::{Path, PathBuf};
use subtle::{Choice, ConstantTimeEq};

/// The shortest token. Less can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// The tokens that clients may show. None at all, and everybody is let in.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Vec<u8>>);

/// The file of tokens is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It is not there, or may not be read.
    #[error("the tokens `{path}` cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A token can be guessed.
    #[error("the tokens `{path}`: line {line} is shorter than {TOKEN_BYTES_MIN} bytes: write a longer one")]
    TooShort {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
    /// Nobody would be let in.
    #[error("the tokens `{path}`: there is none in it: write one on each line")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

impl Tokens {
    /// Reads tokens from a file: one on each line; what begins with `#` is a comment.
    ///
    /// # Errors
    /// See [`TokensError`].
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        let unreadable = |source| TokensError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let lines = (1..).zip(text.lines().map(str::trim));
        let tokens: Vec<(usize, &str)> =
            lines.filter(|(_, token)| !token.is_empty() && !token.starts_with('#')).collect();
        if let Some((line, _)) = tokens.iter().find(|(_, token)| token.len() < TOKEN_BYTES_MIN) {
            return Err(TokensError::TooShort { path: path.to_owned(), line: *line });
        }
        if tokens.is_empty() {
            return Err(TokensError::Empty { path: path.to_owned() });
        }
        Ok(Self(tokens.into_iter().map(|(_, token)| token.as_bytes().to_vec()).collect()))
    }

    /// Whether whoever shows this is let in. All tokens are looked at, each in a time that does not depend on where it
    /// differs: how long this takes tells nothing about them but how many there are and how long they may be.
    pub fn admit(&self, shown: Option<&str>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let shown = shown.unwrap_or_default().as_bytes();
        let is_one = self.0.iter().fold(Choice::from(0), |found, token| found | token.as_slice().ct_eq(shown));
        bool::from(is_one)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tokens({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tokens, TokensError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Tokens::read(file.path())
    }

    #[test]
    fn whoever_shows_one_of_the_tokens_is_let_in_and_nobody_else() {
        let tokens = read("# those of the shop\nthe-first-token-0\n\n  the-second-token-1\n").unwrap();
        for (shown, is_let_in) in [
            (Some("the-first-token-0"), true),
            (Some("the-second-token-1"), true),
            (Some("the-second-token-2"), false),
            (Some("the-second-token-"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(tokens.admit(shown), is_let_in, "{shown:?}");
        }
        assert!(Tokens::default().admit(None));
        assert_eq!(format!("{tokens:?}"), "Tokens(2)", "they are not shown");
    }

    #[test]
    fn a_file_without_good_tokens_is_refused() {
        assert!(read("# none\n").unwrap_err().to_string().contains("there is none in it"));
        assert!(read("the-first-token-0\nshort").unwrap_err().to_string().contains("line 2 is shorter"));
        assert!(Tokens::read(Path::new("nowhere")).unwrap_err().to_string().contains("`nowhere` cannot be read"));
    }
}
