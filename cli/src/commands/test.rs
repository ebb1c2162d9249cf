//! `dag test`: whether an operator keeps what every operator has to.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::project::Project;

/// Run a project's unit tests, and build it
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag test
  dag test --folder ../smooth"#)]
pub struct Test {
    /// The project's folder, or one in it
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

impl Test {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let project = Project::find(&self.folder)?;
        project.language.tools.iter().try_for_each(|tool| tool.check())?;
        (project.language.test)(&project)?.iter().try_for_each(|step| step.run(&project))?;
        project.build()?;
        Ok(Exit::Done)
    }
}
