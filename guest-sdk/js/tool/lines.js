/**
 * Where the lines of a bundle come from, out of its source map (revision 3).
 *
 * @module
 */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Per line of the bundle the index of a file and the line there, of the first place of that line that has any; -1 and 0 where none has.
 *
 * @param {{ sources: string[], mappings: string }} map
 * @param {(source: string) => string} name How a source is called.
 * @returns {{ files: string[], lines: number[] }}
 */
export function linesOf(map, name) {
    let [source, line] = [0, 0];
    const lines = map.mappings.split(";").flatMap((segments) => {
        /** @type {[number, number] | undefined} */
        let first;
        for (const segment of segments.split(",")) {
            const numbers = decode(segment);
            if (numbers.length >= 4) {
                source += numbers[1];
                line += numbers[2];
                first ??= [source, line + 1];
            }
        }
        return first ?? [-1, 0];
    });
    return { files: map.sources.map(name), lines };
}

/**
 * The numbers of a segment: base 64 VLQ.
 *
 * @param {string} segment
 * @returns {number[]}
 */
function decode(segment) {
    const numbers = [];
    let [value, shift] = [0, 0];
    for (const digit of segment) {
        const bits = DIGITS.indexOf(digit);
        value |= (bits & 31) << shift;
        shift += 5;
        if (bits < 32) {
            numbers.push(value & 1 ? -(value >> 1) : value >> 1);
            [value, shift] = [0, 0];
        }
    }
    return numbers;
}
