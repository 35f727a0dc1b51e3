//! JSON as a Perl program writes it: the keys of every object in an order of its own.

use std::fmt::Write as _;

use serde_json::Value;

use crate::dice::Dice;

/// Writes `value` with shuffled keys.
pub(super) fn render(value: &Value, dice: &mut Dice) -> String {
    let mut text = String::new();
    write(value, dice, &mut text);
    text
}

fn write(value: &Value, dice: &mut Dice, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            shuffle(&mut entries, dice);
            let entries = entries.into_iter();
            list(('{', '}'), entries, text, |(key, value), text| {
                scalar(&Value::from(key.as_str()), text);
                text.push(':');
                write(value, dice, text);
            });
        }
        Value::Array(items) => list(('[', ']'), items.iter(), text, |item, text| {
            write(item, dice, text);
        }),
        other => scalar(other, text),
    }
}

fn list<T>(
    (open, close): (char, char),
    items: impl Iterator<Item = T>,
    text: &mut String,
    mut item: impl FnMut(T, &mut String),
) {
    text.push(open);
    for (place, entry) in items.enumerate() {
        if place > 0 {
            text.push(',');
        }
        item(entry, text);
    }
    text.push(close);
}

fn scalar(value: &Value, text: &mut String) {
    write!(text, "{value}").expect("writing to a string cannot fail");
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], dice: &mut Dice) {
    for last in (1..items.len()).rev() {
        items.swap(last, dice.place(last + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn order_changes_and_nothing_else() {
        let value = json!({"a": [1, "x\n\"", null], "b": {"c": 0.5, "d": true, "e": {}}, "f": []});
        let mut dice = Dice::new(7);
        let texts: BTreeSet<String> = (0..50).map(|_| render(&value, &mut dice)).collect();
        assert!(texts.len() > 10, "{} orders of 50", texts.len());
        for text in &texts {
            let back: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(back, value, "{text}");
        }
        assert_eq!(
            render(&value, &mut Dice::new(3)),
            render(&value, &mut Dice::new(3)),
            "the seed decides"
        );
    }
}
