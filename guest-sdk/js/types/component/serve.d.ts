/**
 * A component's exports, for each engine.
 *
 * @module
 */
import type { Level } from "../host.js";
import type { Component } from "./component.js";
export type ImportedHost = {
    log: (level: Level, message: string) => void;
    random: () => bigint | number;
};
export type WorldSchema = {
    name: string;
    ty: any;
}[];
/** @import { Level } from "../host.js" */
/** @import { Emitted } from "../output.js" */
/** @import { Lookback, Schema } from "../schema.js" */
/** @import { Component } from "./component.js" */
/**
 * `dag:operator/host` as engines import it. QuickJS gives 64 bits as a number, and so rounds them.
 *
 * @typedef {{ log: (level: Level, message: string) => void, random: () => bigint | number }} ImportedHost
 */
/** A schema as the world has it. @typedef {{ name: string, ty: any }[]} WorldSchema */
/**
 * The exports for SpiderMonkey, which passes on all that the world says.
 *
 * @param {Component} component
 * @param {ImportedHost} host
 */
export declare function serve(component: Component, host: ImportedHost): {
    aggregating: {
        describe: () => {
            name: string;
            version: string;
            operators: import("./component.js").Signature[];
        };
        bind: (operator: string, given: any, schema: WorldSchema) => {
            result: import("../schema.js").Type;
            columns: number[];
            lookback: {
                tag: string;
                val: number | bigint;
            } | {
                val?: undefined;
                tag: "none" | "unbounded";
            };
        };
        update: (frame: Uint8Array) => void;
        combine: (frame: Uint8Array) => void;
        state: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        merge: (frame: Uint8Array) => void;
        scan: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        finish: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        clear: (frame: Uint8Array) => void;
    };
    transforming: {
        describe: () => {
            name: string;
            version: string;
            operators: import("./component.js").Signature[];
        };
        open: (operator: string, given: any, inputs: any[]) => {
            schema: {
                name: string;
                ty: import("../schema.js").Type;
            }[];
            order: import("../transform.js").Order;
            lookback: {
                tag: string;
                val: number | bigint;
            } | {
                val?: undefined;
                tag: "none" | "unbounded";
            };
        };
        process: (frames: Uint8Array[], order: Uint8Array) => {
            frame: Uint8Array<ArrayBufferLike>;
            hold: number | bigint | undefined;
            more: boolean;
        };
        advance: (frontier: bigint | undefined) => {
            frame: Uint8Array<ArrayBufferLike>;
            hold: number | bigint | undefined;
            more: boolean;
        };
        snapshot: () => Uint8Array<ArrayBufferLike>[];
        restore: (version: number, chunks: Uint8Array[]) => void;
    };
};
/**
 * The exports for QuickJS, which passes 64-bit integers as numbers: the packages `wit/quickjs.wit` says how they come and go.
 *
 * @param {Component} component
 * @param {ImportedHost} host
 */
export declare function serveQuickjs(component: Component, host: ImportedHost): {
    aggregating: {
        low: () => number;
        high: () => number;
        describe: () => {
            name: string;
            version: string;
            operators: import("./component.js").Signature[];
        };
        bind: (operator: string, given: any, schema: WorldSchema) => {
            result: import("../schema.js").Type;
            columns: number[];
            lookback: {
                tag: string;
                val: number | bigint;
            } | {
                val?: undefined;
                tag: "none" | "unbounded";
            };
        };
        update: (frame: Uint8Array) => void;
        combine: (frame: Uint8Array) => void;
        state: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        merge: (frame: Uint8Array) => void;
        scan: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        finish: (frame: Uint8Array) => Uint8Array<ArrayBufferLike>;
        clear: (frame: Uint8Array) => void;
    };
    transforming: {
        low: () => number;
        high: () => number;
        advance: (isSome: boolean, low: number, high: number) => {
            frame: Uint8Array<ArrayBufferLike>;
            hold: number | bigint | undefined;
            more: boolean;
        };
        describe: () => {
            name: string;
            version: string;
            operators: import("./component.js").Signature[];
        };
        open: (operator: string, given: any, inputs: any[]) => {
            schema: {
                name: string;
                ty: import("../schema.js").Type;
            }[];
            order: import("../transform.js").Order;
            lookback: {
                tag: string;
                val: number | bigint;
            } | {
                val?: undefined;
                tag: "none" | "unbounded";
            };
        };
        process: (frames: Uint8Array[], order: Uint8Array) => {
            frame: Uint8Array<ArrayBufferLike>;
            hold: number | bigint | undefined;
            more: boolean;
        };
        snapshot: () => Uint8Array<ArrayBufferLike>[];
        restore: (version: number, chunks: Uint8Array[]) => void;
    };
};
