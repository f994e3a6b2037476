package rulepack

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
	"github.com/aad6b6dc/taster/models"
)

// Set is packs compiled for matching. It is safe for concurrent use.
type Set struct {
	lexicon   *directive.Lexicon
	rules     []rule // in the order of the packs and their rules
	automaton *automaton
	classes   int                         // of terms
	nears     int                         // Near conditions
	bySignal  [directive.MaxSignals][]int // signals to the rules that are anchored to them
	byTerm    [][]int                     // term classes to the rules that are anchored to them
	counters  [numCounters]directive.Signal
	ids       map[string]bool // of the rules that are not disabled
	digest    string
}

// rule is a compiled rule.
type rule struct {
	*Rule
	pack     *Pack
	kinds    uint32 // bit set, in the order of models.Kinds
	fields   fieldSet
	counters [numCounters]bool   // which counter-evidence counts
	need     []directive.Signals // of a Signals condition
	absent   directive.Signals   // of a Signals condition
	nears    []*near             // of a Near condition: one is enough
}

// near is a compiled Near condition.
type near struct {
	*Near
	number  int   // in the set
	classes []int // numbers of term classes; the first is the anchor
	window  int
	pattern pattern // without a regular expression if there is none
}

// Compile makes a set of the packs, without the rules whose ids are disabled. What [Pack.Lint] objects to, samples
// aside, a name or id that two packs share, and a disabled id that no pack has, is an error.
func Compile(packs []*Pack, disabled ...string) (*Set, error) {
	lexicon, err := directive.Default()
	if err != nil {
		return nil, fmt.Errorf("compiling the lexicon: %w", err)
	}
	c := compiler{set: &Set{lexicon: lexicon, counters: counterSignals(lexicon), ids: map[string]bool{}}, disabled: map[string]bool{}, names: map[string]bool{}, ids: map[string]bool{}}
	for _, id := range disabled {
		c.disabled[id] = true
	}
	for _, p := range packs {
		if err := c.pack(p); err != nil {
			return nil, fmt.Errorf("compiling rule pack %q: %w", p.Name, err)
		}
	}
	for _, id := range disabled {
		if !c.ids[id] {
			return nil, fmt.Errorf("disabling rule %q: no pack has it", id)
		}
	}
	if c.set.automaton, err = newAutomaton(c.literals); err != nil {
		return nil, fmt.Errorf("compiling the terms of the rule packs: %w", err)
	}
	c.set.index()
	c.set.digest = digestOf(packs, disabled)
	return c.set, nil
}

// index notes which rules can hold where a signal or a term is.
func (s *Set) index() {
	s.byTerm = make([][]int, s.classes)
	for i := range s.rules {
		r := &s.rules[i]
		for _, n := range r.nears {
			class := n.classes[0]
			s.byTerm[class] = append(s.byTerm[class], i)
		}
		if r.Signals != nil {
			for signal := range r.need[0].All() {
				s.bySignal[signal] = append(s.bySignal[signal], i)
			}
		}
	}
}

// Digest covers everything that decides what the set matches: the lexicon, the packs' bytes, what is disabled.
func (s *Set) Digest() string { return s.digest }

// SignalName returns the name of a signal in the set's lexicon.
func (s *Set) SignalName(signal directive.Signal) string { return s.lexicon.Name(signal) }

// Rules returns the rules of the set, without the disabled ones.
func (s *Set) Rules() []*Rule {
	out := make([]*Rule, len(s.rules))
	for i := range s.rules {
		out[i] = s.rules[i].Rule
	}
	return out
}

func digestOf(packs []*Pack, disabled []string) string {
	parts := [][]byte{[]byte(directive.Source())}
	for _, p := range packs {
		parts = append(parts, []byte("\npack "+p.Digest))
	}
	disabled = slices.Clone(disabled)
	slices.Sort(disabled)
	for _, id := range slices.Compact(disabled) {
		parts = append(parts, []byte("\nwithout "+id))
	}
	return models.Digest(parts...)
}

type compiler struct {
	set                  *Set
	literals             []literal
	disabled, names, ids map[string]bool
}

