//! What an expression with a component's operators makes of records, without a node.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use dag_codec::Format;
use dag_node::pipe::{PipeOptions, PipeReport};

use crate::commands::create::SourceArgs;
use crate::commands::publish::input::with_format;
use crate::folder::Folder;
use crate::output;

/// Records that the expression is computed over.
pub struct Input {
    bytes: Vec<u8>,
    format: Format,
}

impl Input {
    /// The records of a file; their format shows in its first byte.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(path: &Path) -> Result<Input> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (_, format) = with_format(Box::new(Cursor::new(bytes.clone())), None)?;
        Ok(Input { bytes, format })
    }

    /// Made-up records: five minutes of three hosts, a value each second that swings and has spikes.
    pub fn made_up() -> Input {
        let mut csv = "time,host,value\n".to_owned();
        for second in 0..300_u32 {
            let host = ["web1", "web2", "db"][second as usize % 3];
            let value = 50.0 + 30.0 * (f64::from(second) / 20.0).sin() + f64::from(second * 7 % 11);
            csv += &format!("{second},{host},{value:.2}\n");
        }
        Input { bytes: csv.into_bytes(), format: Format::Csv }
    }
}

/// What comes out, one JSON object a line. What is wrong with the records is said on standard error.
///
/// # Errors
/// If the component, the expression or the records are not taken.
pub fn compute(component: &Path, expression: &str, input: &Input) -> Result<String> {
    let component = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let scratch = Folder::new("dag-compute-")?;
    let options = PipeOptions {
        expr: expression.to_owned(),
        components: vec![component.into()],
        input: input.format,
        output: Some(Format::Json),
        settings: serde_json::from_value(SourceArgs::with_times(None, None, None).request("", &[]))?,
        workers: thread::available_parallelism().map_or(1, usize::from),
        scratch: scratch.path().to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut output = Vec::new();
    let PipeReport { refused, refusals, .. } =
        runtime.block_on(dag_node::pipe::run(options, Cursor::new(input.bytes.clone()), &mut output))?;
    if refused > 0 {
        let why = refusals.first().map(|first| format!(": {first:?}")).unwrap_or_default();
        output::note(&format!("{} of the input could not be read{why}", output::count(refused, "record")));
    }
    Ok(String::from_utf8(output)?)
}

/// The lines in which two texts differ, as `diff` marks them; empty where they are the same.
pub fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let rest = before.len().min(after.len()) - same;
    let behind = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let gone = before[same..before.len() - behind].iter().map(|line| format!("- {line}\n"));
    let new = after[same..after.len() - behind].iter().map(|line| format!("+ {line}\n"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n"), "- b\n+ x\n");
        assert_eq!(difference("a\nb\n", "a\nb\n"), "");
        assert_eq!(difference("a\na\n", "a\na\na\n"), "+ a\n");
    }
}
