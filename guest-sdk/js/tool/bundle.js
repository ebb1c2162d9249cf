/**
 * One module of an operators' module and all that it imports, with a table of where its lines come from.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { linesOf } from "./lines.js";

const SDK = fileURLToPath(new URL("..", import.meta.url));
const SERVE = `${SDK}src/component/serve.js`;

/** What the bundle of each engine begins from. @type {Record<string, (entry: string) => string>} */
const ENTRIES = {
    node: (entry) => `export { default } from ${JSON.stringify(entry)};`,
    quickjs: (entry) => served(entry, "serveQuickjs"),
    spidermonkey: (entry) => served(entry, "serve"),
};

/**
 * @param {string} entry
 * @param {string} serve
 */
function served(entry, serve) {
    return `
        import * as host from "dag:operator/host@0.1.0";
        import component from ${JSON.stringify(entry)};
        import { ${serve} } from ${JSON.stringify(SERVE)};
        export const { aggregating, transforming } = ${serve}(component, host);
    `;
}

/**
 * Bundles a module.
 *
 * @param {string} entry
 * @param {string} engine A key of {@link ENTRIES}.
 * @returns {Promise<string>}
 */
export async function bundle(entry, engine) {
    const path = resolve(entry);
    readFileSync(path);
    const made = await build({
        stdin: { contents: ENTRIES[engine](path), resolveDir: process.cwd(), sourcefile: "dag-guest-entry.js" },
        bundle: true,
        format: "esm",
        target: "es2023",
        platform: engine === "node" ? "node" : "neutral",
        mainFields: ["module", "main"],
        conditions: ["import", "default"],
        external: ["dag:*"],
        sourcemap: "external",
        outfile: "operators.js",
        write: false,
        logLevel: "silent",
    }).catch((error) => {
        throw new Error(error.message);
    });
    const text = (/** @type {string} */ suffix) => made.outputFiles.find((file) => file.path.endsWith(suffix))?.text ?? "";
    if (engine === "node") {
        return text(".js");
    }
    const table = linesOf(JSON.parse(text(".js.map")), nameOf);
    // One line more at the front, which the table has, too.
    const shifted = { files: table.files, lines: [-1, 0, ...table.lines] };
    return `globalThis.__dagLines = ${JSON.stringify(shifted)};\n${text(".js")}`;
}

/**
 * What a source is called in errors: its path from the project, or its place in this package.
 *
 * @param {string} source
 */
function nameOf(source) {
    const path = resolve(source);
    return path.startsWith(`${SDK}src/`) ? `dag-guest/${relative(SDK, path)}` : relative(process.cwd(), path);
}
