//! Whether one signature may follow another: expressions that people have written keep their meaning and their canonical form.

use crate::signature::{Kind, Parameter, Signature};

impl Signature {
    /// Whether every expression that uses `earlier` means the same with this signature, and is the same stream.
    ///
    /// What may come is a parameter that can be left out: one that is given by name, or, for a transform, one behind all others. What
    /// may go is a parameter's being required. A new parameter's name is the one thing that this can't judge: in
    /// `filter(x, host = 'a')` the second argument becomes a named one where the operator declares `host`.
    ///
    /// # Errors
    /// The first thing that differs, as a sentence about the operator without its subject: ``lets `gap` default to 2m, not 1m``.
    pub fn succeeds(&self, earlier: &Signature) -> Result<(), String> {
        if self.kind != earlier.kind {
            let kind = |kind| if kind == Kind::Aggregate { "an aggregate" } else { "a transform" };
            return Err(format!("is {}, not {}", kind(self.kind), kind(earlier.kind)));
        }
        self.inputs_succeed(earlier)?;
        let mut places = Vec::with_capacity(earlier.parameters.len());
        for old in &earlier.parameters {
            let found = self.parameters.iter().position(|new| new.name == old.name);
            let place = found.ok_or_else(|| format!("has no parameter `{}` any more", old.name))?;
            parameter_succeeds(&self.parameters[place], old)?;
            places.push(place);
        }
        if let Some(pair) = (1..places.len()).find(|pair| places[pair - 1] > places[*pair]) {
            let (first, second) = (&earlier.parameters[pair - 1].name, &earlier.parameters[pair].name);
            return Err(format!("takes `{second}` before `{first}`, not behind it"));
        }
        let last_positional =
            earlier.parameters.iter().zip(&places).filter(|(old, _)| old.positional).map(|(_, at)| *at).max();
        for (place, new) in self.parameters.iter().enumerate().filter(|(place, _)| !places.contains(place)) {
            if new.required {
                return Err(format!("requires `{}`, which expressions do not give", new.name));
            }
            if new.positional && self.kind == Kind::Aggregate {
                return Err(format!("takes `{}` where the window stood: let it be given by name", new.name));
            }
            if new.positional && last_positional.is_some_and(|last| place < last) {
                return Err(format!("takes `{}` before an argument that stood there", new.name));
            }
        }
        Ok(())
    }

    /// Which arguments are inputs depends on how many there may be, where others stand behind them.
    fn inputs_succeed(&self, earlier: &Signature) -> Result<(), String> {
        if self.min_inputs > earlier.min_inputs {
            return Err(format!("takes at least {} streams, not {}", self.min_inputs, earlier.min_inputs));
        }
        let most =
            |inputs: Option<usize>| inputs.map_or_else(|| "any number of".to_owned(), |most| format!("at most {most}"));
        let fewer = self.max_inputs.is_some_and(|new| earlier.max_inputs.is_none_or(|old| new < old));
        let shifts = self.max_inputs != earlier.max_inputs && earlier.parameters.iter().any(|old| old.positional);
        if fewer || shifts {
            return Err(format!("takes {} streams, not {}", most(self.max_inputs), most(earlier.max_inputs)));
        }
        Ok(())
    }
}

fn parameter_succeeds(new: &Parameter, old: &Parameter) -> Result<(), String> {
    let name = &old.name;
    if new.kind != old.kind {
        return Err(format!("takes a {} as `{name}`, not a {}", new.kind.name(), old.kind.name()));
    }
    if new.default != old.default {
        let default = |parameter: &Parameter| parameter.default.clone().unwrap_or_else(|| "nothing".to_owned());
        return Err(format!("lets `{name}` default to {}, not {}", default(new), default(old)));
    }
    if new.required && !old.required {
        return Err(format!("requires `{name}`, which could be left out"));
    }
    if new.positional != old.positional {
        let only = if new.positional { "without its name, not only by it" } else { "by its name only" };
        return Err(format!("takes `{name}` {only}"));
    }
    if new.repeated != old.repeated {
        return Err(format!(
            "takes `{name}` {}",
            if new.repeated { "many times, not once" } else { "once, not many times" }
        ));
    }
    Ok(())
}
