//! A computation as the flow is asked to run it.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;
use dag_expr::Window;
use dag_log::{Log, RunningHash};
use dag_model::{Frontier, Order, Schema, Timestamp, Windowing, arrow_schema};
use dag_wasm::{Component, InstanceOptions};

use crate::budget::Budget;
use crate::cursor::{Cursor, Input, Notify};
use crate::merge::Merge;
use crate::search::{Search, Spot};
use crate::snapshot::{Mark, Place, Snapshot};

/// A computation to run.
#[derive(Clone)]
pub struct Computation {
    /// The operator.
    pub operator: Operator,
    /// Its inputs, in order.
    pub inputs: Vec<Input>,
    /// The schema of each input.
    pub schemas: Vec<Schema>,
    /// The schema of the output.
    pub schema: Schema,
    /// Results before this time are not shown.
    pub from: Timestamp,
    /// Results at this time or later are not shown; when none before it can follow, the computation ends.
    pub until: Option<Timestamp>,
    /// Where results go. What it holds already is not written again.
    pub output: Log,
    /// The worker that reads the inputs and writes the output.
    pub home: usize,
    /// Where it takes up its work.
    pub resume: Resume,
    /// The marks that it is to come to, in their order.
    pub marks: Vec<Mark>,
    /// How often it is written down how to go on; none for never.
    pub interval: Option<Duration>,
    /// How closely it is watched what the operator is given.
    pub search: Search,
    /// What the host may hold in memory for it, and holds.
    pub budget: Arc<Budget>,
}

/// Where a computation takes up its work.
#[derive(Clone)]
pub struct Resume {
    /// The state to go on with; none to begin with the inputs.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The output up to there: results are numbered from its end, and what the log holds of them is compared, not written again.
    pub output: RunningHash,
    /// What comes of records before this place is not shown: they only make up the state. For operators in log order.
    pub muted: Option<Place>,
    /// The revision of the last mark that was come to before; 0 if there was none.
    pub mark: u64,
}

impl Computation {
    /// What its operators take up when it begins. Of windows it keeps only the places afterwards: they would be there twice for as long
    /// as it runs.
    pub(crate) fn take_up(&mut self) -> Option<Arc<Snapshot>> {
        let mut snapshot = self.resume.snapshot.take()?;
        if let Some(own) = Arc::get_mut(&mut snapshot) {
            own.weigh(self.budget.holder());
        }
        let light = match self.operator.world {
            World::Aggregate(_) => Arc::new(snapshot.without_windows()),
            World::Transform { .. } => snapshot.clone(),
        };
        self.resume.snapshot = Some(light);
        Some(snapshot)
    }

    /// A cursor over an input, from where the computation takes up its work.
    pub(crate) fn cursor(&self, input: usize, notify: Notify) -> Cursor {
        let frontier = self.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier);
        let places = self.aggregation().map(Aggregation::places);
        Cursor::at(self.inputs[input].clone(), self.place(input), frontier, notify).of_columns(places.as_deref())
    }

    /// What the host does, if it is a fold.
    fn aggregation(&self) -> Option<&Aggregation> {
        match &self.operator.world {
            World::Aggregate(aggregation) => Some(aggregation),
            World::Transform { .. } => None,
        }
    }

    /// The schema of what is read of an input.
    fn read(&self, input: usize) -> SchemaRef {
        let whole = arrow_schema(&self.schemas[input]);
        match self.aggregation() {
            Some(aggregation) => Arc::new(whole.project(&aggregation.places()).expect("binding checks the columns")),
            None => whole,
        }
    }

    /// Where an input is read from.
    pub(crate) fn place(&self, input: usize) -> Place {
        let begin = &self.inputs[input];
        match &self.resume.snapshot {
            Some(snapshot) => snapshot.places[input],
            None => Place { leg: 0, sequence: begin.legs[0].sequence, from: begin.from },
        }
    }

    /// The merge of its inputs, from where it takes up its work.
    pub(crate) fn merge(&self) -> Merge {
        let schemas = (0..self.schemas.len()).map(|input| self.read(input)).collect();
        let mut merge = match self.search {
            Search::Off => Merge::new(schemas, &self.budget),
            Search::Trace | Search::Halve(_) => Merge::numbered(schemas, &self.budget),
        };
        merge.begin(&(0..self.inputs.len()).map(|input| self.place(input)).collect::<Vec<_>>());
        merge
    }

    /// Whether the record there only makes up the state.
    pub(crate) fn is_muted(&self, spot: &Spot) -> bool {
        let place = (spot.leg, spot.position.sequence);
        self.resume.muted.is_some_and(|until| place < (until.leg, until.sequence))
    }
}

/// An application of an operator of a component.
#[derive(Clone)]
pub struct Operator {
    /// The component.
    pub component: Arc<Component>,
    /// The operator's name.
    pub name: String,
    /// Its arguments as (name, canonical text).
    pub arguments: Vec<(String, String)>,
    /// How instances are made.
    pub options: InstanceOptions,
    /// What the world takes besides.
    pub world: World,
}

impl Operator {
    /// The version of the state that the component writes for this operator.
    pub(crate) fn state_written(&self) -> u32 {
        let signature = self.component.signatures().iter().find(|signature| signature.name == self.name);
        signature.map_or(0, |signature| signature.state_written)
    }
}

/// The two worlds.
#[derive(Clone)]
pub enum World {
    /// A fold.
    Aggregate(Aggregation),
    /// Everything else.
    Transform {
        /// How the operator wants its input.
        order: Order,
        /// The inputs' names.
        aliases: Vec<String>,
    },
}

/// What the host does for a fold.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// How time is cut.
    pub window: Window,
    /// The version of the host's windowing.
    pub windowing: Windowing,
    /// The key columns, as indexes into the input schema.
    pub by: Vec<usize>,
    /// The columns that the operator asks for when it is bound; the others do not reach it.
    pub columns: Vec<usize>,
}

impl Aggregation {
    /// What it reads of a batch, by the columns' places there: the time, the key columns, then those that the operator asks for. A column
    /// may be both.
    pub(crate) fn places(&self) -> Vec<usize> {
        std::iter::once(0).chain(self.by.iter().chain(&self.columns).map(|column| column + 1)).collect()
    }
}
