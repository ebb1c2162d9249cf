//! Deploying: which version becomes current, and what moves to it.

use std::thread;
use std::time::{Duration, Instant};

use dag_tests::Http;
use dag_tests::http::Answer;
use serde_json::Value;

use super::{PATIENCE, World};
use crate::component::{VERSIONS, Verdict, Wanted, incompatible};
use crate::program::Deploy;
use crate::reader::Position;

impl World {
    /// Compares the answer to a wish with the model's, and takes in what has moved.
    pub(super) fn deploy(&mut self, deploy: &Deploy, answer: &Answer) -> Result<(), String> {
        let component = &mut self.components[deploy.kit as usize];
        let verdict = component.judge(deploy.wanted);
        let found = answer.json();
        let code = found["error"]["code"].as_str();
        let different = || format!("expected {verdict:?} after {component:?}, found {answer:?}");
        let (version, repeat) = match verdict {
            Verdict::Refused(expected) if code == Some(expected) => return Ok(()),
            // Whether something runs that has another state is not the model's to know.
            Verdict::Becomes(_) | Verdict::Repeat(_) if code == Some("needs-replay") && !deploy.replay => return Ok(()),
            Verdict::Becomes(version) if answer.status == 200 => (version, false),
            Verdict::Repeat(version) if answer.status == 200 => (version, true),
            _ => return Err(different()),
        };
        let replaces = if repeat { Value::Null } else { VERSIONS[component.current()].number.into() };
        let expected = (VERSIONS[version].number.into(), repeat.into(), deploy.dry_run.into(), replaces);
        let told = |name: &str| found[name].clone();
        if (told("version"), told("repeat"), told("dry_run"), told("replaces")) != expected {
            return Err(different());
        }
        if !repeat && !deploy.dry_run {
            component.becomes(version);
        }
        let last = component.offsets().len() - 1;
        for moved in found["moves"].as_array().into_iter().flatten() {
            let way = moved["by"].as_str().ok_or_else(|| format!("it did not move: {moved}"))?;
            let left = VERSIONS.iter().find(|left| moved["version"] == left.number);
            let left = left.ok_or_else(|| format!("it had no such version: {moved}"))?;
            let reads = VERSIONS[version].state.1.contains(&left.state.0);
            if (way == "state") != reads || way == "replay" && !deploy.replay || !moved["error"].is_null() {
                return Err(format!("it should have moved in another way: {moved}"));
            }
            if !deploy.dry_run {
                let position = moved["position"].as_str().and_then(Position::parse);
                self.seen.moved(position.ok_or_else(|| format!("it moved nowhere: {moved}"))?, last);
            }
        }
        Ok(())
    }

    /// Takes over the version that is current after a crash: the one before, or the one that was wanted.
    pub(super) fn agree_on_version(&mut self, deploy: &Deploy) -> Result<(), String> {
        let shown = self.operator(deploy.kit.operators()[0]);
        let versions = shown["versions"].as_array().into_iter().flatten();
        let current =
            versions.into_iter().find(|version| version["current"] == true).map(|version| &version["version"]);
        let component = &mut self.components[deploy.kit as usize];
        let is = |version: usize| current.is_some_and(|current| *current == VERSIONS[version].number);
        match component.judge(deploy.wanted) {
            _ if is(component.current()) => {}
            Verdict::Becomes(version) if is(version) && !deploy.dry_run => component.becomes(version),
            verdict => return Err(format!("after the crash: {shown}, expected {component:?} or {verdict:?}")),
        }
        Ok(())
    }

    /// Waits until what runs was moved to current versions.
    pub(super) fn until_current(&self) -> Result<(), String> {
        let start = Instant::now();
        let operators = self.components.iter().flat_map(|component| component.kit.operators());
        for operator in operators {
            loop {
                let shown = self.operator(operator);
                let versions = shown["versions"].as_array().into_iter().flatten();
                let runs = |version: &Value| version["runs"].as_array().cloned().unwrap_or_default();
                let outdated = versions.filter(|version| version["current"] == false).flat_map(runs);
                match outdated.into_iter().find(|run| run["state"] == "running") {
                    None => break,
                    Some(run) if start.elapsed() > PATIENCE => return Err(format!("{run} has an earlier version")),
                    Some(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        }
        Ok(())
    }

    fn operator(&self, name: &str) -> Value {
        self.node.http().get(&format!("operators/{name}"), &[]).json()
    }
}

/// Sends the wish.
pub(super) fn send(http: &Http, deploy: &Deploy) -> Result<Answer, String> {
    let text = |said: bool| if said { "true" } else { "false" };
    let parameters = [("replay", text(deploy.replay)), ("dry_run", text(deploy.dry_run))];
    let sent = match deploy.wanted {
        Wanted::Version(version) => {
            http.try_post("components", &parameters, "application/wasm", deploy.kit.version(version))
        }
        Wanted::Incompatible => http.try_post("components", &parameters, "application/wasm", incompatible()),
        Wanted::Previous => {
            let path = format!("operators/{}/rollback", deploy.kit.operators()[0]);
            http.try_post(&path, &parameters, "application/json", b"")
        }
    };
    sent.map_err(|error| error.to_string())
}
