//! What stands by itself in a formatted module: functions, macros, their rows, constants; and which calls which, by name.
//!
//! It understands no Rust beyond that: where two have one name, either may be meant.

use std::collections::BTreeSet;

/// Something that has a name.
pub(super) struct Item {
    name: String,
    /// Its source, without the lines that are comments.
    pub(super) text: String,
}

/// The items of a module but for its tests.
pub(super) fn of(module: &str) -> Vec<Item> {
    let code = module.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let begins =
            !line.starts_with([' ', '}', ')', ']', '#']) && !line.is_empty() && !line.starts_with("where");
        match blocks.last_mut() {
            Some(block) if !begins => block.push(line),
            _ => blocks.push(vec![line]),
        }
    }
    blocks.iter().flat_map(|block| of_block(block)).collect()
}

fn of_block(block: &[&str]) -> Vec<Item> {
    let Some((head, rest)) = block.split_first() else { return Vec::new() };
    if let Some(called) = head.strip_suffix("! {") {
        let rows = rest.join("\n");
        let row = |text: &str| Some(Item { name: first_name(text)?, text: format!("{text} {called}!") });
        return rows.split(";\n").filter_map(row).collect();
    }
    if head.starts_with("impl") {
        let mut methods: Vec<Vec<&str>> = Vec::new();
        for line in rest {
            let begins = line.starts_with("    ") && !line.starts_with("     ") && line.contains("fn ");
            match methods.last_mut() {
                Some(method) if !begins => method.push(line),
                None if !begins => {}
                _ => methods.push(vec![line]),
            }
        }
        return methods.iter().filter_map(|method| named(&method.join("\n"))).collect();
    }
    // Of a table of operations each row stands by itself.
    let text = block.join("\n");
    let rows: Vec<&str> = text.split(".operation(").collect();
    if rows.len() > 1 {
        let row = |text: &&str| Some(Item { name: first_name(text)?, text: (*text).to_owned() });
        return rows.iter().filter_map(row).collect();
    }
    named(&text).into_iter().collect()
}

/// The item of this text, where its first line says a name.
fn named(text: &str) -> Option<Item> {
    let head = text.lines().next()?;
    let words = ["fn ", "macro_rules! ", "const ", "static "];
    let rest = words.iter().find_map(|word| head.split_once(word))?.1;
    Some(Item { name: first_name(rest)?, text: text.to_owned() })
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn first_name(text: &str) -> Option<String> {
    text.split(|letter| !is_of_name(letter)).find(|name| !name.is_empty()).map(str::to_owned)
}

/// The texts in quotes.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The names that a text calls, as functions or macros, and the constants that it names.
fn called(text: &str) -> BTreeSet<&str> {
    let mut called = BTreeSet::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_of_name) {
        let tail = rest.get(start..).unwrap_or_default();
        let end = tail.find(|letter| !is_of_name(letter)).unwrap_or(tail.len());
        let (name, behind) = tail.split_at(end);
        let is_constant = name.len() > 1 && !name.contains(|letter: char| letter.is_ascii_lowercase());
        if is_constant || behind.starts_with(['(', '!']) || behind.starts_with("::<") {
            called.insert(name);
        }
        rest = behind;
    }
    called
}

/// The item at `start` and all that it calls, by their places.
pub(super) fn reached(items: &[Item], start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(item) = open.pop().and_then(|at| items.get(at)) {
        let called = called(&item.text);
        let places = items.iter().enumerate().filter(|(_, item)| called.contains(item.name.as_str()));
        for (at, _) in places {
            if reached.insert(at) {
                open.push(at);
            }
        }
    }
    reached
}
