//! `dag test`: whether operators keep what every operator has to.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use dag_conformance::cost::BATCHES;
use dag_conformance::memory::{GROWTH, MARKS};
use dag_conformance::{Effort, Failure, Verdict, check, cost, instance, memory};
use dag_expr::Signature;
use dag_wasm::{Component, Import, Limits, Runtime, RuntimeOptions};

use crate::commands::deploy::imports;
use crate::duration::Span;
use crate::exit::Exit;
use crate::output::{self, Listing};
use crate::project::Project;
use crate::project::compute::{Input, compute, difference};

/// Records of the largest frames that `--calls` calls with.
const MOST_ROWS: u64 = 4_096;

/// Run a project's unit tests, then try its operators, or those of any component, in many random ways that have to give the same
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag test
  dag test op.wasm
  dag test op.wasm --time 1min
  dag test op.wasm --calls 1000000
  dag test op.wasm --expr "ema(x, 0.2)" --input records.ndjson
  dag test op.wasm --expr "ema(x, 0.2)" --input records.ndjson --expect averages.ndjson

Without a file it builds the project at hand. Operators are tried on made-up records, with the arguments of their own examples: in random batches, told more or less
often how far time has come, going on from snapshots, beside another instance, with keys spread over two instances. Where the output is not the same, the
shortest case that was found is shown. A record that an operator refuses in every way is no failure."#)]
pub struct Test {
    /// A component, instead of a project
    #[arg(value_name = "FILE")]
    component: Option<PathBuf>,
    /// The project's folder, or one in it
    #[arg(long, value_name = "FOLDER", default_value = ".", conflicts_with = "component")]
    folder: PathBuf,
    /// Instead, show what this makes of the records of --input
    #[arg(long, value_name = "EXPR", requires = "input")]
    expr: Option<String>,
    /// The records; any one name in the expression stands for them
    #[arg(long, value_name = "FILE", requires = "expr")]
    input: Option<PathBuf>,
    /// What should come out, one JSON object a line; shown is the difference, and the exit code is 1 where there is one
    #[arg(long, value_name = "FILE", requires = "expr")]
    expect: Option<PathBuf>,
    /// How long each operator is tried, at most
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    time: Span,
    /// Try only this one of its operators
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Instead, call each operator so often with 1 to 4,096 records, and show its memory at each tenth; the exit code is 1 where it grew by more than 2 % since the first
    #[arg(long, value_name = "COUNT", conflicts_with = "expr", value_parser = clap::value_parser!(u64).range(MARKS..))]
    calls: Option<u64>,
}

impl Test {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let file = match &self.component {
            Some(file) => file.clone(),
            None => {
                let project = Project::find(&self.folder)?;
                if self.expr.is_none() && self.calls.is_none() {
                    project.language.tools.iter().try_for_each(|tool| tool.check())?;
                    (project.language.test)(&project)?.iter().try_for_each(|step| step.run(&project))?;
                }
                project.build()?
            }
        };
        match (&self.expr, &self.input) {
            (Some(expression), Some(input)) => self.over_records(&file, expression, input),
            _ => self.component(&file),
        }
    }

    /// Shows what an expression makes of records, or how that differs from what is expected.
    fn over_records(&self, file: &Path, expression: &str, input: &Path) -> anyhow::Result<Exit> {
        let found = compute(file, expression, &Input::file(input)?)?;
        let Some(expected) = &self.expect else {
            output::text(&found)?;
            return Ok(Exit::Done);
        };
        let expected =
            std::fs::read_to_string(expected).with_context(|| format!("cannot read {}", expected.display()))?;
        let difference = difference(&expected, &found);
        if difference.is_empty() {
            output::note(&format!("{} as expected", output::count(found.lines().count() as u64, "record")));
            return Ok(Exit::Done);
        }
        output::text(&difference)?;
        Ok(Exit::Failed)
    }

    /// Tries the operators of a component, and tells what a user must know of it.
    fn component(&self, file: &Path) -> anyhow::Result<Exit> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let runtime = Runtime::new(RuntimeOptions::default())?;
        let begun = Instant::now();
        let built = runtime
            .build(&bytes, Limits::default())
            .with_context(|| format!("{} cannot be deployed", file.display()))?;
        let compiling = begun.elapsed();
        let begun = Instant::now();
        let component = runtime.open(built.digest, &built.code, built.description)?;
        output::text(&format!(
            "{} {}: {}, compiled in {:.1} s, loaded in {:.2} ms\n",
            component.name(),
            component.version(),
            output::bytes(built.bytes.len() as u64),
            compiling.as_secs_f64(),
            begun.elapsed().as_secs_f64() * 1e3
        ))?;
        output::text(&imports(&shown(&component.description().imports)))?;
        let is_asked = |signature: &&Signature| self.operator.as_ref().is_none_or(|name| *name == signature.name);
        let signatures: Vec<_> = component.signatures().iter().filter(is_asked).collect();
        if let (Some(name), []) = (&self.operator, &*signatures) {
            bail!("{} has no operator `{name}`", file.display());
        }
        if let Some(calls) = self.calls {
            return remembered(&component, &signatures, calls);
        }
        let mut exit = Exit::Done;
        for signature in &signatures {
            output::text(&format!("\n  {}\n      {}\n", signature.usage(), signature.doc))?;
            let verdict = check(&component, signature, Effort { time: self.time.0 });
            output::text(&said(&verdict))?;
            if matches!(verdict, Verdict::Breaks(_)) {
                exit = Exit::Failed;
            }
        }
        output::text(&format!("\n{}", costs(&component, &signatures)))?;
        Ok(exit)
    }
}

