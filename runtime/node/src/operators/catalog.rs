//! The catalog: which operators there are, and what they answer when they are bound.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use dag_api::limits::LimitSettings;
use dag_expr::{Application, Kind, Signature, Window};
use dag_model::{Digest, Field, Schema, Timestamp, Type};
use dag_wasm::{Component, Limits};

use crate::metadata::history::{Entry, History, How};
use crate::operators::error::{ComponentError, UnknownOperator};
use crate::operators::installed::Installed;
use crate::operators::limits;
use crate::operators::questions::{Answer, Question, Questions, VALUE};

/// The components that are deployed. Clones remember answers together.
#[derive(Clone)]
pub struct Catalog {
    by_digest: HashMap<Digest, Arc<Installed>>,
    /// By the digest of what was sent: the component that was made of it.
    made: HashMap<Digest, Digest>,
    /// Components that were deployed and of which nothing is known but that, and why.
    lost: BTreeMap<Digest, String>,
    /// By name: the version that new computations get.
    current: BTreeMap<String, Arc<Installed>>,
    /// How it came to that.
    history: History,
    /// By operator name.
    operators: BTreeMap<String, (Arc<Installed>, Arc<Signature>)>,
    questions: Questions,
    /// What operators may use, where their deployment says nothing else.
    defaults: Limits,
    /// By digest: what deployments said of limits.
    limits: HashMap<Digest, LimitSettings>,
}

impl Catalog {
    /// No components yet; these limits for those that come.
    pub fn new(defaults: Limits, kept: Vec<(Digest, LimitSettings)>) -> Catalog {
        Catalog {
            by_digest: HashMap::new(),
            made: HashMap::new(),
            lost: BTreeMap::new(),
            current: BTreeMap::new(),
            history: History::default(),
            operators: BTreeMap::new(),
            questions: Questions::default(),
            defaults,
            limits: kept.into_iter().collect(),
        }
    }

    /// What instances of the component with that digest may use: what its deployment said, else what the node says.
    pub fn limits(&self, digest: Digest) -> Limits {
        limits::over(self.said(digest), self.defaults)
    }

    /// What the component's deployments said of limits.
    pub fn said(&self, digest: Digest) -> LimitSettings {
        self.limits.get(&digest).copied().unwrap_or_default()
    }

    /// A deployment of that component says so; what it does not say stays.
    pub fn limit(&mut self, digest: Digest, settings: LimitSettings) {
        let settings = settings.or(self.said(digest));
        self.limits.insert(digest, settings);
    }

    /// Whether somebody may deploy that component as the current version of its name.
    pub fn admit(&self, component: &Installed) -> Result<(), ComponentError> {
        let (name, found) = (component.name(), component.version());
        let version = |why: String| Err(ComponentError::Version { name: name.to_owned(), found, why });
        match self.current.get(name) {
            Some(current) if current.digest() == component.digest() => return Ok(()),
            Some(current) if found <= current.version() => {
                return version(format!("does not follow {}, which is deployed", current.version()));
            }
            _ => {}
        }
        if self.history.of_version(name, found).is_some_and(|digest| digest != component.digest()) {
            return version("was deployed before with other bytes".to_owned());
        }
        self.names_free(component)
    }

    /// Whether the binary's own component becomes the current version of its name. One that was current before does not, nor an older
    /// one than somebody deployed. It may have the same version as another: that is how a binary under development differs from the last.
    pub fn admits_embedded(&self, component: &Installed) -> bool {
        let current = self.current.get(component.name());
        !self.history.contains(component.digest())
            && current.is_none_or(|current| current.version() <= component.version())
    }

    /// Whether no other component exports an operator of the same name as one of that component's.
    pub fn names_free(&self, component: &Installed) -> Result<(), ComponentError> {
        for signature in component.signatures() {
            let taken = self.operators.get(&signature.name).filter(|(other, _)| other.name() != component.name());
            if let Some((other, _)) = taken {
                let (operator, by) = (signature.name.clone(), other.name().to_owned());
                return Err(ComponentError::OperatorTaken { operator, by });
            }
        }
        Ok(())
    }

