/**
 * What an operator cannot do, said to the person who wrote the expression.
 *
 * @module
 */

/**
 * An error whose message alone reaches the person who wrote the expression: it names the thing, what was found and what was
 * expected. Any other error is taken for a mistake in the operator, and reaches them with its name and its line.
 */
export class Refusal extends Error {
    /** @param {string} message */
    constructor(message) {
        super(message);
        this.name = "Refusal";
    }
}

/**
 * The text of whatever was thrown: a refusal's message, else the error's name and message with the place that threw it.
 *
 * @param {unknown} thrown
 * @returns {string}
 */
export function describeError(thrown) {
    if (thrown instanceof Refusal) {
        return thrown.message;
    }
    if (!(thrown instanceof Error)) {
        return String(thrown);
    }
    const text = thrown.message ? `${thrown.name}: ${thrown.message}` : thrown.name;
    const place = placeOf(thrown.stack ?? "");
    return place ? `${text} (${place})` : text;
}

/**
 * Where each line of a bundle comes from: names of files, and per line of the bundle a file's index and its line there, -1 and 0
 * where there is none. The build puts it before the bundle; without it, lines are told as the engine tells them.
 *
 * @typedef {{ files: string[], lines: number[] }} LineTable
 */

/**
 * The file and line of the uppermost frame of a stack that lies in the operator's own code.
 *
 * @param {string} stack As QuickJS and V8 (`at f (file:1:2)`) or SpiderMonkey (`f@file:1:2`) write it.
 * @returns {string | undefined}
 */
function placeOf(stack) {
    /** @type {LineTable | undefined} */
    const table = /** @type {any} */ (globalThis).__dagLines;
    for (const line of stack.split("\n")) {
        const found = /([^\s@()]+):(\d+):\d+\)?$/.exec(line);
        if (!found) {
            continue;
        }
        if (!table) {
            if (!isOwn(found[1])) {
                return `${found[1].split("/").pop()}:${found[2]}`;
            }
            continue;
        }
        const at = 2 * (Number(found[2]) - 1);
        const file = table.files[table.lines[at] ?? -1];
        if (file !== undefined && !isOwn(file)) {
            return `${file}:${table.lines[at + 1]}`;
        }
    }
    return undefined;
}

/**
 * Whether a file is part of this package.
 *
 * @param {string} file
 */
function isOwn(file) {
    return /(^|\/)(dag-guest|guest-sdk\/js)\/src\//.test(file) || file.startsWith("node:") || file === "dag-guest-entry.js";
}
