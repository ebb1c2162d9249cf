//! Transforms behind frames.

use super::{Signature, find, parse_arguments};
use crate::{About, AlignedBytes, Arguments, Frame, Input, Inputs, Lookback, Opened, Order, Output, Result, Schema};
use crate::{Timestamp, Transform, Type};

/// A component of transforms. [`export_transforms!`](crate::export_transforms!) writes this.
pub trait Transforms {
    /// The component's name.
    const NAME: &'static str;
    /// Three numbers with dots.
    const VERSION: &'static str;

    /// Its operators.
    fn entries() -> Vec<TransformEntry>;
}

/// [`Transform::open`] of arguments that are not parsed yet.
type Open = fn(&[(String, String)], &[Input]) -> Result<(Box<dyn Running>, Opening)>;

/// One operator of a component.
#[derive(Clone, Copy, Debug)]
pub struct TransformEntry {
    about: About,
    signature: fn() -> Signature,
    open: Open,
}

impl TransformEntry {
    /// The entry of an operator.
    pub fn new<T: Transform>() -> TransformEntry {
        TransformEntry {
            about: T::ABOUT,
            signature: || Signature {
                about: T::ABOUT,
                min_inputs: T::MIN_INPUTS,
                max_inputs: T::MAX_INPUTS,
                parameters: T::Arguments::parameters(),
                key: T::KEY,
                state_written: T::STATE_WRITTEN,
                state_read: T::STATE_READ,
            },
            open: |arguments, inputs| {
                let Opened { transform, schema, order, lookback } =
                    T::open(parse_arguments(T::ABOUT, arguments)?, inputs)?;
                Ok((Box::new(transform), Opening { schema, order, lookback }))
            },
        }
    }

    /// What the operator says of itself.
    pub fn signature(&self) -> Signature {
        (self.signature)()
    }
}

/// A transform whose type is forgotten: one call through it per batch.
trait Running {
    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result;
    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result;
    fn snapshot(&self) -> Result<Vec<Vec<u8>>>;
    fn restore(&mut self, version: u32, chunks: &[Vec<u8>]) -> Result;
}

impl<T: Transform> Running for T {
    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        Transform::process(self, inputs, out)
    }

    fn advance(&mut self, frontier: Option<Timestamp>, out: &mut Output) -> Result {
        Transform::advance(self, frontier, out)
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Transform::snapshot(self)
    }

    fn restore(&mut self, version: u32, chunks: &[Vec<u8>]) -> Result {
        if !T::STATE_READ.contains(&version) {
            let (name, read) = (T::ABOUT.name, T::STATE_READ);
            return Err(format!("{name} reads state of versions {read:?}, this one has version {version}"));
        }
        Transform::restore(self, version, chunks)
    }
}

/// What opening a transform says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The output's columns besides `time`.
    pub schema: Schema,
    /// Which records it wants.
    pub order: Order,
    /// How much earlier than a result its causes may lie.
    pub lookback: Lookback,
}

/// What a call emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// Columns: time, then those of the opened schema.
    pub frame: Vec<u8>,
    /// The earliest time that may still be emitted where that is earlier than the input frontier.
    pub hold: Option<Timestamp>,
    /// Call `advance` with the same frontier again.
    pub more: bool,
}

/// An open transform that takes frames.
pub struct TransformInstance {
    running: Box<dyn Running>,
    schema: Schema,
    types: Vec<Vec<Type>>,
}

impl TransformInstance {
    /// Opens the operator of that name.
    ///
    /// # Errors
    /// If there is none, or it refuses.
    pub fn open(
        entries: &[TransformEntry],
        operator: &str,
        arguments: &[(String, String)],
        inputs: &[Input],
    ) -> Result<(TransformInstance, Opening)> {
        let entry = find(entries, operator, |entry| entry.about)?;
        check_count(&entry.signature(), inputs.len())?;
        let (running, opening) = (entry.open)(arguments, inputs)?;
        let types = |input: &Input| input.schema.fields.iter().map(|field| field.ty).collect();
        let types = inputs.iter().map(types).collect();
        Ok((TransformInstance { running, schema: opening.schema.clone(), types }, opening))
    }

    /// Takes one frame per input and the order of their merge, as the world says.
    ///
    /// # Errors
    /// If the bytes are not such frames, or the operator fails.
    pub fn process(&mut self, frames: &[Vec<u8>], order: &[u8]) -> Result<Emitted> {
        let unaligned = |frame: &Vec<u8>| (!AlignedBytes::is_aligned(frame)).then(|| AlignedBytes::copy(frame));
        let copies: Vec<_> = frames.iter().map(unaligned).collect();
        let aligned = frames.iter().zip(&copies).map(|(frame, copy)| copy.as_deref().unwrap_or(frame));
        let frames = aligned.map(|bytes| Frame::parse(bytes).map_err(|error| error.to_string()));
        let inputs = Inputs::new(frames.collect::<Result<_>>()?, order, &self.types)?;
        self.emit(|running, out| running.process(&inputs, out))
    }

    /// No record earlier than `frontier` will follow; none means that no record at all will.
    ///
    /// # Errors
    /// If the operator fails.
    pub fn advance(&mut self, frontier: Option<Timestamp>) -> Result<Emitted> {
        self.emit(|running, out| running.advance(frontier, out))
    }

    /// What it remembers.
    ///
    /// # Errors
    /// If the operator fails.
    pub fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        self.running.snapshot()
    }

    /// Remembers again.
    ///
    /// # Errors
    /// If the operator does not read that version or these chunks.
    pub fn restore(&mut self, version: u32, chunks: &[Vec<u8>]) -> Result {
        self.running.restore(version, chunks)
    }

    fn emit(&mut self, call: impl FnOnce(&mut dyn Running, &mut Output) -> Result) -> Result<Emitted> {
        let mut out = Output::new(&self.schema);
        call(self.running.as_mut(), &mut out)?;
        let (frame, hold, more) = out.finish();
        Ok(Emitted { frame, hold, more })
    }
}

/// Checks the number of inputs.
fn check_count(signature: &Signature, found: usize) -> Result {
    let Signature { about, min_inputs, max_inputs, .. } = signature;
    if found < *min_inputs as usize || max_inputs.is_some_and(|max| found > max as usize) {
        let range = match max_inputs {
            Some(max) if max == min_inputs => min_inputs.to_string(),
            Some(max) => format!("{min_inputs} to {max}"),
            None => format!("at least {min_inputs}"),
        };
        return Err(format!("{} takes {range} input streams, {found} came", about.name));
    }
    Ok(())
}