func (c *compiler) pack(p *Pack) error {
	if problems := p.check(); len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, problem := range problems {
			errs[i] = problem
		}
		return errors.Join(errs...)
	}
	if c.names[p.Name] {
		return fmt.Errorf("another pack has this name")
	}
	c.names[p.Name] = true
	terms := map[string]int{} // numbers of the classes that rules use
	for i := range p.Rules {
		r := &p.Rules[i]
		if c.ids[r.ID] {
			return fmt.Errorf("another pack has a rule %q, too", r.ID)
		}
		c.ids[r.ID] = true
		if c.disabled[r.ID] {
			continue
		}
		compiled, err := c.rule(p, r, terms)
		if err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
		c.set.rules = append(c.set.rules, compiled)
		c.set.ids[r.ID] = true
	}
	return nil
}

func (c *compiler) rule(p *Pack, r *Rule, terms map[string]int) (rule, error) {
	out := rule{Rule: r, pack: p, kinds: r.kindBits(), fields: fieldBits(r.Fields)}
	for i := range c.set.counters {
		out.counters[i] = slices.Contains(r.Against, counters[i].Kind)
	}
	if r.Signals != nil {
		for _, names := range r.Signals.Need {
			set, err := signalSet(c.set.lexicon, names)
			if err != nil {
				return rule{}, err
			}
			out.need = append(out.need, set)
		}
		var err error
		out.absent, err = signalSet(c.set.lexicon, r.Signals.Absent)
		return out, err
	}
	for i := range r.Near {
		n, err := c.near(p, &r.Near[i], terms)
		if err != nil {
			return rule{}, err
		}
		out.nears = append(out.nears, n)
	}
	return out, nil
}

func (c *compiler) near(p *Pack, of *Near, terms map[string]int) (_ *near, err error) {
	n := &near{Near: of, number: c.set.nears, window: of.window()}
	c.set.nears++
	for _, name := range of.Terms {
		if _, ok := terms[name]; !ok {
			terms[name] = c.set.classes
			for _, text := range p.Terms[name] {
				c.literals = append(c.literals, literal{text: text, class: c.set.classes})
			}
			c.set.classes++
		}
		n.classes = append(n.classes, terms[name])
	}
	if of.Pattern != "" {
		n.pattern, err = of.compilePattern()
	}
	return n, err
}

// kindBits returns the kinds that the rule reads, with what Described and Commands exclude.
func (r *Rule) kindBits() uint32 {
	var set uint32
	for i, k := range kinds {
		reads := len(r.Kinds) == 0 || slices.Contains(r.Kinds, k)
		if s := r.Signals; s != nil {
			reads = reads && !(s.Described && !describing(k)) && !(s.Commands && commanding(k))
		}
		if reads {
			set |= 1 << i
		}
	}
	return set
}

// commanding reports whether the event speaks for a person or is a prompt, where orders to the model are the point.
func commanding(k models.Kind) bool {
	return k == models.KindUserPrompt || k == models.KindPrompt || k == models.KindSampling
}

// describing reports whether the event describes something to the model rather than telling it what to do.
func describing(k models.Kind) bool {
	return k == models.KindTool || k == models.KindResource || k == models.KindAgentCard
}

func kindBit(k models.Kind) uint32 {
	for i, other := range kinds {
		if k == other {
			return 1 << i
		}
	}
	return 0
}

var kinds = models.Kinds()

func signalSet(l *directive.Lexicon, names Names) (directive.Signals, error) {
	var set directive.Signals
	for _, name := range names {
		s, ok := l.Signal(name)
		if !ok {
			return directive.Signals{}, fmt.Errorf("%q is no signal", name)
		}
		set.Add(s)
	}
	return set, nil
}

// window is how far the pattern sees on either side of the anchor.
func (n *Near) window() int {
	if n.Window == 0 {
		return n.Within
	}
	return n.Window
}

// LeadsWith reports whether the signal is one of those that the rule's condition is anchored to.
func (m *Match) LeadsWith(s directive.Signal) bool {
	return m.compiled.nears == nil && m.compiled.need[0].Has(s)
}
