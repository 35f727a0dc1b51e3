//! The blocks of a page.

use std::{fs, path::Path};

/// What a block is, by its info string (see the grammar in `main.rs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Applied; `refused` when the API server must say no. `example` names the file it must be identical to.
    Apply { refused: bool, example: Option<String> },
    /// Alert rules: read, not applied.
    Rules,
    /// Configuration of the cloud controller, or of its parts; `example` as above, `file` where the page goes on to use it.
    Config {
        example: Option<String>,
        file: Option<String>,
    },
    /// Values of the Helm chart.
    Values,
    /// Lines the controller's metrics have.
    Metrics,
    /// Commands and what they print.
    Console { fails: bool },
    /// What applying the block before it printed.
    Output,
    /// Written to this file of the node.
    File(String),
    /// Not run.
    Text,
}

/// One fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// Line of the first line inside, from 1.
    pub(crate) line: usize,
    pub(crate) lines: Vec<String>,
}

impl Block {
    pub(crate) fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

/// A command and the lines it must print; no lines: whatever it prints is fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) prints: Vec<String>,
}

/// The text of a file of this checkout.
pub(crate) fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// All fenced blocks, in order. A block the runner does not know is a mistake, not a block to skip.
pub(crate) fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            assert!(
                !line.trim_start().starts_with("```"),
                "{page}:{number}: blocks start in the first column"
            );
            continue;
        };
        let kind = kind(info).unwrap_or_else(|| panic!("{page}:{number}: unknown info string `{info}`"));
        let inside: Vec<String> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .map(str::to_owned)
            .collect();
        blocks.push(Block {
            kind,
            line: number + 1,
            lines: inside,
        });
    }
    blocks
}

fn kind(info: &str) -> Option<Kind> {
    let words: Vec<&str> = info.split_whitespace().collect();
    Some(match *words {
        ["yaml"] => Kind::Apply {
            refused: false,
            example: None,
        },
        ["yaml", "refused"] => Kind::Apply {
            refused: true,
            example: None,
        },
        ["yaml", "rules"] => Kind::Rules,
        ["yaml", "values"] => Kind::Values,
        ["yaml", "config", ref rest @ ..] => {
            let named = |prefix| {
                rest.iter()
                    .find_map(|word| word.strip_prefix(prefix).map(str::to_owned))
            };
            let (example, file) = (named("example="), named("file="));
            if rest.len() != example.iter().len() + file.iter().len() {
                return None;
            }
            Kind::Config { example, file }
        }
        ["json", file] => Kind::File(file.strip_prefix("file=")?.to_owned()),
        ["yaml", other] => Kind::Apply {
            refused: false,
            example: Some(other.strip_prefix("example=")?.to_owned()),
        },
        ["console"] => Kind::Console { fails: false },
        ["console", "fails"] => Kind::Console { fails: true },
        ["output"] => Kind::Output,
        ["metrics"] => Kind::Metrics,
        ["text"] => Kind::Text,
        _ => return None,
    })
}

/// The commands of a console block: `$ ` starts one, a backslash at the end of a line continues it.
pub(crate) fn commands(page: &str, block: &Block) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut continues = false;
    for (line, text) in (block.line..).zip(&block.lines) {
        match (text.strip_prefix("$ "), commands.last_mut()) {
            (Some(start), _) if !continues => {
                commands.push(Command {
                    line,
                    text: start.to_owned(),
                    prints: Vec::new(),
                });
            }
            (_, None) => panic!("{page}:{line}: a console block starts with `$ `"),
            (_, Some(command)) if continues => {
                command.text.push('\n');
                command.text.push_str(text);
            }
            (_, Some(command)) => {
                command.prints.push(text.clone());
                continue;
            }
        }
        continues = text.ends_with('\\');
    }
    commands
}

#[test]
fn a_page_is_cut_into_blocks() {
    let page = "# T\n```yaml refused\na: 1\n```\ntext\n```console fails\n$ a \\\n  b\nout\n\n$ c\n```\n";
    let blocks = blocks("p", page);
    assert_eq!(
        blocks[0].kind,
        Kind::Apply {
            refused: true,
            example: None
        }
    );
    assert_eq!((blocks[0].line, blocks[0].text().as_str()), (3, "a: 1\n"));
    assert_eq!(blocks[1].kind, Kind::Console { fails: true });
    let command = |line, text: &str, prints: &[&str]| Command {
        line,
        text: text.to_owned(),
        prints: prints.iter().map(|&p| p.to_owned()).collect(),
    };
    assert_eq!(
        commands("p", &blocks[1]),
        [command(7, "a \\\n  b", &["out", ""]), command(11, "c", &[])]
    );
}

#[test]
fn no_block_is_skipped_in_silence() {
    for info in [
        "",
        "sh",
        "yaml skip",
        "console nocheck",
        "yaml example",
        "json",
        "json skip",
    ] {
        assert_eq!(kind(info), None, "{info}");
    }
}
