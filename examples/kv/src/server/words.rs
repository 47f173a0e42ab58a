//! How commands travel between servers.

use crate::state::Command;
use bytes::Bytes;
use purlin_raft::wire::{Coded, Undecodable};

impl Coded for Command {
    fn encode(&self, out: &mut Vec<u8>) {
        let written = postcard::to_extend(self, core::mem::take(out));
        *out = written.expect("plain values can be written");
    }

    fn decode(bytes: Bytes) -> Result<Self, Undecodable> {
        let (command, rest) = postcard::take_from_bytes(&bytes).map_err(|error| Undecodable(error.to_string()))?;
        if rest.is_empty() { Ok(command) } else { Err(Undecodable(format!("{} bytes are left over", rest.len()))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Condition;

    #[test]
    fn a_command_that_is_cut_off_or_goes_on_is_none() {
        let command = Command::compare_and_swap("a", Condition::Value("b".into()), "c");
        let mut written = vec![7];
        command.encode(&mut written);
        assert_eq!(written[0], 7, "it is appended");
        let bytes = Bytes::from(written).slice(1..);
        assert_eq!(Command::decode(bytes.clone()), Ok(command));
        for end in 0..bytes.len() {
            assert!(Command::decode(bytes.slice(..end)).is_err(), "{end} bytes of it");
        }
        assert!(Command::decode([&bytes[..], &[0]].concat().into()).is_err());
    }
}
