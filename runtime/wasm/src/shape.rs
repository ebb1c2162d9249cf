//! The shape of what somebody deploys: how deeply it nests and how much of each thing it has, counted without recursion and bounded
//! before a library sees it that recurses over it, or takes time or memory out of all proportion to it.
//!
//! Sections are told apart by wasmparser, whose parser goes from one to the next in a loop, at the version that the engine reads with.
//! What that would read by recursion, types of components and instances, is gone through here with a stack of its own. All that is
//! not bounded here is in proportion to the bytes, and lies within the limits of the process that builds components.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType, ComponentTypeRef, CoreType,
    Error, FunctionBody, Operator, Parser, Payload,
};

/// What is counted, and how much of it there may be in one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Components, modules and component types in sections of their own within one another.
    Components,
    /// Types of components and instances within one another.
    Types,
    /// Blocks within one another, in one function.
    Blocks,
    /// Loops within one another, in one function. What the compiler does for them grows faster than their number.
    Loops,
    /// Bytes of one function.
    FunctionBytes,
    /// Functions of all modules.
    Functions,
    /// Modules and components.
    Modules,
    /// Instances that are made of modules and components, as far as they are spelt out.
    Instances,
    /// Memories of all modules, of which some toolchains need a second one. Each takes a part of the address space that is as large as
    /// it can ever become.
    Memories,
    /// Tables of all modules.
    Tables,
    /// Types, imports, exports, aliases, globals and segments: whatever else has an index.
    Definitions,
    /// Custom sections that say what a core module's imports and exports mean.
    ComponentTypes,
}

/// Why bytes are not looked at any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// More of something than there may be.
    #[error("{what}, at byte {at}: the limit is {limit}{unit}", what = .thing.too_many(*.found), limit = .thing.limit(), unit = .thing.unit())]
    TooMuch {
        /// Of what.
        thing: Thing,
        /// How much was found by then.
        found: u64,
        /// Where.
        at: usize,
    },
    /// It is not WebAssembly from some byte on.
    #[error("it is damaged: {0}")]
    Malformed(String),
}

impl From<Error> for ShapeError {
    fn from(error: Error) -> ShapeError {
        ShapeError::Malformed(error.to_string())
    }
}

impl Thing {
    /// How much there may be. Large interpreters that were compiled to WebAssembly, CPython and SpiderMonkey, are well within all of
    /// these.
    pub const fn limit(self) -> u64 {
        match self {
            Thing::Components => 16,
            Thing::Types => 64,
            Thing::Blocks => 8_192,
            Thing::Loops => 128,
            Thing::FunctionBytes => 1 << 20,
            Thing::Functions => 200_000,
            Thing::Modules => 1_000,
            Thing::Instances => 1_000,
            Thing::Memories => 4,
            Thing::Tables => 256,
            Thing::Definitions => 500_000,
            Thing::ComponentTypes => 64,
        }
    }

    fn too_many(self, found: u64) -> String {
        match self {
            Thing::Components => format!("components and modules lie {found} deep in one another"),
            Thing::Types => format!("types of components and instances lie {found} deep in one another"),
            Thing::Blocks => format!("a function's blocks lie {found} deep in one another"),
            Thing::Loops => format!("a function's loops lie {found} deep in one another"),
            Thing::FunctionBytes => format!("a function has {found} bytes"),
            Thing::Functions => format!("there are {found} functions"),
            Thing::Modules => format!("there are {found} modules and components"),
            Thing::Instances => format!("there are {found} instances"),
            Thing::Memories => format!("there are {found} memories"),
            Thing::Tables => format!("there are {found} tables"),
            Thing::Definitions => {
                format!("there are {found} types, imports, exports, aliases, globals and segments")
            }
            Thing::ComponentTypes => format!("there are {found} sections with component types"),
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Thing::FunctionBytes => " bytes",
            _ => "",
        }
    }
}

/// What custom sections are called, or how their names begin, in which a core module says what its imports and exports mean.
const COMPONENT_TYPE: &str = "component-type";

/// Refuses what nests too deeply or has too much of something.
pub fn check(bytes: &[u8]) -> Result<(), ShapeError> {
    let mut tally = Tally::default();
    let mut open = vec![Open { parser: Parser::new(0), rest: bytes }];
    while let Some(last) = open.last_mut() {
        let (payload, consumed) = match last.parser.parse(last.rest, true)? {
            wasmparser::Chunk::Parsed { payload, consumed } => (payload, consumed),
            wasmparser::Chunk::NeedMoreData(_) => unreachable!("it was told that there is no more"),
        };
        last.rest = &last.rest[consumed..];
        let inner = match payload {
            Payload::End(_) => {
                open.pop();
                continue;
            }
            Payload::ModuleSection { parser, unchecked_range }
            | Payload::ComponentSection { parser, unchecked_range } => {
                tally.add(Thing::Modules, 1, unchecked_range.start)?;
                let Some((inner, rest)) = last.rest.split_at_checked(unchecked_range.len()) else {
                    return Err(ShapeError::Malformed(format!(
                        "a section at byte {} is longer than the file",
                        unchecked_range.start
                    )));
                };
                last.rest = rest;
                Open { parser, rest: inner }
            }
            Payload::CustomSection(section) if section.name().starts_with(COMPONENT_TYPE) => {
                tally.add(Thing::ComponentTypes, 1, section.data_offset())?;
                Open { parser: Parser::new(section.data_offset() as u64), rest: section.data() }
            }
            payload => {
                tally.take(payload, bytes)?;
                continue;
            }
        };
        bounded(Thing::Components, open.len() as u64 + 1, inner.parser.offset() as usize)?;
        open.push(inner);
    }
    Ok(())
}

