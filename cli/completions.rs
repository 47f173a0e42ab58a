//! `purlin completions`: what a shell needs to complete this command.

use crate::failure::{Failure, Verdict};
use crate::output::print;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a shell's completions
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// For example: purlin completions bash > ~/.local/share/bash-completion/completions/purlin
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run<Parser: CommandFactory>(arguments: &Arguments) -> Result<Verdict, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Parser::command(), "purlin", &mut script);
    print(format_args!("{}", String::from_utf8_lossy(&script)))?;
    Ok(Verdict::Holds)
}
