//! What there is to tell of operators: what they take, which versions there are of them, and where each runs.

use dag_api::{Import, Operator, OperatorVersions, Operators, Parameter, Place, Version};
use dag_expr::{Kind, Signature};
use dag_model::Digest;
use dag_plan::{Course, Plan};

use crate::computations::life;
use crate::operators::error::UnknownOperator;
use crate::operators::installed::Installed;
use crate::views::Views;

impl Views {
    /// All operators.
    pub fn operators(&self) -> Operators {
        let catalog = self.operators.catalog();
        Operators { operators: catalog.operators().map(|(component, signature)| shown(component, signature)).collect() }
    }

    /// One operator, by its name or as `component.operator`: its versions, and where each runs.
    pub fn operator(&self, name: &str) -> Result<OperatorVersions, UnknownOperator> {
        let (catalog, plan) = (self.operators.catalog(), self.meta.plan());
        let (component, operator) = catalog.exporter(name)?;
        let current = catalog.current(&component);
        let versions = catalog.history().versions(&component).into_iter().map(|(place, entry)| {
            let exporting = catalog.component(entry.digest);
            let signature = exporting.as_deref().and_then(|exporting| exporting.signature(operator));
            Version {
                order: place as u64 + 1,
                deployed: entry.at.map(|at| at.to_string()),
                how: entry.how.name().to_owned(),
                version: entry.version.to_string(),
                digest: entry.digest.to_string(),
                current: current.is_some_and(|current| current.digest() == entry.digest),
                state_written: signature.map(|signature| signature.state_written),
                state_read: signature.map_or_else(Vec::new, |signature| signature.state_read.clone()),
                runs: places(&plan, entry.digest, operator),
            }
        });
        let versions = versions.collect();
        let shown = current.and_then(|current| current.signature(operator).map(|signature| shown(current, signature)));
        let imports = current.map_or_else(Vec::new, |current| imports(current));
        Ok(OperatorVersions { name: operator.to_owned(), component, operator: shown, imports, versions })
    }
}

/// The computations whose last component was that one, and which apply that operator.
fn places(plan: &Plan, digest: Digest, operator: &str) -> Vec<Place> {
    let courses = plan.incarnations().map(|(_, course)| &**course);
    let ran = courses.filter(|course| course.record.ran.last().is_some_and(|ran| ran.digest == digest));
    let place = |course: &Course| Place {
        stream: course.record.stream.clone(),
        incarnation: course.record.id.0,
        state: life(&course.life).to_owned(),
    };
    ran.filter(|course| applied(&course.record.stream) == operator).map(place).collect()
}

/// The operator that a canonical expression applies: `"my-ops".rms(x,5s)` applies `rms`.
pub(super) fn applied(stream: &str) -> &str {
    let call = stream.split('(').next().unwrap_or_default();
    call.rsplit('.').next().unwrap_or_default()
}

/// What a component imports, and how that is answered.
pub(crate) fn imports(component: &Installed) -> Vec<Import> {
    let shown = |import: &dag_wasm::Import| Import {
        name: import.name.clone(),
        answer: import.answer.to_string(),
        says: import.answer.says().to_owned(),
    };
    component.imports().iter().map(shown).collect()
}

pub(crate) fn shown(component: &Installed, signature: &Signature) -> Operator {
    let parameter = |parameter: &dag_expr::Parameter| Parameter {
        name: parameter.name.clone(),
        kind: parameter.kind.name().to_owned(),
        required: parameter.required,
        default: parameter.default.clone(),
        doc: parameter.doc.clone(),
    };
    Operator {
        name: signature.name.clone(),
        component: component.name().to_owned(),
        version: component.version().to_string(),
        digest: component.digest().to_string(),
        kind: match signature.kind {
            Kind::Aggregate => "aggregate".to_owned(),
            Kind::Transform => "transform".to_owned(),
        },
        usage: signature.usage(),
        doc: signature.doc.clone(),
        example: signature.example.clone(),
        parameters: signature.parameters.iter().map(parameter).collect(),
        unavailable: component.code().err().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::applied;

    #[test]
    fn the_operator_of_a_canonical_expression_is_found() {
        for text in ["rms(x,5s)", "electric.rms(x)", "\"my-ops\".rms(\"a(b\".c,1s)", "rms(avg(x.y,5s),1m)"] {
            assert_eq!(applied(text), "rms", "{text}");
        }
    }
}
