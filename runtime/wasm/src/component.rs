//! A component that was loaded: what it says of itself, and the makings of its instances.

use std::sync::Arc;

use dag_expr::{Kind, Signature};
use dag_model::Digest;
use wasmtime::Engine;

use crate::aggregate::Aggregate;
use crate::bindings::aggregate::AggregatePre;
use crate::bindings::transform::TransformPre;
use crate::bindings::types;
use crate::description::{Description, Version};
use crate::host::Host;
use crate::instance::{CallError, Instance, InstanceOptions};
use crate::limits::{Limits, Places};
use crate::ticker::Ticker;
use crate::transform::Transform;
use crate::wasi::import::Import;

/// Bytes that a component may return when it says what it is: a quarter of what all operators with all parameters could need.
const DESCRIPTION: u64 = 1 << 20;

/// A component that may run. Its instances share its code and nothing else.
pub struct Component {
    pub(crate) digest: Digest,
    pub(crate) description: Description,
    pub(crate) guests: Guests,
}

/// The worlds that a component implements, ready to be instantiated.
pub(crate) struct Guests {
    /// What the component asks of its host.
    pub imports: Vec<Import>,
    pub engine: Engine,
    pub ticker: Arc<Ticker>,
    pub places: Arc<Places>,
    /// How many places an instance takes.
    pub memories: usize,
    pub aggregate: Option<AggregatePre<Host>>,
    pub transform: Option<TransformPre<Host>>,
}

impl Component {
    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it said of itself when it was built.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its name, such as `std-aggregates`.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.description.version
    }

    /// The operators that it exports.
    pub fn signatures(&self) -> &[Signature] {
        &self.description.signatures
    }

    /// A new instance for one of its aggregates.
    pub fn aggregate(&self, options: InstanceOptions) -> Result<Aggregate, CallError> {
        self.guests.aggregate(options)
    }

    /// A new instance for one of its transforms.
    pub fn transform(&self, options: InstanceOptions) -> Result<Transform, CallError> {
        self.guests.transform(options)
    }
}

impl Guests {
    fn aggregate(&self, options: InstanceOptions) -> Result<Aggregate, CallError> {
        let guest = self.aggregate.as_ref().ok_or(CallError::NotExported("aggregating"))?;
        let instance = Instance::new(&self.engine, &self.ticker, (&self.places, self.memories), options, |store| {
            guest.instantiate(store)
        })?;
        Ok(Aggregate { instance })
    }

    fn transform(&self, options: InstanceOptions) -> Result<Transform, CallError> {
        let guest = self.transform.as_ref().ok_or(CallError::NotExported("transforming"))?;
        let instance = Instance::new(&self.engine, &self.ticker, (&self.places, self.memories), options, |store| {
            guest.instantiate(store)
        })?;
        Ok(Transform { instance })
    }

    /// What the component says of itself, by world.
    pub fn describe(&self, limits: Limits) -> Result<Vec<(Kind, types::Description)>, CallError> {
        let limits = Limits { output: limits.output.min(DESCRIPTION), ..limits };
        let options = InstanceOptions { label: "describe".into(), limits, ..InstanceOptions::default() };
        let mut described = Vec::new();
        if self.aggregate.is_some() {
            let mut guest = self.aggregate(options.clone())?.instance;
            let said = guest.call(|guest, store| guest.dag_operator_aggregating().call_describe(store).map(Ok))?;
            described.push((Kind::Aggregate, said));
        }
        if self.transform.is_some() {
            let mut guest = self.transform(options)?.instance;
            let said = guest.call(|guest, store| guest.dag_operator_transforming().call_describe(store).map(Ok))?;
            described.push((Kind::Transform, said));
        }
        Ok(described)
    }
}
