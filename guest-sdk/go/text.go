package dag

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var units = []struct {
	name  string
	nanos uint64
}{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"w", 604800e9}}

// parseDuration reads the canonical text of a duration: `1h30m`, `-5m`, `0s`.
func parseDuration(text string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(text, "-")
	var nanos uint64
	wrong := fmt.Errorf("expected a duration such as 5m, found `%s`", text)
	if rest == "" {
		return 0, wrong
	}
	for rest != "" && rest != "0" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		number, err := strconv.ParseUint(rest[:digits], 10, 63)
		if err != nil {
			return 0, wrong
		}
		rest = rest[digits:]
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = rest[len(name):]
		unit := uint64(0)
		for _, known := range units {
			if known.name == name {
				unit = known.nanos
			}
		}
		if unit == 0 || number > math.MaxInt64/unit || nanos+number*unit > math.MaxInt64 {
			return 0, wrong
		}
		nanos += number * unit
	}
	if negative {
		return -time.Duration(nanos), nil
	}
	return time.Duration(nanos), nil
}

func parseInteger(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("expected a whole number, found `%s`", text)
	}
	return value, nil
}

func parseNumber(text string) (float64, error) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("expected a number, found `%s`", text)
	}
	return value, nil
}

// parseText reads text in single quotes, in which two are one.
func parseText(text string) (string, error) {
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
		return "", fmt.Errorf("expected text in single quotes, found `%s`", text)
	}
	return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), nil
}

// parseColumn reads a name, which stands in double quotes where it is not of letters, digits and underscores.
func parseColumn(text string) (string, error) {
	name, rest := cutName(text)
	if name == "" || rest != "" {
		return "", fmt.Errorf("expected a column's name, found `%s`", text)
	}
	return name, nil
}

// parseColumns reads `host` or `(host,region)`.
func parseColumns(text string) ([]string, error) {
	wrong := fmt.Errorf("expected columns' names, such as host or (host,region), found `%s`", text)
	inside, list := strings.CutPrefix(text, "(")
	if list {
		var closed bool
		if inside, closed = strings.CutSuffix(inside, ")"); !closed {
			return nil, wrong
		}
	}
	var names []string
	for {
		name, rest := cutName(strings.TrimLeft(inside, " "))
		if name == "" {
			return nil, wrong
		}
		names = append(names, name)
		var more bool
		inside, more = strings.CutPrefix(rest, ",")
		if more && !list || !more && rest != "" {
			return nil, wrong
		}
		if !more {
			return names, nil
		}
	}
}

// cutName cuts the name off that the text begins with: what it stands for, and what is behind it.
func cutName(text string) (name, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, `",() `)
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	for at := 1; at < len(text); at++ {
		if text[at] != '"' {
			continue
		}
		if at+1 < len(text) && text[at+1] == '"' {
			at++
			continue
		}
		return strings.ReplaceAll(text[1:at], `""`, `"`), text[at+1:]
	}
	return "", text
}
