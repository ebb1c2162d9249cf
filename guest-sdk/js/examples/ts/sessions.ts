import { ColumnBuilder, encodeFrame, findColumn, Frame, keysOf, parameter, Refusal, Transform } from "dag-guest";
import type { Arguments, Field, Input, Inputs, Opening, Output, Schema, Value } from "dag-guest";

/** The columns that the output has behind the key's. */
const OWN: Field[] = [
    { name: "start", type: "timestamp" },
    { name: "end", type: "timestamp" },
    { name: "count", type: "int64" },
];

/** Consecutive records of one key. */
interface Session {
    key: string;
    values: Value[];
    start: bigint;
    end: bigint;
    count: bigint;
}

/** `sessions_ts(x, 30s, by=user)`: from when to when a key had records no further apart than the gap, and how many. */
export class Sessions extends Transform {
    static readonly about = {
        name: "sessions_ts",
        doc: "From when to when a key had records with no more than the gap between them, and how many.",
        example: "sessions_ts(clicks, 30s, by=user)",
    };
    static readonly parameters = {
        gap: parameter.duration({ doc: "The longest time between one record and the next.", positional: true }),
        by: parameter.columns({ doc: "Sessions apart for each value of these columns, which the output begins with.", optional: true }),
    };
    static readonly key = "by";

    private gap = 0n;
    private columns: number[] = [];
    private schema: Schema = [];
    /** In the order in which they began. */
    private sessions: Session[] = [];
    /** The latest of each key. */
    private readonly latest = new Map<string, Session>();

    open({ gap, by }: Arguments<typeof Sessions.parameters>, [input]: Input[]): Opening {
        if (gap <= 0n) {
            throw new Refusal(`gap=${gap === 0n ? "0s" : `${gap}ns`}: it must be more than 0`);
        }
        this.gap = gap;
        this.columns = (by ?? []).map((name) => findColumn(input.schema, name));
        const keys = this.columns.map((column) => input.schema[column]);
        for (const { name } of keys) {
            if (OWN.some((field) => field.name === name)) {
                throw new Refusal(`by=${name}: the output has a column \`${name}\` of its own; rename the key with map first`);
            }
        }
        this.schema = [...keys, ...OWN];
        return { schema: this.schema, order: "time", lookback: "unbounded" };
    }

    process(inputs: Inputs, out: Output) {
        const batch = inputs.first;
        const columns = this.columns.map((column) => batch.column(column));
        const keys = keysOf(columns, batch.rows);
        for (let row = 0; row < batch.rows; row++) {
            const time = batch.times[row];
            const key = keys[row];
            const session = this.latest.get(key);
            if (session !== undefined && time - session.end <= this.gap) {
                session.end = time;
                session.count += 1n;
            } else {
                this.begin({ key, values: columns.map((column) => keep(column.get(row))), start: time, end: time, count: 1n });
            }
        }
        this.hold(out);
    }

    advance(frontier: bigint | null, out: Output) {
        const isOver = (session: Session) => frontier === null || session.end + this.gap < frontier;
        const over = this.sessions.filter(isOver);
        this.sessions = this.sessions.filter((session) => !isOver(session));
        over.sort((a, b) => (a.end < b.end ? -1 : a.end > b.end ? 1 : 0));
        for (const session of over) {
            out.push(session.end, ...rowOf(session));
            if (this.latest.get(session.key) === session) {
                this.latest.delete(session.key);
            }
        }
        this.hold(out);
    }

    snapshot() {
        const builders = this.schema.map((field) => new ColumnBuilder(field.type));
        this.sessions.forEach((session) => rowOf(session).forEach((value, index) => builders[index].push(value)));
        return [encodeFrame(this.sessions.length, builders.map((builder) => builder.finish()))];
    }

    restore(_version: number, [chunk]: Uint8Array[]) {
        const { rows, columns } = Frame.parse(chunk);
        const keyColumns = columns.slice(0, this.columns.length);
        const keys = keysOf(keyColumns, rows);
        const [start, end, count] = columns.slice(this.columns.length);
        for (let row = 0; row < rows; row++) {
            const values = keyColumns.map((column) => keep(column.get(row)));
            this.begin({ key: keys[row], values, start: start.get(row), end: end.get(row), count: count.get(row) });
        }
    }

    private begin(session: Session) {
        this.sessions.push(session);
        this.latest.set(session.key, session);
    }

    /** Says that no session ends before the first of those that go on. */
    private hold(out: Output) {
        if (this.sessions.length > 0) {
            out.hold(this.sessions.reduce((least, { end }) => (end < least ? end : least), this.sessions[0].end));
        }
    }
}

function rowOf({ values, start, end, count }: Session): Value[] {
    return [...values, start, end, count];
}

/** A value that outlives the call. */
function keep(value: Value): Value {
    return value instanceof Uint8Array ? value.slice() : value;
}