    /// Makes a component the current version of its name, the one that new computations get.
    pub fn make_current(&mut self, component: Arc<Installed>, at: Option<Timestamp>, how: How) {
        let (name, version, digest) = (component.name().to_owned(), component.version(), component.digest());
        self.install(component.clone());
        self.operators.retain(|_, (other, _)| other.name() != name);
        for signature in component.signatures() {
            let entry = (component.clone(), Arc::new(signature.clone()));
            self.operators.insert(signature.name.clone(), entry);
        }
        self.current.insert(name.clone(), component);
        self.history.push(Entry { component: name, version, digest, at, how });
    }

    /// A component takes the place of what is known of the same digest: its code has been built anew.
    pub fn install(&mut self, component: Arc<Installed>) {
        let digest = component.digest();
        let is_same = |other: &Arc<Installed>| other.digest() == digest;
        let current = self.current.values_mut().chain(self.operators.values_mut().map(|(exporter, _)| exporter));
        current.filter(|other| is_same(other)).for_each(|other| *other = component.clone());
        self.by_digest.insert(digest, component);
    }

    /// A component was made of bytes with the digest `sent`.
    pub fn was_made(&mut self, sent: Digest, component: Digest) {
        self.made.insert(sent, component);
    }

    /// The component that is those bytes, or was made of them.
    pub fn made_of(&self, sent: Digest) -> Option<&Arc<Installed>> {
        self.by_digest.get(self.made.get(&sent).unwrap_or(&sent))
    }

    /// A component was deployed once, and nothing else is known of it any more.
    pub fn lose(&mut self, digest: Digest, why: String) {
        self.lost.insert(digest, why);
    }

    /// All versions that there are of a component, by its name; or the one of which nothing is known but a digest that begins so.
    pub fn digests(&self, name: &str) -> BTreeSet<Digest> {
        let named = self.by_digest.values().filter(|component| component.name() == name).map(|it| it.digest());
        let named: BTreeSet<Digest> =
            named.chain(self.history.versions(name).iter().map(|(_, entry)| entry.digest)).collect();
        if !named.is_empty() || name.len() < 12 {
            return named;
        }
        self.lost.keys().filter(|digest| digest.to_string().starts_with(name)).copied().collect()
    }

    /// Forgets these versions of a component, which are all of them.
    pub fn remove(&mut self, name: &str, digests: &BTreeSet<Digest>) {
        self.by_digest.retain(|digest, _| !digests.contains(digest));
        self.made.retain(|_, digest| !digests.contains(digest));
        self.lost.retain(|digest, _| !digests.contains(digest));
        self.limits.retain(|digest, _| !digests.contains(digest));
        self.operators.retain(|_, (exporter, _)| !digests.contains(&exporter.digest()));
        self.current.remove(name);
        self.history.forget(name);
    }

    /// All that cannot be used, and why.
    pub fn unavailable(&self) -> impl Iterator<Item = (String, String)> {
        let known = self.by_digest.values().filter_map(|component| {
            let why = component.code().err()?.to_owned();
            Some((format!("component {} {}", component.name(), component.version()), why))
        });
        known.chain(self.lost.iter().map(|(digest, why)| (format!("component {digest:#}"), why.clone())))
    }

    /// Why the operator of that name cannot be used, if it is one of a component that cannot.
    pub fn why_unavailable(&self, operator: &str) -> Option<&str> {
        let name = operator.rsplit_once('.').map_or(operator, |(_, name)| name);
        self.operators.get(name)?.0.code().err()
    }

    /// The current version of a component.
    pub fn current(&self, name: &str) -> Option<&Arc<Installed>> {
        self.current.get(name)
    }

    /// How components came to be current.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// All operators by name, with the components that export them.
    pub fn operators(&self) -> impl Iterator<Item = &(Arc<Installed>, Arc<Signature>)> {
        self.operators.values()
    }

    /// The component with that digest.
    pub fn component(&self, digest: Digest) -> Option<Arc<Installed>> {
        self.by_digest.get(&digest).cloned()
    }

    /// The code of the component with that digest, or why there is none.
    pub fn code(&self, digest: Digest) -> Result<Arc<Component>, String> {
        match self.by_digest.get(&digest) {
            Some(component) => component.code().cloned().map_err(str::to_owned),
            None => Err(match self.lost.get(&digest) {
                Some(why) => format!("component {digest:#} cannot be loaded: {why}"),
                None => format!("component {digest:#} is not here any more"),
            }),
        }
    }

