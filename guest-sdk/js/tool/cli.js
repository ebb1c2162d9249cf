#!/usr/bin/env node
/**
 * `dag-guest build`: bundles an operators' module and makes a guest of it, which `dag build` makes a component of.
 *
 * @module
 */

import { parseArgs } from "node:util";

import { buildGuest } from "./guest.js";

const USAGE = `usage: dag-guest build MODULE [--engine quickjs|spidermonkey] [-o FILE]

Bundles the module, whose default export is a component(...), and makes a WebAssembly guest of it.
  --engine  quickjs (the default), or spidermonkey, which is ten times larger and faster where JSON dominates
  -o        where the guest goes; by default build/guest.wasm`;

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { engine: { type: "string", default: "quickjs" }, output: { type: "string", short: "o", default: "build/guest.wasm" } },
});
const [command, entry] = positionals;
if (command !== "build" || entry === undefined || positionals.length !== 2) {
    console.error(USAGE);
    process.exit(2);
}
try {
    await buildGuest(entry, values.engine, values.output);
} catch (error) {
    console.error(`dag-guest: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
}
