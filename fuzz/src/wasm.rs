//! WebAssembly, byte by byte, that nests, repeats and bombs: what no toolchain makes.

/// What a component begins with.
pub const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// What a core module begins with.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A number as WebAssembly writes it (LEB128).
pub fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number > 0 { byte | 0x80 } else { byte });
        if number == 0 {
            return bytes;
        }
    }
}

/// A section with that body.
pub fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], number(body.len()).as_slice(), body].concat()
}

/// A custom section of that name.
pub fn custom(name: &str, body: &[u8]) -> Vec<u8> {
    section(0, &[number(name.len()).as_slice(), name.as_bytes(), body].concat())
}

/// A component with one type: of an instance (0x42) or a component (0x41), so deep in others of its kind.
pub fn types(kind: u8, depth: usize) -> Vec<u8> {
    let mut body = vec![1];
    body.extend([kind, 1, 1].repeat(depth.saturating_sub(1)));
    body.extend([kind, 0]);
    [COMPONENT, &section(7, &body)].concat()
}

/// Components within one another. Takes time in proportion to the square of the depth.
pub fn components(depth: usize) -> Vec<u8> {
    (1..depth).fold(COMPONENT.to_vec(), |inner, _| [COMPONENT, &section(4, &inner)].concat())
}

/// A core module that says in so many sections that it is what `inner` tells.
pub fn component_types(inner: &[u8], count: usize) -> Vec<u8> {
    [MODULE, &custom("component-type", inner).repeat(count)].concat()
}

/// A component of so many modules.
pub fn modules(count: usize, module: &[u8]) -> Vec<u8> {
    [COMPONENT, &section(1, module).repeat(count)].concat()
}

/// A component whose components each have two instances of the one before: twice as many each time.
pub fn doubling(depth: usize) -> Vec<u8> {
    let mut bytes = COMPONENT.to_vec();
    bytes.extend(section(4, COMPONENT));
    for made in 0..depth {
        // An alias to the component that was made last, out of the one around, and two instances of it.
        let alias = section(6, &[&[1, 0x04, 0x02, 0x01], number(made).as_slice()].concat());
        let instances = section(5, &[2, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]);
        bytes.extend(section(4, &[COMPONENT, &alias, &instances].concat()));
    }
    bytes.extend(section(5, &[&[1, 0x00], number(depth).as_slice(), &[0x00]].concat()));
    bytes
}

/// A component of one module with so many functions of this body, of type `[] -> []`.
pub fn functions(count: usize, body: &[u8]) -> Vec<u8> {
    let code = [&[0], body, &[0x0b]].concat();
    let code = [number(code.len()), code].concat().repeat(count);
    let module = [
        MODULE,
        &section(1, &[1, 0x60, 0, 0]),
        &section(3, &[number(count), vec![0; count]].concat()),
        &section(10, &[number(count), code].concat()),
    ];
    modules(1, &module.concat())
}

/// A function's body of so many blocks (0x02) or loops (0x03) within one another.
pub fn nested(open: u8, depth: usize) -> Vec<u8> {
    [[open, 0x40].repeat(depth), vec![0x0b; depth]].concat()
}

/// A component whose one function jumps out of so many blocks, each with so many results: as many values as both numbers multiplied.
pub fn jumps(blocks: usize, results: usize) -> Vec<u8> {
    let types = [&[2, 0x60, 0, 0, 0x60, 0], number(results).as_slice(), &vec![0x7f; results]].concat();
    let mut body = [0x02, 0x01].repeat(blocks);
    body.extend([0x41, 0x00].repeat(results + 1));
    body.push(0x0e);
    body.extend(number(blocks - 1));
    (0..blocks).for_each(|block| body.extend(number(block)));
    body.extend(vec![0x0b; blocks]);
    body.extend(vec![0x1a; results]);
    let code = [&[0], body.as_slice(), &[0x0b]].concat();
    let code = [&[1], number(code.len()).as_slice(), &code].concat();
    let module = [MODULE, &section(1, &types), &section(3, &[1, 0]), &section(10, &code)];
    modules(1, &module.concat())
}

/// A core module that imports so many functions of names as long as that.
pub fn names(count: usize, length: usize) -> Vec<u8> {
    let name = [number(length), vec![b'n'; length]].concat();
    let import = [name.as_slice(), &name, &[0, 0]].concat();
    let imports = [number(count), import.repeat(count)].concat();
    [MODULE, &section(1, &[1, 0x60, 0, 0]), &section(2, &imports)].concat()
}