/// A component or module that is gone through.
struct Open<'b> {
    parser: Parser,
    rest: &'b [u8],
}

fn bounded(thing: Thing, found: u64, at: usize) -> Result<(), ShapeError> {
    if found > thing.limit() { Err(ShapeError::TooMuch { thing, found, at }) } else { Ok(()) }
}

/// How much there was so far.
#[derive(Default)]
struct Tally {
    counts: [u64; Thing::ComponentTypes as usize + 1],
}

impl Tally {
    fn add(&mut self, thing: Thing, more: u32, at: usize) -> Result<(), ShapeError> {
        let count = &mut self.counts[thing as usize];
        *count += u64::from(more);
        bounded(thing, *count, at)
    }

    /// Counts what lies in a section. `bytes` is all that was sent, in which sections tell their places.
    fn take(&mut self, payload: Payload<'_>, bytes: &[u8]) -> Result<(), ShapeError> {
        use Thing::{Definitions, Functions, Instances, Memories, Tables};
        let (thing, count, at) = match payload {
            Payload::TypeSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ImportSection(section) => (Definitions, section.count(), section.range().start),
            Payload::GlobalSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ExportSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ElementSection(section) => (Definitions, section.count(), section.range().start),
            Payload::DataSection(section) => (Definitions, section.count(), section.range().start),
            Payload::TagSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ComponentAliasSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ComponentCanonicalSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ComponentImportSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ComponentExportSection(section) => (Definitions, section.count(), section.range().start),
            Payload::FunctionSection(section) => (Functions, section.count(), section.range().start),
            Payload::MemorySection(section) => (Memories, section.count(), section.range().start),
            Payload::TableSection(section) => (Tables, section.count(), section.range().start),
            Payload::InstanceSection(section) => (Instances, section.count(), section.range().start),
            Payload::ComponentInstanceSection(section) => (Instances, section.count(), section.range().start),
            Payload::CoreTypeSection(section) => (Definitions, section.count(), section.range().start),
            Payload::ComponentTypeSection(section) => return self.types(bytes, section.range()),
            Payload::CodeSectionEntry(body) => return function(&body),
            _ => return Ok(()),
        };
        self.add(thing, count, at)
    }

    /// Goes through a section of types of components, whose types of components and instances have declarations, of which each may be
    /// such a type again.
    fn types(&mut self, bytes: &[u8], range: std::ops::Range<usize>) -> Result<(), ShapeError> {
        let at = range.start;
        let section = bytes.get(range).ok_or_else(|| ShapeError::Malformed(format!("no section lies at byte {at}")))?;
        let mut reader = BinaryReader::new(section, at);
        // How many types or declarations are still to come, from the section inwards.
        let mut left = vec![reader.read_var_u32()?];
        while let Some(last) = left.last_mut() {
            if *last == 0 {
                left.pop();
                continue;
            }
            *last -= 1;
            self.add(Thing::Definitions, 1, reader.original_position())?;
            // Types lie in the section, declarations in types.
            if (left.len() == 1 || declaration(&mut reader)?)
                && let Some(declarations) = nested(&mut reader)?
            {
                left.push(declarations);
                bounded(Thing::Types, left.len() as u64 - 1, reader.original_position())?;
            }
        }
        Ok(())
    }
}

/// Reads a declaration in a component's or an instance's type, or as far as the type that it declares: then it is true.
fn declaration(reader: &mut BinaryReader<'_>) -> Result<bool, ShapeError> {
    match reader.read_u8()? {
        0x00 => drop(reader.read::<CoreType<'_>>()?),
        0x01 => return Ok(true),
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        0x03 => drop(reader.read::<ComponentImport<'_>>()?),
        0x04 => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
        byte => {
            let at = reader.original_position();
            return Err(ShapeError::Malformed(format!("{byte:#04x} before byte {at} begins no declaration")));
        }
    }
    Ok(false)
}

/// Reads a type; of one of a component or an instance only how many declarations follow.
fn nested(reader: &mut BinaryReader<'_>) -> Result<Option<u32>, ShapeError> {
    if matches!(reader.clone().read_u8()?, 0x41 | 0x42) {
        reader.read_u8()?;
        return Ok(Some(reader.read_var_u32()?));
    }
    reader.read::<ComponentType<'_>>()?;
    Ok(None)
}

/// Goes through a function's instructions.
fn function(body: &FunctionBody<'_>) -> Result<(), ShapeError> {
    let range = body.range();
    bounded(Thing::FunctionBytes, range.len() as u64, range.start)?;
    let mut operators = body.get_operators_reader()?;
    // Of each open block, whether it is a loop.
    let (mut blocks, mut loops) = (Vec::new(), 0);
    while !operators.eof() {
        let at = operators.original_position();
        let is_loop = match operators.read()? {
            Operator::Loop { .. } => true,
            Operator::Block { .. } | Operator::If { .. } | Operator::Try { .. } | Operator::TryTable { .. } => false,
            Operator::End | Operator::Delegate { .. } => {
                if blocks.pop() == Some(true) {
                    loops -= 1;
                }
                continue;
            }
            _ => continue,
        };
        blocks.push(is_loop);
        bounded(Thing::Blocks, blocks.len() as u64, at)?;
        loops += u64::from(is_loop);
        bounded(Thing::Loops, loops, at)?;
    }
    Ok(())
}