/// Shows at each tenth of so many calls what memory an instance has, and what all of this process has.
fn remembered(component: &Component, signatures: &[&Signature], calls: u64) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for signature in signatures {
        output::text(&format!("\n  {}\n      AFTER CALLS  AN INSTANCE  THIS PROCESS\n", signature.usage()))?;
        let mut resident = Vec::new();
        let mark = |calls: u64, instance: u64| {
            let process = resident_memory();
            resident.push(process);
            let line = format!("      {calls:>11}  {:>11}  {:>12}\n", output::bytes(instance), output::bytes(process));
            // Whoever has gone away is told of by what follows.
            let _ = output::text(&line);
        };
        let instance =
            memory(component, signature, calls, MOST_ROWS, mark).map_err(|why| anyhow!("{}: {why}", signature.name))?;
        let grew = |marks: &[u64]| marks[marks.len() - 1] as f64 > marks[0] as f64 * GROWTH;
        let verdict = match (grew(&instance), grew(&resident)) {
            (false, false) => "memory stays as it is",
            (true, _) => "ITS MEMORY GROWS",
            (false, true) => "THIS PROCESS'S MEMORY GROWS, and the instance's does not",
        };
        if grew(&instance) || grew(&resident) {
            exit = Exit::Failed;
        }
        output::text(&format!("      {verdict}\n"))?;
    }
    Ok(exit)
}

/// The bytes of memory that this process has.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    resident.and_then(|resident| resident.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Imports as a node shows them.
fn shown(imports: &[Import]) -> Vec<dag_api::Import> {
    let shown = |import: &Import| dag_api::Import {
        name: import.name.clone(),
        answer: import.answer.to_string(),
        says: import.answer.says().to_owned(),
    };
    imports.iter().map(shown).collect()
}

/// A verdict, for people.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds(ways) => format!("      the same in {ways} random ways\n"),
        Verdict::Untried(why) => format!("      not tried: {why}\n"),
        Verdict::Breaks(failure) => {
            let Failure { case, what } = &**failure;
            let case: String = case.lines().map(|line| format!("          {line}\n")).collect();
            format!(
                "      BREAKS ITS CONTRACT: {what}\n      the shortest case that was found, over records in this order:\n{case}"
            )
        }
    }
}

/// What each operator costs.
fn costs(component: &Component, signatures: &[&Signature]) -> String {
    let batches = BATCHES.map(|rows| format!("BATCHES OF {rows}"));
    let headings: Vec<_> = std::iter::once("NS PER RECORD")
        .chain(batches.iter().map(String::as_str))
        .chain(["AN INSTANCE IS MADE IN", "AND HAS"])
        .collect();
    let mut listing = Listing::new(&headings);
    for signature in signatures {
        let cells = match (cost(component, signature), instance(component, signature)) {
            (Ok(cost), Ok((made, memory))) => {
                let made = format!("{:.2} ms", made.as_secs_f64() * 1e3);
                cost.map(|ns| format!("{ns:.1}")).into_iter().chain([made, output::bytes(memory)]).collect()
            }
            _ => vec!["-".to_owned(); BATCHES.len() + 2],
        };
        listing.row(std::iter::once(signature.name.clone()).chain(cells).collect());
    }
    listing.render()
}
