//! What changed between two states, as JSON Patch (RFC 6902) with the value that was there before.

use serde::Serialize;
use serde_json::{Map, Value};

/// What is done to a place of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Something comes in. In a list whatever stands there moves up.
    Add,
    /// What stands there goes.
    Remove,
    /// What stands there becomes something else.
    Replace,
}

/// One change of a state. Changes are applied in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is done.
    pub op: Op,
    /// Where, as a JSON Pointer (RFC 6901).
    pub path: String,
    /// What stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What stands there now.
    #[serde(rename = "value", skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What leads from one state to another.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

/// A state as it was written. Numbers that not every reader keeps exactly become texts.
pub fn read_state(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| Value::String(text.to_owned()), exact)
}

/// The greatest number up to which every JSON reader keeps whole numbers.
const EXACT_MAX: u64 = 1 << 53;

fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|number| number > EXACT_MAX) => {
            Value::String(number.to_string())
        }
        Value::Array(items) => items.into_iter().map(exact).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, exact(value))).collect(),
        other => other,
    }
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) => compare_fields(path, before, after, changes),
        (Value::Array(before), Value::Array(after)) => compare_items(path, before, after, changes),
        _ => changes.push(change(Op::Replace, path, Some(before), Some(after))),
    }
}

fn compare_fields(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Change>) {
    for (name, old) in before {
        let path = format!("{path}/{}", escaped(name));
        match after.get(name) {
            Some(new) => compare(&path, old, new, changes),
            None => changes.push(change(Op::Remove, &path, Some(old), None)),
        }
    }
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        changes.push(change(Op::Add, &format!("{path}/{}", escaped(name)), None, Some(new)));
    }
}

/// What both ends of the lists have in common stays; of the rest as many as both have are compared one by one.
fn compare_items(path: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let head = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let (before, after) = (&before[head..], &after[head..]);
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(old, new)| old == new).count();
    let (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
    let both = before.len().min(after.len());
    let place = |index: usize| format!("{path}/{}", head + index);
    for index in 0..both {
        compare(&place(index), &before[index], &after[index], changes);
    }
    changes.extend(before[both..].iter().map(|old| change(Op::Remove, &place(both), Some(old), None)));
    let added = after[both..].iter().enumerate();
    changes.extend(added.map(|(index, new)| change(Op::Add, &place(both + index), None, Some(new))));
}

fn change(op: Op, path: &str, before: Option<&Value>, after: Option<&Value>) -> Change {
    Change { op, path: path.to_owned(), before: before.cloned(), after: after.cloned() }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Die;
    use serde_json::json;

    /// Does to a state what the page's script does to it.
    fn apply(state: &mut Value, change: &Change) {
        let Some((parent, name)) = change.path.rsplit_once('/') else {
            *state = change.after.clone().unwrap();
            return;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        match (state.pointer_mut(parent).unwrap(), change.op) {
            (Value::Object(fields), Op::Remove) => drop(fields.remove(&name).unwrap()),
            (Value::Object(fields), _) => drop(fields.insert(name, change.after.clone().unwrap())),
            (Value::Array(items), Op::Remove) => drop(items.remove(name.parse().unwrap())),
            (Value::Array(items), Op::Add) => items.insert(name.parse().unwrap(), change.after.clone().unwrap()),
            (Value::Array(items), Op::Replace) => items[name.parse::<usize>().unwrap()] = change.after.clone().unwrap(),
            (other, _) => panic!("{other} has no {name}"),
        }
    }

    fn any_value(die: &mut Die, depth: u32) -> Value {
        match die.below(if depth == 0 { 3 } else { 5 }) {
            0 => json!(die.below(3)),
            1 => json!(null),
            2 => json!("a/b~c"),
            3 => (0..die.below(5)).map(|_| any_value(die, depth - 1)).collect(),
            _ => Value::Object((0..die.below(4)).map(|_| (name(die), any_value(die, depth - 1))).collect()),
        }
    }

    fn name(die: &mut Die) -> String {
        (*die.pick(&["a", "b/", "~c", "0"])).to_owned()
    }

    /// Goal: whoever applies the changes gets the later state. Method: any two values of a die.
    #[test]
    fn changes_lead_from_any_state_to_any_other() {
        let die = &mut Die::new(1, "states");
        for _ in 0..3_000 {
            let (before, after) = (any_value(die, 3), any_value(die, 3));
            let mut state = before.clone();
            changes(&before, &after).iter().for_each(|change| apply(&mut state, change));
            assert_eq!(state, after, "from {before}");
        }
    }

    #[test]
    fn what_did_not_change_is_not_told() {
        let (before, after) = (json!({"a": [1, 2, 3], "b": {"c": 1}}), json!({"a": [2, 3], "b": {"c": 1}}));
        let told = changes(&before, &after);
        assert_eq!(told, [change(Op::Remove, "/a/0", Some(&json!(1)), None)]);
        assert_eq!(changes(&after, &after), []);
    }

    #[test]
    fn numbers_beyond_what_readers_keep_become_texts() {
        assert_eq!(read_state(r#"{"a": [18446744073709551615, 7]}"#), json!({"a": ["18446744073709551615", 7]}));
    }
}
