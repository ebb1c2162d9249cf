//! What must hold between two records, and which columns their pair has.

use dag_guest::{Column, Field, Input, Match, MatchText, Result, Scalar, Schema, find_column};

/// When a left and a right record match, and what comes out.
#[derive(Debug)]
pub(super) struct Condition {
    /// Columns that must be equal, left and right, by index in the schemas.
    equal: Vec<(usize, usize)>,
    /// What must hold besides, over the columns of both batches, one behind the other.
    also: Option<Scalar>,
    /// The output's columns.
    output: Vec<Source>,
    /// Whether the right record's key is left out, because it is the left one's under the same name.
    by_name: bool,
}

/// Where an output column comes from: an index in the batch of that side.
#[derive(Clone, Copy, Debug)]
enum Source {
    Left(usize),
    Right(usize),
}

impl Condition {
    pub(super) fn bind(on: &MatchText, left: &Input, right: &Input) -> Result<Condition> {
        let left_columns = left.schema.fields.len() + 1;
        let (equal, also, by_name) = match on.bind(&[left.clone(), right.clone()])? {
            Match::Columns(names) => {
                let pairs = names.iter().map(|name| same_column(name, left, right));
                (pairs.collect::<Result<Vec<_>>>()?, None, true)
            }
            Match::Condition(condition) => {
                let (pairs, is_all) = condition.equalities();
                let equal: Vec<_> = pairs.iter().filter_map(|pair| across(*pair, left_columns)).collect();
                let is_key = is_all && equal.len() == pairs.len();
                (equal, (!is_key).then_some(condition), false)
            }
        };
        let mut condition = Condition { equal, also, output: Vec::new(), by_name };
        condition.output = condition.sources(left, right).map(|(source, _)| source).collect();
        Ok(condition)
    }

    /// The columns of the left input that are equal, by index in its schema.
    pub(super) fn left_key(&self) -> Vec<usize> {
        self.equal.iter().map(|(left, _)| *left).collect()
    }

    /// The same of the right input, in the same order.
    pub(super) fn right_key(&self) -> Vec<usize> {
        self.equal.iter().map(|(_, right)| *right).collect()
    }

    /// The output's columns: the left ones, then the right ones. A key by name comes once; names that both have are qualified.
    pub(super) fn output_schema(&self, left: &Input, right: &Input) -> Result<Schema> {
        let mut schema = Schema::default();
        for (_, field) in self.sources(left, right) {
            if schema.find(&field.name).is_some() {
                let (left, right) = (&left.alias, &right.alias);
                return Err(format!(
                    "the output would have two columns `{}`; give the inputs other names: join({left} as l, {right} as r, ...)",
                    field.name
                ));
            }
            schema.fields.push(field);
        }
        Ok(schema)
    }

    /// The output's columns and where they come from.
    fn sources<'a>(&'a self, left: &'a Input, right: &'a Input) -> impl Iterator<Item = (Source, Field)> + 'a {
        let is_key = |field: &Field| {
            self.by_name && self.equal.iter().any(|(key, _)| left.schema.fields[*key].name == field.name)
        };
        let named = move |own: &Input, other: &Input, field: &Field| match other.schema.find(&field.name) {
            Some(_) if !is_key(field) => Field::new(format!("{}.{}", own.alias, field.name), field.ty),
            _ => field.clone(),
        };
        let from_left = left.schema.fields.iter().enumerate();
        let from_left = from_left.map(move |(index, field)| (Source::Left(index + 1), named(left, right, field)));
        let from_right = right.schema.fields.iter().enumerate().filter(move |(_, field)| !is_key(field));
        let from_right = from_right.map(move |(index, field)| (Source::Right(index + 1), named(right, left, field)));
        from_left.chain(from_right)
    }

    /// Which of these pairs of rows with equal keys match, by their place here; none if all do.
    pub(super) fn matching(&self, left: (&[Column], &[u32]), right: (&[Column], &[u32])) -> Option<Vec<u32>> {
        let also = self.also.as_ref()?;
        let used = also.columns_used();
        let all = left.0.iter().map(|column| (column, left.1)).chain(right.0.iter().map(|column| (column, right.1)));
        // What is not used may have any length.
        let take = |(index, (column, rows)): (usize, (&Column, &[u32]))| match used.contains(&index) {
            true => column.view().take(rows),
            false => Column::empty(column.ty()),
        };
        let columns: Vec<_> = all.enumerate().map(take).collect();
        let columns: Vec<_> = columns.iter().map(Column::view).collect();
        Some(also.eval(left.1.len(), &columns).view().true_rows())
    }

    /// The output's columns of pairs of rows, besides `time`.
    pub(super) fn output(&self, left: (&[Column], &[u32]), right: (&[Column], &[u32])) -> Vec<Column> {
        let column = |source: &Source| match *source {
            Source::Left(index) => left.0[index].view().take(left.1),
            Source::Right(index) => right.0[index].view().take(right.1),
        };
        self.output.iter().map(column).collect()
    }
}

/// The two columns by index in the schemas, left and right, if they are one of each side. `time` is no key: it lies outside of
/// the schemas, in front of each side's columns.
fn across((a, b): (usize, usize), left_columns: usize) -> Option<(usize, usize)> {
    let (left, right) = (a.min(b), a.max(b));
    Some((left.checked_sub(1).filter(|_| left < left_columns)?, right.checked_sub(left_columns + 1)?))
}

/// The indexes of the column with that name on both sides.
fn same_column(name: &str, left: &Input, right: &Input) -> Result<(usize, usize)> {
    let find = |input: &Input| {
        let index =
            find_column(&input.schema, name).map_err(|error| format!("on: input `{}`: {error}", input.alias))?;
        Ok::<_, String>((index, input.schema.fields[index].ty))
    };
    let ((left_index, left_ty), (right_index, right_ty)) = (find(left)?, find(right)?);
    if left_ty != right_ty {
        let (left, right) = (&left.alias, &right.alias);
        return Err(format!("on: column `{name}` is {left_ty} in input `{left}`, but {right_ty} in input `{right}`"));
    }
    Ok((left_index, right_index))
}
