/**
 * Aggregates in tests.
 *
 * @module
 */
import type { AggregateClass } from "../component/component.js";
import type { Records } from "./records.js";
export type TextArguments = Record<string, string>;
/** @import { Column } from "../column.js" */
/** @import { AggregateClass } from "../component/component.js" */
/** @import { Records } from "./records.js" */
/** @typedef {Record<string, string>} TextArguments Canonical text by name; those that are missing have their defaults. */
/**
 * What an aggregate makes of these records in one window.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @returns {any} `null` where there is no result.
 */
export declare function fold(aggregate: AggregateClass, args: TextArguments, records: Records): any;
/**
 * What an aggregate makes of these records in a running window: the result after each.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @returns {any[]}
 */
export declare function scan(aggregate: AggregateClass, args: TextArguments, records: Records): any[];
/**
 * Checks what every aggregate promises, over random slots: other batches give the same; a running result's last is the window's; a
 * state that was saved and merged into an empty slot goes on as if nothing had been; combining two slots gives what their values would
 * have given one after the other (doubles within 1e-9); a cleared slot is empty.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @throws {Error} If it does not hold, or the operator fails.
 */
export declare function checkFold(aggregate: AggregateClass, args: TextArguments, records: Records): void;