    /// The signature of an operator, of any component or of the one named.
    pub fn signature(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>> {
        let (exporter, signature) = self.operators.get(name)?;
        component.is_none_or(|component| component == exporter.name()).then(|| signature.clone())
    }

    /// The component that exports an operator, which is named alone or as `component.operator`, and the operator's own name. Where no
    /// current version exports it, the component is that of which an earlier one did.
    pub fn exporter<'n>(&self, name: &'n str) -> Result<(String, &'n str), UnknownOperator> {
        let (component, operator) = match name.rsplit_once('.') {
            Some((component, operator)) => (Some(component), operator),
            None => (None, name),
        };
        if let Some(signature) = self.signature(component, operator) {
            return Ok((signature.component.clone(), operator));
        }
        let exported_once = |candidate: &&str| {
            let versions = self.history().versions(candidate);
            versions
                .iter()
                .filter_map(|(_, entry)| self.component(entry.digest))
                .any(|version| version.signature(operator).is_some())
        };
        let candidates =
            self.history().components().filter(|candidate| component.is_none_or(|name| name == *candidate));
        candidates.into_iter().find(exported_once).map(|component| (component.to_owned(), operator)).ok_or_else(|| {
            let names = self.operators().map(|(_, signature)| signature.name.as_str());
            let near = dag_expr::syntax::name::near_help(operator, names);
            let hint = near.unwrap_or_else(|| "`dag operators` lists those that are deployed".to_owned());
            UnknownOperator { name: name.to_owned(), hint }
        })
    }

    /// What the operator of an application answers when it is bound; asked once, which may take as long as a call may.
    pub fn bind(&self, application: &Application) -> Result<Answer, String> {
        self.bind_with(self.binds(application)?, application)
    }

    /// The same of that component, which need not be current.
    pub fn bind_with(&self, component: &Component, application: &Application) -> Result<Answer, String> {
        let question = self.question(component, application);
        of_application(application, self.questions.ask_here(question, component)?)
    }

    /// The same, if the answer is remembered; else what has to be asked for it.
    pub fn known(&self, application: &Application) -> Result<Answer, Unknown> {
        let component = self.binds(application).map_err(Unknown::Refused)?;
        let question = self.question(component, application);
        match self.questions.known(&question) {
            Some(answer) => answer.and_then(|answer| of_application(application, answer)).map_err(Unknown::Refused),
            None => Err(Unknown::Open(Box::new((question, component.clone())))),
        }
    }

    /// What was asked of operators.
    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    /// The component whose operator is bound.
    fn binds(&self, application: &Application) -> Result<&Arc<Component>, String> {
        let name = &application.operator;
        let (component, _) = self.operators.get(name).ok_or_else(|| format!("unknown operator `{name}`"))?;
        component.code().map_err(str::to_owned)
    }

    fn question(&self, component: &Component, application: &Application) -> Question {
        Question::new(component.digest(), application, self.limits(component.digest()))
    }
}

/// Why there is no answer.
pub enum Unknown {
    /// The operator refuses, or cannot be asked.
    Refused(String),
    /// It has not been asked.
    Open(Box<(Question, Arc<Component>)>),
}

/// The answer with the schema of the application's output.
fn of_application(application: &Application, answer: Answer) -> Result<Answer, String> {
    if application.kind == Kind::Transform {
        return Ok(answer);
    }
    let schema = aggregate_schema(application, answer.schema.fields[0].ty)?;
    Ok(Answer { schema, ..answer })
}

/// The key columns, a session's bounds, the value.
fn aggregate_schema(application: &Application, result: Type) -> Result<Schema, String> {
    let input = application.inputs[0].stream.schema();
    let mut fields = Vec::with_capacity(application.by.len() + 3);
    for key in &application.by {
        let (_, ty) = input.find(key).ok_or_else(|| format!("unknown column `{key}`"))?;
        fields.push(Field::new(key.clone(), ty));
    }
    if let Some(Window::Session { .. }) = application.window {
        fields.extend(["start", "end"].map(|name| Field::new(name, Type::Timestamp)));
    }
    fields.push(Field::new(VALUE, result));
    for (at, field) in fields.iter().enumerate() {
        if fields[..at].iter().any(|other| other.name == field.name) {
            return Err(format!(
                "the output would have two columns `{}`: rename the key column with map()",
                field.name
            ));
        }
    }
    Ok(Schema::new(fields))
}
