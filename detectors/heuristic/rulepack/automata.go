package rulepack

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// The patterns of Near conditions are tried on window after window, and all that is asked is whether they match. Package
// regexp walks all ways through a pattern for each byte; a deterministic automaton, made of the ways that texts have really
// taken (Thompson, "Regular Expression Search Algorithm", 1968; lazily, as in RE2), takes one step. What it says is what
// package regexp says: patterns have no captures that matter and no anchors, only boundaries of words.

// machine is a compiled pattern. It is never changed.
type machine struct {
	program *syntax.Prog
	steps   []uint32 // the instructions that match a rune
	ascii   [utf8.RuneSelf]uint8
	first   []rune  // the least rune of each interval, ascending
	class   []uint8 // of each interval: runes of a class match the same instructions
	runes   []rune  // one of each class
}

// endClass stands for the end of the text.
const endClass = 0

// maxClasses is more than the classes of any sensible pattern.
const maxClasses = 255

// newMachine returns nil for a pattern that has too many classes.
func newMachine(program *syntax.Prog) *machine {
	m := &machine{program: program, runes: []rune{-1}}
	for pc := range program.Inst {
		switch program.Inst[pc].Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			m.steps = append(m.steps, uint32(pc))
		}
	}
	m.first = m.intervals()
	classes := map[string]uint8{}
	for _, r := range m.first {
		key := m.signature(r)
		class, ok := classes[key]
		if !ok {
			if len(m.runes) > maxClasses {
				return nil
			}
			class = uint8(len(m.runes))
			classes[key] = class
			m.runes = append(m.runes, r)
		}
		m.class = append(m.class, class)
	}
	for r := range m.ascii {
		m.ascii[r] = m.classOf(rune(r))
	}
	return m
}

// intervals returns where runes begin to match other instructions than those before them.
func (m *machine) intervals() []rune {
	starts := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1}
	for _, pc := range m.steps {
		runes := m.program.Inst[pc].Rune
		if len(runes) == 1 {
			starts = append(starts, runes[0], runes[0]+1)
			for r := unicode.SimpleFold(runes[0]); r != runes[0]; r = unicode.SimpleFold(r) {
				starts = append(starts, r, r+1)
			}
			continue
		}
		for i := 0; i+1 < len(runes); i += 2 {
			starts = append(starts, runes[i], runes[i+1]+1)
		}
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// signature says which instructions the rune matches, and whether it is of a word.
func (m *machine) signature(r rune) string {
	out := make([]byte, 0, len(m.steps)+1)
	for _, pc := range m.steps {
		out = append(out, bit(m.program.Inst[pc].MatchRune(r)))
	}
	return string(append(out, bit(syntax.IsWordChar(r))))
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (m *machine) classOf(r rune) uint8 {
	i, found := slices.BinarySearch(m.first, r)
	if !found {
		i--
	}
	return m.class[i]
}

// search is the automaton of a machine, as far as texts have led. It belongs to one goroutine.
type search struct {
	*machine
	states []state
	next   []int32          // by state and class: the next state, or one of the below
	known  map[string]int32 // numbers of states by what they are
	made   int              // how many steps the current text has added
	// scratch
	stack   []uint32
	visited []bool
	kernel  []uint32
	key     []byte
}

// state is the instructions that may come next, before those that match no rune are followed.
type state struct {
	kernel []uint32
	word   bool // the rune before is of a word
}

const (
	untried  = -1
	accepted = -2

	// maxStates bounds what an automaton remembers; it then begins anew. So do all of a scanner's when they are more than
	// maxSearches.
	maxStates   = 128
	maxSearches = 1024
	// maxMade is how many steps a text may add before package regexp is the cheaper way to go on.
	maxMade = 256
)

func newSearch(m *machine) *search {
	s := &search{machine: m, visited: make([]bool, len(m.program.Inst))}
	s.forget()
	return s
}

// forget begins anew, in the state at the beginning of a text.
func (s *search) forget() {
	s.states, s.next, s.known = s.states[:0], s.next[:0], map[string]int32{}
	s.state([]uint32{uint32(s.program.Start)}, false)
}

// matches reports whether the pattern matches somewhere in the text. ok is false if that was not worth finding out this way.
func (s *search) matches(text string) (found, ok bool) {
	s.made = 0
	at := int32(0)
	for i := 0; i < len(text); {
		var class uint8
		if c := text[i]; c < utf8.RuneSelf {
			class = s.ascii[c]
			i++
		} else {
			r, size := utf8.DecodeRuneInString(text[i:])
			class = s.classOf(r)
			i += size
		}
		next := s.next[int(at)*len(s.runes)+int(class)]
		if next == untried {
			if next, ok = s.step(at, class); !ok {
				return false, false
			}
		}
		if next == accepted {
			return true, true
		}
		at = next
	}
	next := s.next[int(at)*len(s.runes)+endClass]
	if next == untried {
		if next, ok = s.step(at, endClass); !ok {
			return false, false
		}
	}
	return next == accepted, true
}

// step finds where a rune of the class leads from a state.
func (s *search) step(from int32, class uint8) (int32, bool) {
	if s.made++; s.made > maxMade {
		return 0, false
	}
	r := s.runes[class]
	word := class != endClass && syntax.IsWordChar(r)
	next := int32(accepted)
	if !s.follow(s.states[from].kernel, s.states[from].word, word, r) {
		if len(s.states) == maxStates {
			s.forget()
			return 0, false
		}
		slices.Sort(s.kernel)
		next = s.state(slices.Compact(s.kernel), word)
	}
	s.next[int(from)*len(s.runes)+int(class)] = next
	return next, true
}

// follow gathers in kernel where r leads from the instructions of a state, and the beginning of the pattern. It reports
// whether the pattern has matched before r.
func (s *search) follow(from []uint32, before, word bool, r rune) bool {
	flags := syntax.EmptyNoWordBoundary
	if before != word {
		flags = syntax.EmptyWordBoundary
	}
	clear(s.visited)
	s.stack = append(s.stack[:0], from...)
	s.kernel = append(s.kernel[:0], uint32(s.program.Start))
	for len(s.stack) > 0 {
		pc := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		if s.visited[pc] {
			continue
		}
		s.visited[pc] = true
		switch in := &s.program.Inst[pc]; in.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstAlt, syntax.InstAltMatch:
			s.stack = append(s.stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			s.stack = append(s.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				s.stack = append(s.stack, in.Out)
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if r >= 0 && in.MatchRune(r) {
				s.kernel = append(s.kernel, in.Out)
			}
		}
	}
	return false
}

// state returns the number of a state, which is made if it is new.
func (s *search) state(kernel []uint32, word bool) int32 {
	s.key = append(s.key[:0], bit(word))
	for _, pc := range kernel {
		s.key = binary.LittleEndian.AppendUint16(s.key, uint16(pc))
	}
	n, ok := s.known[string(s.key)]
	if !ok {
		n = int32(len(s.states))
		s.known[string(s.key)] = n
		s.states = append(s.states, state{slices.Clone(kernel), word})
		for range s.runes {
			s.next = append(s.next, untried)
		}
	}
	return n
}
