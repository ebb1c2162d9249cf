//! `dag dev`: builds a project at each save, and shows what comes out of it: computed over the same records again, or ([`live`]) by a node that goes on.

mod live;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use dag_wasm::{Limits, Runtime, RuntimeOptions};

use crate::exit::Exit;
use crate::output;
use crate::project::Project;
use crate::project::compute::{Input, compute, difference};
use crate::project::watch::each_change;

/// Lines that are shown of what came out at first.
const SHOWN: usize = 20;

/// At each save of a project, build it, and show how what an expression makes of some records has changed
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag dev
  dag dev --expr "ema(x, 0.2, by=host)" --input records.csv
  dag dev --live
  dag dev --live --expr "avg(smooth(x, 0.2), 10s)"

Each save is computed over the same records, so that what is shown as changed has changed because of the save. With --live a node of its own runs meanwhile, each
save is deployed to it, and what comes is computed by what was deployed last: running computations go on with their state where the operator reads it.

Without --expr it is the first operator's own example, and without --input over five minutes of made-up records with the columns `host` and `value`."#)]
pub struct Dev {
    /// The project's folder, or one in it
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// What to compute; any one name in it stands for the records
    #[arg(long, value_name = "EXPR")]
    expr: Option<String>,
    /// The records
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Run a node for as long as this runs, deploy each save to it, and show results as they come; without --input of a made-up record each second
    #[arg(long)]
    live: bool,
}

impl Dev {
    /// Runs the command.
    pub fn run(self) -> Result<Exit> {
        output::ends_with_its_reader()?;
        let project = Project::find(&self.folder)?;
        if self.live {
            return live::run(&project, self.expr.as_deref(), self.input.as_deref());
        }
        let mut before: Option<String> = None;
        each_change(&project, |project| {
            match self.results(project) {
                Ok((expression, results)) => {
                    show(&expression, before.as_deref(), &results)?;
                    before = Some(results);
                }
                Err(error) => output::note(&format!("error: {error:#}")),
            }
            Ok(())
        })
    }

    /// What is computed, and what comes out.
    fn results(&self, project: &Project) -> Result<(String, String)> {
        let component = project.build()?.path;
        let expression = match &self.expr {
            Some(expression) => expression.clone(),
            None => own_example(&component)?,
        };
        let input = self.input.as_deref().map_or_else(|| Ok(Input::made_up()), Input::file)?;
        let results = compute(&component, &expression, &input)?;
        Ok((expression, results))
    }
}

/// The example of the first operator of a component.
fn own_example(component: &Path) -> Result<String> {
    let bytes = std::fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let built = Runtime::new(RuntimeOptions::default())?.build(&bytes, Limits::default())?;
    Ok(built.description.signatures[0].example.clone())
}

/// The results, or how they differ from those before.
fn show(expression: &str, before: Option<&str>, results: &str) -> Result<()> {
    let count = results.lines().count();
    let records = output::count(count as u64, "record");
    let Some(before) = before else {
        let shown: String = results.lines().take(SHOWN).map(|line| format!("{line}\n")).collect();
        let rest = if count > SHOWN { format!("... {} more\n", count - SHOWN) } else { String::new() };
        return Ok(output::text(&format!("{expression}: {records}\n{shown}{rest}"))?);
    };
    let difference = difference(before, results);
    let lines = difference.lines().count();
    let shown: String = difference.lines().take(SHOWN).map(|line| format!("{line}\n")).collect();
    let rest = if lines > SHOWN { format!("... {} more\n", lines - SHOWN) } else { String::new() };
    let told = if lines == 0 { "as before" } else { "changed" };
    Ok(output::text(&format!("{expression}: {records}, {told}\n{shown}{rest}"))?)
}
