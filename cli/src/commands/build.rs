//! `dag build`: makes the component of a project.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::output;
use crate::project::{Project, template};

/// Make the component of a project, with the language's own tools
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag build
  dag build --watch
  dag build --json
  dag build --folder ../smooth && dag deploy ../smooth/build/smooth.wasm

Each command that it calls is shown. Nothing is installed outside of the project's folder but into the tools' own caches."#)]
pub struct Build {
    /// The project's folder, or one in it
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Build again whenever a file of the project changes
    #[arg(long)]
    watch: bool,
    /// Before that, put the SDK that this dag has into the project's sdk/
    #[arg(long)]
    sdk: bool,
    /// Before that, get what the language's tools lack and do not fetch themselves
    #[arg(long)]
    setup: bool,
    /// Print what was built as JSON: its path, its digest, its size, and how long that took
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

impl Build {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        let project = Project::find(&self.folder)?;
        if self.sdk {
            template::write_sdk(&project.folder, project.language)?;
        }
        if self.setup {
            (project.language.setup)()?;
        }
        if !self.watch {
            let built = project.build()?;
            match self.json {
                true => output::json(&built.json())?,
                false => output::line(&built.path.display().to_string())?,
            }
            return Ok(Exit::Done);
        }
        crate::project::watch::each_change(&project, |project| {
            if let Err(error) = project.build() {
                output::note(&format!("error: {error:#}"));
            }
            Ok(())
        })
    }
}
