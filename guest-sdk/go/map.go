package dag

import "iter"

// A Map is a map that is gone through in the order in which its keys were set first: one that may reach the output. Its zero value is empty.
type Map[K comparable, V any] struct {
	places map[K]int
	keys   []K
	values []V
	live   []bool
	gone   int
}

// Get is the value of a key, and whether there is one.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if place, known := m.places[key]; known {
		return m.values[place], true
	}
	var none V
	return none, false
}

// Set sets the value of a key. One that has a value keeps its place.
func (m *Map[K, V]) Set(key K, value V) {
	if place, known := m.places[key]; known {
		m.values[place] = value
		return
	}
	if m.places == nil {
		m.places = map[K]int{}
	}
	m.places[key] = len(m.keys)
	m.keys, m.values, m.live = append(m.keys, key), append(m.values, value), append(m.live, true)
}

// Delete removes a key.
func (m *Map[K, V]) Delete(key K) {
	place, known := m.places[key]
	if !known {
		return
	}
	delete(m.places, key)
	var none V
	m.live[place], m.values[place] = false, none
	if m.gone++; m.gone > len(m.keys)/2 {
		m.compact()
	}
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int { return len(m.places) }

// All are the keys and values, in the order in which the keys were set first. Nothing may be set or deleted meanwhile.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for place, key := range m.keys {
			if m.live[place] && !yield(key, m.values[place]) {
				return
			}
		}
	}
}

// compact closes the gaps that deleted keys left.
func (m *Map[K, V]) compact() {
	to := 0
	for from, key := range m.keys {
		if m.live[from] {
			m.keys[to], m.values[to], m.live[to] = key, m.values[from], true
			m.places[key] = to
			to++
		}
	}
	clear(m.keys[to:])
	clear(m.values[to:])
	m.keys, m.values, m.live, m.gone = m.keys[:to], m.values[:to], m.live[:to], 0
}
