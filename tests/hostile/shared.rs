
// What the hostile components share: the end of each of them.

/// An operator that misbehaves, with up to so many inputs.
fn signature(name: &str, max_inputs: u32) -> types::Signature {
    types::Signature {
        name: name.to_owned(),
        doc: "Misbehaves.".to_owned(),
        example: String::new(),
        min_inputs: 1,
        max_inputs: Some(max_inputs),
        parameters: Vec::new(),
        key: None,
        state_written: 1,
        state_read: vec![1],
    }
}

fn description(name: &str, operators: impl Iterator<Item = types::Signature>) -> types::Description {
    types::Description { name: name.to_owned(), version: "1.0.0".to_owned(), operators: operators.collect() }
}

fn loops() -> ! {
    loop {
        black_box(0);
    }
}

fn hoards() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}
