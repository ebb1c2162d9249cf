//! `dag new`: makes a project for an operator.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use dag_expr::syntax::name::is_reserved;
use serde_json::json;

use crate::exit::{Exit, misuse};
use crate::languages::{ALL, Language};
use crate::output;
use crate::project::{Kind, Manifest, NAME_RULE, is_name, template};

/// Make a small project with an operator of your own, which builds and has a test
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  dag new rms --lang rust --kind aggregate
  dag new smooth --lang go --kind transform
  dag new smooth --lang ts --kind transform --json
  cd smooth && dag test && dag build && dag deploy build/smooth.wasm

All that it needs of dag, the SDK and the interface, is written into it."#)]
pub struct New {
    /// What the project is called, and what its folder, its component and its operator are called after
    #[arg(value_name = "NAME")]
    name: String,
    /// The language that it is written in
    #[arg(long, value_name = "LANGUAGE", value_parser = language())]
    lang: &'static Language,
    /// What kind of operator it has
    #[arg(long)]
    kind: Kind,
    /// Where to make it [default: a new folder called NAME]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Print what was made as JSON: the folder, and the files in it
    #[arg(long)]
    json: bool,
}

/// The languages by name.
fn language() -> impl TypedValueParser<Value = &'static Language> {
    let names = PossibleValuesParser::new(ALL.iter().map(|language| language.name));
    names.map(|name| Language::find(&name).expect("it is one of the possible values"))
}

impl New {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        if !is_name(&self.name) {
            return Err(misuse(format!("`{}` cannot be a project's name: {NAME_RULE}", self.name)));
        }
        let operator = self.name.replace('-', "_");
        if is_reserved(&operator) {
            return Err(misuse(format!(
                "an operator cannot be called `{operator}`: that is a word of the language of expressions; choose another name, such as `my-{}`",
                self.name
            )));
        }
        let folder = self.folder.as_deref().unwrap_or(Path::new(&self.name));
        let manifest = Manifest { name: self.name.clone(), language: self.lang.name.to_owned(), kind: self.kind };
        let files = template::write(folder, &manifest, self.lang)?;
        if self.json {
            output::json(&json!({"folder": folder.display().to_string(), "files": files}))?;
            return Ok(Exit::Done);
        }
        output::text(&format!(
            "made {} in {}, an operator in {}; next:\n  cd {}\n  dag test     # its unit tests, then what every operator has to keep\n  dag build    # makes build/{}.wasm\n",
            self.kind.name(),
            folder.display(),
            self.lang.title,
            folder.display(),
            self.name
        ))?;
        Ok(Exit::Done)
    }
}
