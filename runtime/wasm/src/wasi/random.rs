//! Randomness: the seeded generator. The seed that maps are spread with is one and the same for all, so that a map has its order whenever it is made.

use wasmtime::component::LinkerInstance;

use super::Asked;
use super::refused::Refused;
use crate::host::Host;

/// Bytes that one call may ask for.
const MOST: u64 = 1 << 20;
/// Seeds of maps.
const SEED: (u64, u64) = (0x6461_675f_6d61_7073, 0x6f6e_655f_7365_6564);

/// Defines a function that draws; false if there is none of that name.
pub fn function(into: &mut LinkerInstance<'_, Host>, asked: Asked<'_>) -> wasmtime::Result<bool> {
    match asked.function {
        name @ ("get-random-u64" | "get-insecure-random-u64") => {
            into.func_wrap(name, |mut store, ()| Ok((store.data_mut().generator.draw(),)))?;
        }
        name @ ("get-random-bytes" | "get-insecure-random-bytes") => {
            into.func_wrap(name, |mut store, (count,): (u64,)| {
                if count > MOST {
                    return Err(
                        Refused(format!("it asked for {count} random bytes; the limit is {MOST} at a time")).into()
                    );
                }
                let host = store.data_mut();
                let mut bytes = Vec::with_capacity(count as usize + 8);
                while (bytes.len() as u64) < count {
                    bytes.extend_from_slice(&host.generator.draw().to_le_bytes());
                }
                bytes.truncate(count as usize);
                Ok((bytes,))
            })?
        }
        name @ ("insecure-seed" | "get-insecure-seed") => into.func_wrap(name, |_, ()| Ok((SEED,)))?,
        _ => return Ok(false),
    }
    Ok(true)
}
