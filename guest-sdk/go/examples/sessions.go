package main

import (
	"fmt"
	"sort"
	"time"

	"dag.local/dag"
)

// SessionsArguments are what sessions_go takes besides its input.
type SessionsArguments struct {
	Gap time.Duration `dag:"gap,positional" doc:"The longest time between a record and the next of its session."`
	By  dag.Columns   `dag:"by,optional" doc:"Sessions apart for each value of these columns, which the output begins with."`
}

// Session is what is remembered of one.
type Session struct {
	Start, End dag.Time
	Count      int64
}

// Sessions is a running sessions_go. A session is emitted once it is over, at the time of its end; until then the operator holds that time.
type Sessions struct {
	gap  time.Duration
	keys *dag.Keys
	// In the order in which they began.
	sessions []open
	// Each key's latest session.
	latest map[dag.Key]*Session
}

type open struct {
	key     dag.Key
	session *Session
}

func openSessions(arguments SessionsArguments, inputs []dag.Input) (*dag.Opened, error) {
	if arguments.Gap <= 0 {
		return nil, fmt.Errorf("gap=%v: it must be more than 0", arguments.Gap)
	}
	keys, err := dag.KeysBy(arguments.By, inputs[0].Schema)
	if err != nil {
		return nil, err
	}
	schema, err := keys.WithKey(
		dag.Field{Name: "start", Type: dag.Timestamp}, dag.Field{Name: "end", Type: dag.Timestamp}, dag.Field{Name: "count", Type: dag.Int64})
	if err != nil {
		return nil, err
	}
	running := &Sessions{gap: arguments.Gap, keys: keys, latest: map[dag.Key]*Session{}}
	return &dag.Opened{Transform: running, Schema: schema, Order: dag.TimeOrder, Lookback: dag.Unbounded}, nil
}

// Process takes the next records.
func (s *Sessions) Process(in *dag.Inputs, out *dag.Output) error {
	batch := in.First()
	for row, at := range batch.Times() {
		key := s.keys.Of(batch, row)
		if session := s.latest[key]; session != nil && at.Sub(session.End) <= s.gap {
			session.End = at
			session.Count++
			continue
		}
		s.begin(key, &Session{Start: at, End: at, Count: 1})
	}
	s.hold(out)
	return nil
}

// Advance emits the sessions that no record can go on with.
func (s *Sessions) Advance(frontier dag.Time, ended bool, out *dag.Output) error {
	var over []open
	kept := s.sessions[:0]
	for _, open := range s.sessions {
		// At the end of time only the end of the stream ends a session.
		if end := open.session.End.Add(s.gap); ended || end != dag.MaxTime && end < frontier {
			over = append(over, open)
			if s.latest[open.key] == open.session {
				delete(s.latest, open.key)
			}
		} else {
			kept = append(kept, open)
		}
	}
	clear(s.sessions[len(kept):])
	s.sessions = kept
	sort.SliceStable(over, func(a, b int) bool { return over[a].session.End < over[b].session.End })
	behind := len(s.keys.Fields())
	for _, open := range over {
		out.EmitTime(open.session.End)
		s.keys.EmitKey(open.key, out)
		out.Column(behind).AppendTime(open.session.Start)
		out.Column(behind + 1).AppendTime(open.session.End)
		out.Column(behind + 2).AppendInt64(open.session.Count)
	}
	s.hold(out)
	return nil
}

// Snapshot is what it remembers.
func (s *Sessions) Snapshot() ([][]byte, error) {
	rows := func(yield func(dag.Key, *Session) bool) {
		for _, open := range s.sessions {
			if !yield(open.key, open.session) {
				return
			}
		}
	}
	return [][]byte{dag.SaveRows(s.keys, rows)}, nil
}

// Restore remembers again.
func (s *Sessions) Restore(version uint32, chunks [][]byte) error {
	for _, chunk := range chunks {
		if err := dag.LoadRows(s.keys, chunk, s.begin); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sessions) begin(key dag.Key, session *Session) {
	s.sessions = append(s.sessions, open{key, session})
	s.latest[key] = session
}

// hold holds the earliest time that may still be emitted: the least end of a session that is not over.
func (s *Sessions) hold(out *dag.Output) {
	for _, open := range s.sessions {
		if open.session.End <= out.Held() {
			out.Hold(open.session.End)
		}
	}
}

func init() {
	dag.ExportTransform(dag.About{
		Name:    "sessions_go",
		Doc:     "From when to when there were records with no more than the gap between them, and how many.",
		Example: "sessions_go(clicks, 30s, by=user)",
		Key:     "by",
	}, openSessions)
}
