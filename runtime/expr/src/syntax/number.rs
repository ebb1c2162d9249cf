//! Doubles in one form.

/// The shortest text that reads back as the same double: `90`, `0.1`, `1e300`.
pub fn canonical(number: f64) -> String {
    let magnitude = number.abs();
    if number == 0.0 || (1e-7..1e21).contains(&magnitude) { format!("{number}") } else { format!("{number:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_form_reads_back() {
        for (number, text) in [
            (90.0, "90"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e300, "1e300"),
            (1e20, "100000000000000000000"),
            (2.5e-9, "2.5e-9"),
        ] {
            assert_eq!(canonical(number), text);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
