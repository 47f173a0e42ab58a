//! When two runs fail alike.

use crate::scenario::Verdict;
use serde::{Deserialize, Serialize};
use std::iter::Peekable;
use std::str::Chars;

/// What a run that fails has in common with others that fail for the same reason, as far as can be told: the property,
/// and what was seen without its particulars.
///
/// ```
/// use purlin_sim::{Symptom, Verdict};
///
/// let failed = |detail: &str| Verdict::Violated { property: "no_overdraft".to_owned(), detail: detail.to_owned() };
/// let symptom = Symptom::of(&failed("account 7 is at -3 after 1.5s")).unwrap();
/// assert!(symptom.holds_of(&failed("account 12 is at -40 after 200ms")));
/// assert!(!symptom.holds_of(&failed("account 7 is closed")));
/// assert!(!symptom.holds_of(&Verdict::Holds));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symptom {
    /// The property that does not hold.
    pub property: String,
    /// What was seen instead: numbers, quotations and whatever stands in brackets are left open.
    pub signature: String,
}

impl Symptom {
    /// The symptom of a run, if it fails.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Holds => None,
            Verdict::Violated { property, detail } => {
                Some(Self { property: property.clone(), signature: signature(detail) })
            }
        }
    }

    /// Whether a run fails like this.
    pub fn holds_of(&self, verdict: &Verdict) -> bool {
        Self::of(verdict).as_ref() == Some(self)
    }
}

fn signature(detail: &str) -> String {
    let mut signature = String::new();
    let mut rest = detail.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '0'..='9' => {
                skip_number(&mut rest);
                signature.push('#');
            }
            '"' | '`' => {
                skip_quotation(next, &mut rest);
                signature.extend([next, '…', next]);
            }
            '(' | '[' | '{' => {
                skip_brackets(&mut rest);
                signature.push_str("(…)");
            }
            _ => signature.push(next),
        }
    }
    // A number below zero is a number.
    signature.replace("-#", "#")
}

/// The rest of a number, and the unit of a stretch of time: 1.5s and 200ms are alike.
fn skip_number(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|next| next.is_ascii_digit() || matches!(next, '.' | '_')).is_some() {}
    while rest.next_if(|next| matches!(next, 'n' | 'µ' | 'm' | 's')).is_some() {}
}

fn skip_quotation(mark: char, rest: &mut Peekable<Chars<'_>>) {
    while let Some(next) = rest.next() {
        match next {
            '\\' => drop(rest.next()),
            next if next == mark => return,
            _ => {}
        }
    }
}

fn skip_brackets(rest: &mut Peekable<Chars<'_>>) {
    let mut depth = 1;
    while depth > 0
        && let Some(next) = rest.next()
    {
        match next {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn particulars_are_left_open() {
        for (detail, abstracted) in [
            ("nodes 2 and 10 were both elected in term 44", "nodes # and # were both elected in term #"),
            ("after 1.5s, not 200ms", "after #, not #"),
            ("node -3 answers Loaded { term: 4, of: [1, 2] } too late", "node # answers Loaded (…) too late"),
            (r#"nobody said "three \" words" here"#, r#"nobody said "…" here"#),
            ("an open (bracket", "an open (…)"),
        ] {
            assert_eq!(signature(detail), abstracted);
        }
    }
}
