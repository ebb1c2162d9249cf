//! From a template's files to a project's.
//!
//! `cli/templates/LANGUAGE/KIND/` has a project as `dag new` writes it, in which
//!
//! - `{{project}}` in a text stands for the project's name as it was given (`my-ops`), which is the component's, too; `{{operator}}` for the
//!   operator's (`my_ops`), `{{Operator}}` for a type's (`MyOps`), `{{dag}}` for this binary's version;
//! - `__operator__` in a file's name stands for the operator's name;
//! - `dot-` at the beginning of a file's name stands for a dot, and `.template` at its end for nothing, so that no tool takes the template itself
//!   for a project.
//!
//! `dag.toml` and `sdk/` are written beside it for every language alike.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{MANIFEST, Manifest, embedded};
use crate::languages::Language;

/// What `sdk/README.md` says.
const SDK_README: &str = "\
What is in here came with the `dag` that made this project, and is not meant to be changed. `dag build --sdk` puts what the `dag` at hand has in its place.
";

/// Writes a project into a folder, which must be new or empty, and tells its files, as paths from there.
///
/// # Errors
/// If it is neither, or cannot be written to.
pub fn write(folder: &Path, manifest: &Manifest, language: &Language) -> Result<Vec<String>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        bail!("the folder {} is not empty", folder.display());
    }
    let files = embedded::template(language.templates, manifest.kind.name());
    let text = |(name, bytes)| -> Result<(&str, &str)> {
        Ok((name, std::str::from_utf8(bytes).with_context(|| format!("the template's {name} is not text"))?))
    };
    let files: Vec<_> = files.into_iter().map(text).collect::<Result<_>>()?;
    let mut words: BTreeSet<&str> = language.words.iter().copied().collect();
    words.extend(files.iter().flat_map(|(_, text)| text.split(|char: char| !char.is_alphanumeric() && char != '_')));
    let names = Names::of(&manifest.name, &words);
    let mut written = Vec::new();
    for (name, text) in files {
        let path = names.path(name);
        put(folder, &path, names.text(text).as_bytes())?;
        written.push(path);
    }
    put(folder, MANIFEST, manifest.text().as_bytes())?;
    written.push(MANIFEST.to_owned());
    written.extend(write_sdk(folder, language)?);
    Ok(written)
}

/// Writes the SDK of this binary into a project, in the place of what was there, and tells its files, as paths from there.
///
/// # Errors
/// If it cannot be written.
pub fn write_sdk(folder: &Path, language: &Language) -> Result<Vec<String>> {
    let sdk = folder.join("sdk");
    if sdk.exists() {
        fs::remove_dir_all(&sdk).with_context(|| format!("cannot remove {}", sdk.display()))?;
    }
    let mut written = Vec::new();
    for (name, bytes) in language.sdk.iter().flat_map(|part| part.files()) {
        let path = name.strip_suffix(".template").unwrap_or(&name);
        put(folder, path, bytes)?;
        written.push(path.to_owned());
    }
    put(folder, "sdk/README.md", SDK_README.as_bytes())?;
    written.push("sdk/README.md".to_owned());
    Ok(written)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let parent = path.parent().expect("it lies in the folder");
    fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A project's name in the forms in which it is needed.
struct Names {
    project: String,
    operator: String,
    ty: String,
}

impl Names {
    /// `words` are those that a type cannot be called, since the template or the language mean something else by them.
    fn of(project: &str, words: &BTreeSet<&str>) -> Names {
        let parts = project.split(['-', '_']).map(|part| match part.split_at_checked(1) {
            Some((first, rest)) => first.to_uppercase() + rest,
            None => String::new(),
        });
        let mut ty: String = parts.collect();
        // In the template itself the word is a placeholder.
        if words.contains(ty.as_str()) {
            ty.push_str("Operator");
        }
        Names { project: project.to_owned(), operator: project.replace('-', "_"), ty }
    }

    fn text(&self, text: &str) -> String {
        text.replace("{{project}}", &self.project)
            .replace("{{operator}}", &self.operator)
            .replace("{{Operator}}", &self.ty)
            .replace("{{dag}}", env!("CARGO_PKG_VERSION"))
    }

    fn path(&self, path: &str) -> String {
        let part = |part: &str| {
            let part = part.strip_suffix(".template").unwrap_or(part).replace("__operator__", &self.operator);
            part.strip_prefix("dot-").map_or(part.clone(), |rest| format!(".{rest}"))
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_what_they_are_for() {
        let words = BTreeSet::from(["Fold", "None"]);
        assert_eq!(Names::of("fold", &words).text("{{operator}} {{Operator}}"), "fold FoldOperator");
        let names = Names::of("my-first_op2", &words);
        assert_eq!(names.text("{{project}} {{operator}} {{Operator}}"), "my-first_op2 my_first_op2 MyFirstOp2");
        assert_eq!(names.path("src/__operator__.go"), "src/my_first_op2.go");
        assert_eq!(names.path("dot-gitignore"), ".gitignore");
        assert_eq!(names.path("go.mod.template"), "go.mod");
    }

    #[test]
    fn every_language_has_a_project_of_both_kinds_with_a_readme_and_a_gitignore() {
        for language in crate::languages::ALL {
            for kind in ["aggregate", "transform"] {
                let names: Vec<_> =
                    embedded::template(language.templates, kind).into_iter().map(|(name, _)| name).collect();
                for needed in ["README.md", "dot-gitignore"] {
                    assert!(names.contains(&needed), "{} {kind}: {names:?}", language.name);
                }
            }
        }
    }
}
