/**
 * From an operators' module to a guest.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { bundle } from "./bundle.js";

const SDK = fileURLToPath(new URL("..", import.meta.url));

/** What makes a guest, by engine: the package to install, its program, and its arguments. */
const ENGINES = {
    quickjs: {
        tool: "componentize-qjs@0.4.5",
        program: "componentize-qjs",
        arguments: (/** @type {string} */ module, /** @type {string} */ wit, /** @type {string} */ guest) => [
            ...["--wit", wit, "--world", "guest", "--js", module, "--sync", "--stub-wasi", "-o", guest],
        ],
    },
    spidermonkey: {
        tool: "@bytecodealliance/componentize-js@0.23.0",
        program: "componentize-js",
        arguments: (/** @type {string} */ module, /** @type {string} */ wit, /** @type {string} */ guest) => [
            ...[module, "--wit", wit, "--world-name", "guest", "-o", guest],
            ...["-d", "stdio", "random", "clocks", "http", "fetch-event"],
        ],
    },
};

/**
 * Makes a guest.
 *
 * @param {string} entry The operators' module.
 * @param {string} engine
 * @param {string} output
 */
export async function buildGuest(entry, engine, output) {
    const chosen = ENGINES[/** @type {keyof typeof ENGINES} */ (engine)];
    if (chosen === undefined) {
        throw new Error(`there is no engine ${engine}; there are ${Object.keys(ENGINES).join(" and ")}`);
    }
    const program = findProgram(chosen.program, chosen.tool);
    const scratch = mkdtempSync(join(tmpdir(), "dag-guest-"));
    const remove = () => rmSync(scratch, { recursive: true, force: true });
    // However this ends: a signal alone would end it without looking at `finally`.
    process.once("exit", remove);
    ["SIGINT", "SIGTERM", "SIGHUP"].forEach((signal) => process.once(signal, () => process.exit(1)));
    try {
        await checkComponent(entry, scratch);
        const module = join(scratch, "operators.js");
        writeFileSync(module, await bundle(entry, engine));
        const guest = resolve(output);
        mkdirSync(dirname(guest), { recursive: true });
        run(program, chosen.arguments(module, witFolder(engine, scratch), guest));
    } finally {
        remove();
    }
}

/**
 * Loads the operators' module natively, so that what is wrong with it is told with its own lines.
 *
 * @param {string} entry
 * @param {string} scratch
 */
async function checkComponent(entry, scratch) {
    const native = join(scratch, "native.mjs");
    writeFileSync(native, await bundle(entry, "node"));
    const made = (await import(pathToFileURL(native).href)).default;
    if (!Array.isArray(made?.operators) || made.operators.length === 0) {
        throw new Error(`${entry} does not export a component as its default: export default component("name", "1.0.0", [Operator])`);
    }
}

/**
 * A folder with the interface and the package that the engine's guests speak.
 *
 * @param {string} engine
 * @param {string} scratch
 */
function witFolder(engine, scratch) {
    const interfaces = [join(SDK, "../wit"), join(SDK, "../../wit")].map((folder) => join(folder, "dag-operator.wit"));
    const found = interfaces.find((path) => existsSync(path));
    if (found === undefined) {
        throw new Error(`wit/dag-operator.wit is neither beside ${SDK} nor above it`);
    }
    const wit = join(scratch, "wit");
    mkdirSync(join(wit, "deps/operator"), { recursive: true });
    copyFileSync(join(SDK, "wit", `${engine}.wit`), join(wit, "guest.wit"));
    copyFileSync(found, join(wit, "deps/operator/dag-operator.wit"));
    return wit;
}

/**
 * The path of a tool's program, as the project has it installed.
 *
 * @param {string} program
 * @param {string} tool
 */
function findProgram(program, tool) {
    const places = [process.cwd(), SDK].map((folder) => join(folder, "node_modules/.bin", program));
    const found = places.find((path) => existsSync(path));
    if (found === undefined) {
        throw new Error(`${program} is not installed in this project: npm install --save-dev ${tool}`);
    }
    return found;
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args) {
    const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (error !== undefined || status !== 0) {
        throw new Error(`${program} failed: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
    }
}

