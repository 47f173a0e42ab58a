//! What reaches the reader: one JSON document, or tables and progress for people.

use crate::failure::{Failure, is_closed_pipe};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::Duration;

/// Where and how a command reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// One line for people. Silent where a program reads.
    pub(crate) fn line(self, line: impl fmt::Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(format_args!("{line}\n")) }
    }

    /// The one document of a command, for programs. Silent where people read.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(document).map_err(Failure::new)?;
        print(format_args!("{text}\n"))
    }

    /// A table for people: ruled on a terminal, plain columns elsewhere.
    pub(crate) fn table(self, header: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        let mut table = Table::new();
        table.set_header(header).add_rows(rows);
        if io::stdout().is_terminal() {
            table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.load_preset(presets::NOTHING);
        }
        let text = table.trim_fmt();
        self.line(text)
    }

    /// A bar over `length` steps (a spinner for zero) on the terminal; nothing where there is none.
    pub(crate) fn progress(self, length: u64, label: impl Into<String>) -> ProgressBar {
        if !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match length {
            0 => (ProgressBar::new_spinner(), "{spinner} {prefix}  {msg}"),
            _ => (ProgressBar::new(length), "{spinner} {prefix}  {wide_bar} {pos}/{len}  {msg}"),
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is a constant"));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar.with_prefix(label.into())
    }
}

/// Writes to the standard output. A reader that has gone away is no failure.
pub(crate) fn print(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    print_while_read(text).map(drop)
}

/// The same, for those that write without end: it breaks off where the reader has gone away.
pub(crate) fn print_while_read(text: fmt::Arguments<'_>) -> Result<ControlFlow<()>, Failure> {
    let mut stdout = io::stdout().lock();
    while_read(stdout.write_fmt(text).and_then(|()| stdout.flush()))
}

/// What has come of writing to the standard output.
pub(crate) fn while_read(written: io::Result<()>) -> Result<ControlFlow<()>, Failure> {
    match written {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if is_closed_pipe(&error) => Ok(ControlFlow::Break(())),
        Err(error) => Err(Failure::new(format_args!("the standard output cannot be written: {error}"))),
    }
}

/// The most findings of one kind that are told one by one.
const TOLD_MAX: usize = 5;

/// The first findings of a kind, and how many more there are.
pub(crate) fn first_few(found: &[String]) -> Vec<String> {
    let mut few: Vec<String> = found.iter().take(TOLD_MAX).cloned().collect();
    if found.len() > TOLD_MAX {
        few.push(format!("… and {} more", grouped((found.len() - TOLD_MAX) as u64)));
    }
    few
}

/// A count as people read it: 1,234,567.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Seconds as people read them.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}
