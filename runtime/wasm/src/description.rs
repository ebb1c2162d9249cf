//! What a component says of itself, checked before anybody relies on it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use dag_expr::{Kind, MAX_INPUTS, Signature};
use serde::{Deserialize, Serialize};

use crate::bindings::types;
use crate::convert;
use crate::wasi::{self, import::Import};
use crate::words;

/// Operators that one component may export.
const OPERATORS: usize = 256;
/// Parameters that one operator may have.
const PARAMETERS: usize = 32;
/// Bytes of a name.
const NAME: usize = 64;
/// Bytes of a doc, an example or a default.
const TEXT: usize = 4096;
/// Versions of state that one operator may read.
const STATES: usize = 64;
/// Interfaces that one component may import: several times those that there are to import.
const IMPORTS: usize = 256;

/// A component's version. Displayed as `1.2.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second.
    pub minor: u64,
    /// The third.
    pub patch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = DescriptionError;

    fn from_str(text: &str) -> Result<Version, DescriptionError> {
        let numbers: Option<Vec<u64>> = text
            .split('.')
            .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?)
            .collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Version { major, minor, patch }),
            _ => Err(DescriptionError::Version(words::fit(text.into()))),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = DescriptionError;

    fn try_from(text: String) -> Result<Version, DescriptionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

/// What is wrong with what a component says of itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// The component's name.
    #[error("the component's name `{0}` is not of letters, digits, `_` and `-`, a letter first, at most {NAME}")]
    Name(String),
    /// The component's version.
    #[error("the component's version `{0}` is not three numbers with dots, such as 1.2.0")]
    Version(String),
    /// Its two worlds name different components.
    #[error("its aggregates say that the component is `{0}`, its transforms `{1}`")]
    TwoNames(String, String),
    /// It has no operator, or too many.
    #[error("the component exports {0} operators; 1 to {OPERATORS} are allowed")]
    Count(usize),
    /// It imports too much.
    #[error("the component imports {0} interfaces; {IMPORTS} are allowed")]
    Imports(usize),
    /// An import that is not answered as it says.
    #[error("the import `{0}` is not answered so")]
    Import(String),
    /// An operator's name is not one, or reserved.
    #[error(
        "an operator cannot be called `{0}`: names are of letters, digits and `_`, at most {NAME}, and no reserved word"
    )]
    OperatorName(String),
    /// Two operators of one name.
    #[error("the component has two operators called `{0}`")]
    Twice(String),
    /// Something in an operator's signature, which is named.
    #[error("{0}")]
    Signature(String),
}

/// A component's name, version and operators. Persisted as JSON, and sent so by the process that builds components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Such as `std-aggregates`.
    pub name: String,
    /// Such as 1.2.0.
    pub version: Version,
    /// What it exports.
    pub signatures: Vec<Signature>,
    /// What it imports, and how that is answered. Of components that were deployed before this was kept there is none: they import
    /// dag's own interface alone.
    #[serde(default)]
    pub imports: Vec<Import>,
}

/// Checks and joins what a component says of its aggregates and of its transforms, beside what it was found to import.
pub(crate) fn check(
    described: Vec<(Kind, types::Description)>,
    imports: Vec<Import>,
) -> Result<Description, DescriptionError> {
    let mut joined: Option<Description> = None;
    for (kind, described) in described {
        let version = described.version.parse()?;
        if !is_component_name(&described.name) {
            return Err(DescriptionError::Name(words::fit(described.name)));
        }
        let description = joined.get_or_insert_with(|| Description {
            name: described.name.clone(),
            version,
            signatures: Vec::new(),
            imports: Vec::new(),
        });
        if description.name != described.name || description.version != version {
            let first = format!("{} {}", description.name, description.version);
            return Err(DescriptionError::TwoNames(first, format!("{} {version}", described.name)));
        }
        let signatures = described.operators.into_iter().map(|one| convert::signature(&described.name, kind, one));
        description.signatures.extend(signatures);
    }
    let description = Description { imports, ..joined.ok_or(DescriptionError::Count(0))? };
    description.check()?;
    Ok(description)
}

impl Description {
    /// Whether it holds together, whoever wrote it.
    pub(crate) fn check(&self) -> Result<(), DescriptionError> {
        if !is_component_name(&self.name) {
            return Err(DescriptionError::Name(words::fit(self.name.clone())));
        }
        let count = self.signatures.len();
        if count == 0 || count > OPERATORS {
            return Err(DescriptionError::Count(count));
        }
        if self.imports.len() > IMPORTS {
            return Err(DescriptionError::Imports(self.imports.len()));
        }
        if let Some(import) = self.imports.iter().find(|import| wasi::import::of(&import.name).as_ref() != Some(import))
        {
            return Err(DescriptionError::Import(words::fit(import.name.clone())));
        }
        let mut names = BTreeSet::new();
        for signature in &self.signatures {
            if !names.insert(&signature.name) {
                return Err(DescriptionError::Twice(signature.name.clone()));
            }
            check_signature(signature).map_err(DescriptionError::Signature)?;
        }
        Ok(())
    }
}

fn is_component_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    name.len() <= NAME && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(allowed)
}

/// Limits, and what the host needs to know of state; the rest is for expressions to judge.
fn check_signature(signature: &Signature) -> Result<(), String> {
    let name = &signature.name;
    // Before anything is told with names in it.
    let names = signature.parameters.iter().map(|parameter| &parameter.name);
    if let Some(long) = names.chain([name]).find(|name| name.len() > NAME) {
        let shown = &long[..long.floor_char_boundary(NAME)];
        return Err(format!("the name `{shown}...` of an operator or a parameter is longer than {NAME} bytes"));
    }
    signature.check()?;
    let inputs = signature.max_inputs.unwrap_or(signature.min_inputs).max(signature.min_inputs);
    if inputs > MAX_INPUTS {
        return Err(format!("operator {name}: it takes {inputs} streams; the limit is {MAX_INPUTS}"));
    }
    let parameters = &signature.parameters;
    if parameters.len() > PARAMETERS {
        return Err(format!("operator {name}: it has {} parameters; the limit is {PARAMETERS}", parameters.len()));
    }
    let texts = parameters.iter().flat_map(|parameter| [Some(&parameter.doc), parameter.default.as_ref()]);
    for text in texts.flatten().chain([&signature.doc, &signature.example]) {
        if text.len() > TEXT {
            return Err(format!("operator {name}: a doc, an example or a default is longer than {TEXT} bytes"));
        }
        if text.chars().any(words::is_unfit) {
            return Err(format!("operator {name}: a doc, an example or a default has control characters"));
        }
    }
    let (written, read) = (signature.state_written, &signature.state_read);
    if read.len() > STATES {
        return Err(format!("operator {name}: it reads {} versions of state; the limit is {STATES}", read.len()));
    }
    if !read.contains(&written) {
        return Err(format!("operator {name}: it writes state version {written}, which it does not read"));
    }
    Ok(())
}
