"""``sessions_python(x, 30s, by=user)``: from when to when a key had records no further apart than the gap, and how many."""

from dataclasses import dataclass

from dag_guest import About, ColumnBuilder, Field, Frame, Opening, Refusal, Transform, encode_frame, find_column, keys_of, parameter

OWN = [Field("start", "timestamp"), Field("end", "timestamp"), Field("count", "int64")]
"""The columns that the output has behind the key's."""


@dataclass
class Session:
    """Consecutive records of one key."""

    key: object
    values: list
    start: int
    end: int
    count: int

    def row(self):
        return [*self.values, self.start, self.end, self.count]


class Sessions(Transform):
    about = About(
        "sessions_python",
        "From when to when a key had records with no more than the gap between them, and how many.",
        "sessions_python(clicks, 30s, by=user)",
    )
    parameters = {
        "gap": parameter.duration("The longest time between one record and the next.", positional=True),
        "by": parameter.columns("Sessions apart for each value of these columns, which the output begins with.", optional=True),
    }
    key = "by"

    def __init__(self):
        self.sessions = []  # In the order in which they began.
        self.latest = {}  # Of each key.

    def open(self, arguments, inputs):
        self.gap = arguments.gap
        if self.gap <= 0:
            raise Refusal(f"gap={'0s' if self.gap == 0 else f'{self.gap}ns'}: it must be more than 0")
        schema = inputs[0].schema
        self.columns = [find_column(schema, name) for name in arguments.by or ()]
        keys = [schema[column] for column in self.columns]
        for field in keys:
            if any(own.name == field.name for own in OWN):
                raise Refusal(f"by={field.name}: the output has a column `{field.name}` of its own; rename the key with map first")
        self.schema = [*keys, *OWN]
        return Opening(self.schema, "time", "unbounded")

    def process(self, inputs, out):
        batch = inputs.first
        columns = [batch.column(column) for column in self.columns]
        keys = keys_of(columns, batch.rows)
        for row, time in enumerate(batch.times):
            key = keys[row]
            session = self.latest.get(key)
            if session is not None and time - session.end <= self.gap:
                session.end = time
                session.count += 1
            else:
                self.begin(Session(key, [column[row] for column in columns], time, time, 1))
        self.hold(out)

    def advance(self, frontier, out):
        def is_over(session):
            return frontier is None or session.end + self.gap < frontier

        over = [session for session in self.sessions if is_over(session)]
        self.sessions = [session for session in self.sessions if not is_over(session)]
        for session in sorted(over, key=lambda session: session.end):
            out.push(session.end, *session.row())
            if self.latest.get(session.key) is session:
                del self.latest[session.key]
        self.hold(out)

    def snapshot(self):
        builders = [ColumnBuilder(field.type) for field in self.schema]
        for session in self.sessions:
            for builder, value in zip(builders, session.row()):
                builder.push(value)
        return [encode_frame(len(self.sessions), [builder.finish() for builder in builders])]

    def restore(self, version, chunks):
        frame = Frame.parse(chunks[0])
        columns = frame.columns[: len(self.columns)]
        keys = keys_of(columns, frame.rows)
        start, end, count = frame.columns[len(self.columns) :]
        for row in range(frame.rows):
            self.begin(Session(keys[row], [column[row] for column in columns], start[row], end[row], count[row]))

    def begin(self, session):
        self.sessions.append(session)
        self.latest[session.key] = session

    def hold(self, out):
        """Says that no session ends before the first of those that go on."""
        if self.sessions:
            out.hold(min(session.end for session in self.sessions))
