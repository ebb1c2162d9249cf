//! `dag test`: whether operators keep what every operator has to.
//!
//! [`loaded`] is what a component says of itself, [`tried`] what became of its operators, [`costs`] what they cost, [`remembered`] what memory they have.

mod costs;
mod loaded;
mod remembered;
mod tried;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use dag_conformance::memory::MARKS;
use dag_conformance::{Effort, Verdict, check};
use dag_expr::Signature;
use serde_json::{Value, json};

use crate::duration::Span;
use crate::exit::Exit;
use crate::output;
use crate::project::Project;
use crate::project::compute::{Input, compute, difference};
use loaded::Loaded;

/// Run a project's unit tests, then try its operators, or those of any component, in many random ways that have to give the same
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag test
  dag test op.wasm
  dag test op.wasm --time 1min
  dag test op.wasm --json
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
    /// Print what was found as one JSON object, when all of it has been
    #[arg(long, conflicts_with = "expr")]
    json: bool,
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
                project.build()?.path
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
        let loaded = Loaded::of(file)?;
        self.say(&loaded.text())?;
        let is_asked = |signature: &&Signature| self.operator.as_ref().is_none_or(|name| *name == signature.name);
        let signatures: Vec<_> = loaded.component.signatures().iter().filter(is_asked).collect();
        if let (Some(name), []) = (&self.operator, &*signatures) {
            bail!("{} has no operator `{name}`", file.display());
        }
        let (operators, exit) = match self.calls {
            Some(calls) => self.remembered(&loaded, &signatures, calls)?,
            None => self.tried(&loaded, &signatures)?,
        };
        if self.json {
            let mut found = loaded.json();
            found["operators"] = operators.into();
            output::json(&found)?;
        }
        Ok(exit)
    }

    /// What becomes of each operator, and what it costs.
    fn tried(&self, loaded: &Loaded, signatures: &[&Signature]) -> anyhow::Result<(Vec<Value>, Exit)> {
        let (mut operators, mut exit) = (Vec::new(), Exit::Done);
        for signature in signatures {
            self.say(&format!("\n  {}\n      {}\n", signature.usage(), signature.doc))?;
            let verdict = check(&loaded.component, signature, Effort { time: self.time.0 });
            self.say(&tried::text(&verdict))?;
            if matches!(verdict, Verdict::Breaks(_)) {
                exit = Exit::Failed;
            }
            operators.push(json!({"name": signature.name, "usage": signature.usage(), "doc": signature.doc}));
            tried::add(operators.last_mut().expect("it was pushed"), verdict);
        }
        let costs = costs::of(&loaded.component, signatures);
        self.say(&format!("\n{}", costs::text(&costs)))?;
        operators.iter_mut().zip(&costs).for_each(|(operator, cost)| cost.add(operator));
        Ok((operators, exit))
    }

    /// What memory each operator has after so many calls.
    fn remembered(&self, loaded: &Loaded, signatures: &[&Signature], calls: u64) -> anyhow::Result<(Vec<Value>, Exit)> {
        let (mut operators, mut exit) = (Vec::new(), Exit::Done);
        for signature in signatures {
            self.say(&format!("\n  {}\n{}", signature.usage(), remembered::HEADING))?;
            // Whoever has gone away is told of by what follows.
            let shown = |line: &str| self.say(line).unwrap_or_default();
            let remembered = remembered::of(&loaded.component, signature, calls, shown)?;
            self.say(&remembered.text())?;
            if remembered.grows() {
                exit = Exit::Failed;
            }
            operators.push(remembered.json());
        }
        Ok((operators, exit))
    }

    /// Prints what is for people, where that is wanted.
    fn say(&self, text: &str) -> std::io::Result<()> {
        if self.json { Ok(()) } else { output::text(text) }
    }
}
