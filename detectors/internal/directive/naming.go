package directive

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Naming numbers the signals of a lexicon by their names, which takes a thousandth of the time that its patterns take.
type Naming struct {
	names  []string
	byName map[string]Signal
	opener map[Signal]string // the file that declares it
}

// Names returns the naming of [Default].
var Names = sync.OnceValue(func() *Naming {
	n, err := name(Files())
	if err != nil {
		panic(err) // embedded: tests read it
	}
	return n
})

// Signal returns the signal with the given name.
func (n *Naming) Signal(name string) (Signal, bool) {
	s, ok := n.byName[name]
	return s, ok
}

// Name returns the signal's name.
func (n *Naming) Name(s Signal) string { return n.names[s] }

// Names returns the names of all signals.
func (n *Naming) Names() []string { return slices.Clone(n.names) }

// name numbers the built-in signals, and those that the sections of the files declare.
func name(files []File) (*Naming, error) {
	n := &Naming{byName: map[string]Signal{}, opener: map[Signal]string{}}
	for _, name := range builtinNames {
		n.declare(name)
	}
	for _, f := range files {
		line := 0
		for text := range strings.Lines(f.Text) {
			line++
			if text = strings.TrimSpace(text); !strings.HasPrefix(text, "[") {
				continue
			}
			if err := n.section(f.Name, readSection(text)); err != nil {
				return nil, fmt.Errorf("reading lexicon %s line %d: %w", f.Name, line, err)
			}
		}
	}
	return n, nil
}

func (n *Naming) declare(name string) Signal {
	s := Signal(len(n.names))
	n.names = append(n.names, name)
	n.byName[name] = s
	return s
}

// section is the head of a section.
type section struct {
	name string
	data bool // the signal is a kind of data
	more bool // another file declares the signal
}

const commonSection = "common"

func readSection(line string) (s section) {
	words := strings.Fields(strings.Trim(line, "[]"))
	for i, w := range words {
		switch {
		case i == 0:
			s.name = w
		case w == "data":
			s.data = true
		case w == "more":
			s.more = true
		default:
			s.name = line
		}
	}
	return s
}

// section declares the signal of a section. A name that two files have happened on would join what does not belong
// together, so the second has to say that it means the first one's.
func (n *Naming) section(file string, s section) error {
	if s.name == "" || strings.Trim(s.name, "abcdefghijklmnopqrstuvwxyz.") != "" {
		return fmt.Errorf("%q is no head of a section: a name of lower-case letters and dots, then data or more", s.name)
	}
	if s.name == commonSection {
		return nil
	}
	known, ok := n.byName[s.name]
	if !ok {
		if s.more {
			return fmt.Errorf("%q has more of a signal that no file before declares", s.name)
		}
		if len(n.names) == MaxSignals-1 {
			return fmt.Errorf("%q is one more than the limit of %d signals", s.name, MaxSignals-1)
		}
		known = n.declare(s.name)
	}
	opener, opened := n.opener[known]
	switch {
	case !opened:
		n.opener[known] = file
	case opener != file && !s.more:
		return fmt.Errorf("%q is declared in %s: say more to add to it", s.name, opener)
	}
	return nil
}
