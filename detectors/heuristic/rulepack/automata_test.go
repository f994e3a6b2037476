package rulepack

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// tricky are patterns in which folding, boundaries, classes and gaps can go wrong.
var tricky = []string{
	`read.{0,20}keys?`, `\bkey\b`, `\Bkey`, `key\B`, `k(?:ey|ſ)s`, `[^a-z]x`, `(?-s:a.b)`, `(?-i:Key)`, `straße|STRASSE`, `\bé\w{1,3}\b`,
	`[\x{4e00}-\x{9fff}]{2,4}`, `не\s{1,3}говори`, `a{3,5}b`, `(?:ab|a)(?:c|bcd)`, `x(?:\b|y)z?`, `\W\w`, `[K-k]`, `\x{fffd}!`, `-----begin.{0,30}key-----`,
}

// FuzzMachine compares the automata with package regexp, text after text: what one has learned must not mislead the next.
func FuzzMachine(f *testing.F) {
	var patterns []pattern
	for _, text := range append(tricky, comparisonPatterns(f)...) {
		p, err := compilePattern(text)
		if err != nil {
			f.Fatalf("%s: %v", text, err)
		}
		if p.machine == nil {
			f.Fatalf("%s: no automaton", text)
		}
		patterns = append(patterns, p)
	}
	searches := make([]*search, len(patterns))
	for i := range searches {
		searches[i] = newSearch(patterns[i].machine)
	}
	for _, text := range []string{
		"", "key", "Read the \u212aeys", "monkey keys", "STRASSE straße Stra\u1e9ee", "a\nb a.b", "aaaab abcd", "\xff! x y\xe4", "не  говори 机密 é_x ", hostile, benign,
		strings.Repeat("read the a key read ke ", 30),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, p := range patterns {
			want := p.re.MatchString(text)
			if found, ok := searches[i].matches(text); ok && found != want {
				t.Errorf("%s in %q: %v, package regexp says %v", p.re, text, found, want)
			}
		}
	})
}

func comparisonPatterns(t testing.TB) (out []string) {
	for _, r := range readPack(t, "testdata/near.yaml").Rules {
		for _, n := range r.Near {
			if n.Pattern != "" {
				out = append(out, n.Pattern)
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no patterns in testdata/near.yaml")
	}
	return out
}

// A text that leads to ever new states is left to package regexp, and forgotten.
func TestStatesAreBounded(t *testing.T) {
	p, err := compilePattern(`a[ab]{30}c`)
	if err != nil {
		t.Fatal(err)
	}
	s := newSearch(p.machine)
	gaveUp := false
	x := uint32(1)
	for range 50 {
		var text strings.Builder
		for range 400 {
			x = x*1664525 + 1013904223
			text.WriteByte("ab"[x>>31])
		}
		_, ok := s.matches(text.String())
		gaveUp = gaveUp || !ok
		if len(s.states) > maxStates || len(s.next) > maxStates*len(s.runes) {
			t.Fatalf("%d states", len(s.states))
		}
	}
	if !gaveUp {
		t.Error("random texts never led to too many states")
	}
	if found, ok := s.matches("a" + strings.Repeat("b", 30) + "c"); ok && !found {
		t.Error("nothing found afterwards")
	}
}

func TestSearchesAreBounded(t *testing.T) {
	p, err := compilePattern("keys?")
	if err != nil {
		t.Fatal(err)
	}
	sc := &Scanner{searches: map[int]*search{}}
	for n := range 2*maxSearches + 1 {
		if !sc.found(&near{number: n, pattern: p}, "the keys") {
			t.Fatal("not found")
		}
		if len(sc.searches) > maxSearches {
			t.Fatalf("%d automata", len(sc.searches))
		}
	}
}

// Of two hits that are equally near, the first is taken.
func TestNearest(t *testing.T) {
	must, secret := directive.Of(directive.Must), directive.Secret
	hits := []directive.Hit{
		{Signal: directive.Must, Start: 0, End: 2}, {Signal: directive.Must, Start: 10, End: 12}, {Signal: secret, Start: 20, End: 22},
		{Signal: directive.Must, Start: 30, End: 32}, {Signal: directive.Must, Start: 40, End: 42},
	}
	if h, ok := nearest(hits, 2, &must); !ok || h.Start != 10 {
		t.Errorf("%v %v, want the hit at 10", h, ok)
	}
	hits[1].Start = 9
	if h, ok := nearest(hits, 2, &must); !ok || h.Start != 30 {
		t.Errorf("%v %v, want the hit at 30", h, ok)
	}
	none := directive.Of(directive.Send)
	if h, ok := nearest(hits, 2, &none); ok {
		t.Errorf("%v of no such signal", h)
	}
}

// What one text may add is bounded, too: the pattern has few states and many classes.
func TestStepsAreBounded(t *testing.T) {
	p, err := compilePattern("(?:a[b-h]|c[e-k]|f[i-n]|j[l-q]|m[o-t]|[dp][a-g]){3}z")
	if err != nil {
		t.Fatal(err)
	}
	s := newSearch(p.machine)
	var text strings.Builder
	x := uint32(1)
	for range 20000 {
		x = x*1664525 + 1013904223
		text.WriteByte("abcdefghijklmnopqrst"[x>>16%20])
	}
	if _, ok := s.matches(text.String()); ok || s.made > maxMade+1 {
		t.Errorf("%d steps for one text, %v", s.made, ok)
	}
}
