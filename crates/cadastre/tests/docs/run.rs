//! Runs a page from top to bottom.

use std::time::{Duration, Instant};

use crate::{
    expect::matches,
    markdown::{self, Block, Command, Kind},
    stage::{Place, Ran},
};

/// How long something that is looked at may take to look as the page says.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// More problems than this are most likely consequences of the first ones.
const ENOUGH: usize = 8;

const APPLY: &str = "kubectl apply --server-side --force-conflicts -f -";

/// Commands that change nothing: the cluster may need a moment until it looks as shown, so they are asked again.
const LOOKS: [&str; 7] = [
    "kubectl get ",
    "kubectl describe ",
    "kubectl events",
    "cadastre pools",
    "cadastre explain ",
    "cadastre check",
    "kubectl cadastre ",
];

/// Runs all blocks of a page. Goes on after a mismatch, so that one run shows all of them.
pub(crate) async fn page(page: &str, stage: &impl Place) -> Vec<String> {
    let blocks = markdown::blocks(page, &markdown::read(page));
    let mut run = Run {
        page,
        stage,
        problems: Vec::new(),
        applied: None,
    };
    for block in &blocks {
        if run.problems.len() >= ENOUGH {
            break;
        }
        run.block(block).await;
    }
    run.problems
}

struct Run<'a, P> {
    page: &'a str,
    stage: &'a P,
    problems: Vec<String>,
    applied: Option<Ran>,
}

impl<P: Place> Run<'_, P> {
    async fn block(&mut self, block: &Block) {
        let applied = self.applied.take();
        match &block.kind {
            Kind::Apply { refused, example } => {
                if let Some(example) = example {
                    self.same_as(block, example);
                }
                let ran = self.stage.bash(APPLY, &block.text());
                if ran.ok == *refused {
                    let what = if *refused {
                        "was not refused"
                    } else {
                        "was refused"
                    };
                    self.problem(block.line, what, &[], &ran);
                }
                self.applied = Some(ran);
            }
            Kind::Output => match applied {
                Some(ran) if matches(&block.lines, &ran.printed) => {}
                Some(ran) => self.problem(block.line, "another answer", &block.lines, &ran),
                None => self
                    .problems
                    .push(format!("{}:{}: output of nothing", self.page, block.line)),
            },
            Kind::Console { fails } => {
                let commands = markdown::commands(self.page, block);
                let last = commands.len() - 1;
                for (number, command) in commands.iter().enumerate() {
                    self.command(command, *fails && number == last).await;
                }
            }
            Kind::Metrics => self.metrics(block).await,
            Kind::File(path) | Kind::Config { file: Some(path), .. } => {
                self.stage.write(path, &block.text());
            }
            // Rules are looked at once the metrics are known (`reference.rs`), files of the cloud controller in `cloud.rs`.
            Kind::Rules | Kind::Config { file: None, .. } | Kind::Values | Kind::Text => {}
        }
    }

    async fn metrics(&mut self, block: &Block) {
        let end = Instant::now() + PATIENCE;
        loop {
            let served = self.stage.metrics().await;
            if block.lines.iter().all(|line| served.lines().any(|s| s == line)) {
                return;
            }
            if Instant::now() >= end {
                let ran = Ran {
                    ok: true,
                    printed: served,
                };
                return self.problem(block.line, "other metrics", &block.lines, &ran);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn same_as(&mut self, block: &Block, example: &str) {
        let file = format!("deploy/examples/{example}");
        if markdown::read(&file) != block.text() {
            self.problems
                .push(format!("{}:{}: differs from {file}", self.page, block.line));
        }
    }

    async fn command(&mut self, command: &Command, fails: bool) {
        let is_look = LOOKS.iter().any(|look| command.text.starts_with(look));
        let started = Instant::now();
        let end = started + if is_look { PATIENCE } else { Duration::ZERO };
        loop {
            let ran = self.stage.bash(&command.text, "");
            let as_shown = command.prints.is_empty() || matches(&command.prints, &ran.printed);
            if ran.ok != fails && as_shown {
                println!(
                    "{}:{}: {} ms: {}",
                    self.page,
                    command.line,
                    started.elapsed().as_millis(),
                    command.text
                );
                return;
            }
            if Instant::now() >= end {
                let what = format!("`{}`{}", command.text, if fails { " (must fail)" } else { "" });
                return self.problem(command.line, &what, &command.prints, &ran);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn problem(&mut self, line: usize, what: &str, expected: &[String], ran: &Ran) {
        let outcome = if ran.ok { "succeeded" } else { "failed" };
        let expected = expected.join("\n");
        let page = self.page;
        let printed = &ran.printed;
        self.problems.push(format!(
            "{page}:{line}: {what}\n--- page\n{expected}\n--- {outcome} with\n{printed}"
        ));
    }
}
