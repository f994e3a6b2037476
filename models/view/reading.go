package view

import (
	"unicode/utf8"

	"github.com/aad6b6dc/taster/models"
)

// reading is a text on its way from the body through transforms.
type reading struct {
	chain []string
	text  string
	start int              // in the body, of a text that stands there unchanged
	runs  models.OffsetMap // from text to body; nil if it is unchanged or empty
}

// then returns the reading that one more transform makes of r.
func (r reading) then(step string, b *builder) reading {
	inner := r.runs
	if inner == nil {
		inner = models.OffsetMap{{RawStart: r.start, ViewUnit: 1, RawUnit: 1, Count: len(r.text)}}
	}
	chain := append(make([]string, 0, len(r.chain)+1), r.chain...)
	return reading{chain: append(chain, step), text: string(b.text), runs: compose(b.runs, inner)}
}

// builder collects the text that a transform makes, with its map to the text it is made from.
type builder struct {
	text []byte
	runs models.OffsetMap
}

// add appends text made of units of viewUnit bytes, each from unit bytes of the source, the first of them at from.
func (b *builder) add(text string, viewUnit, from, unit int) {
	if len(text) == 0 {
		return
	}
	b.runs = push(b.runs, models.Run{
		ViewStart: len(b.text), RawStart: from, ViewUnit: viewUnit, RawUnit: unit, Count: len(text) / viewUnit,
	})
	b.text = append(b.text, text...)
}

// keep appends source[from:to] unchanged.
func (b *builder) keep(source string, from, to int) { b.add(source[from:to], 1, from, 1) }

// whole appends text that comes from source[from:to] as a whole.
func (b *builder) whole(text string, from, to int) { b.add(text, len(text), from, to-from) }

// push appends a run, or lengthens the last one if r goes on where it ends, in the same units.
func push(m models.OffsetMap, r models.Run) models.OffsetMap {
	if n := len(m); n > 0 {
		last := &m[n-1]
		if last.ViewUnit == r.ViewUnit && last.RawUnit == r.RawUnit && last.RawStart+last.Count*last.RawUnit == r.RawStart {
			last.Count += r.Count
			return m
		}
	}
	return append(m, r)
}

// rewrite builds what replace makes of text, or returns nil if it changes nothing. replace is asked at every rune; it
// returns what the n bytes there become, or n = 0 to leave the rune as it is.
func rewrite(text string, replace func(i int) (with string, n int)) *builder {
	var b *builder
	kept := 0
	for i := 0; i < len(text); {
		with, n := replace(i)
		if n == 0 {
			i += runeLen(text, i)
			continue
		}
		if b == nil {
			b = &builder{text: make([]byte, 0, len(text))}
		}
		b.keep(text, kept, i)
		b.whole(with, i, i+n)
		i += n
		kept = i
	}
	if b != nil {
		b.keep(text, kept, len(text))
	}
	return b
}

func runeLen(text string, i int) int {
	if text[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(text[i:])
	return n
}

// compose leads a map from a text to its source on to the body, given the map from the source to the body.
func compose(outer, inner models.OffsetMap) models.OffsetMap {
	var out models.OffsetMap
	for _, r := range outer {
		if r.ViewUnit == 1 && r.RawUnit == 1 {
			out = composePlain(out, r, inner)
			continue
		}
		for k := range r.Count {
			from := r.RawStart + k*r.RawUnit
			lo, hi := inner.Raw(from, from+r.RawUnit)
			out = push(out, models.Run{ViewStart: r.ViewStart + k*r.ViewUnit, RawStart: lo, ViewUnit: r.ViewUnit, RawUnit: hi - lo, Count: 1})
		}
	}
	return out
}

// composePlain leads a run of unchanged text on to the body: it takes over the inner runs, and what it cuts out of the
// middle of a unit maps to that unit as a whole.
func composePlain(out models.OffsetMap, r models.Run, inner models.OffsetMap) models.OffsetMap {
	from, end := r.RawStart, r.RawStart+r.Count
	for _, in := range inner[inner.Find(from):] {
		if from >= end {
			break
		}
		stop := min(end, in.ViewEnd())
		for from < stop {
			unit := (from - in.ViewStart) / in.ViewUnit
			offset := (from - in.ViewStart) % in.ViewUnit
			piece := models.Run{
				ViewStart: r.ViewStart + from - r.RawStart, RawStart: in.RawStart + unit*in.RawUnit,
				ViewUnit: in.ViewUnit, RawUnit: in.RawUnit, Count: (stop - from) / in.ViewUnit,
			}
			if offset > 0 || piece.Count == 0 {
				piece.ViewUnit, piece.Count = min(in.ViewUnit-offset, stop-from), 1
			}
			out = push(out, piece)
			from += piece.Count * piece.ViewUnit
		}
	}
	return out
}
