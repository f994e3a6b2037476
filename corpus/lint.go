package corpus

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// Rule names one thing that [Lint] checks.
type Rule string

// The rules. Those of the first block hold for every file, the others for Taster's own format ([Foreign]).
const (
	RuleEmpty     Rule = "empty"     // there is a sample
	RuleMember    Rule = "member"    // a line has no members but those of the format
	RuleID        Rule = "id"        // ids are there and unique; own ones are the file's name and four digits, but for variations
	RuleLabel     Rule = "label"     // the label is one of [models.Labels]
	RuleLanguage  Rule = "language"  // the language is a BCP 47 tag
	RuleEvent     Rule = "event"     // the event is valid
	RuleSpan      Rule = "span"      // spans select text; malicious samples have some unless they are structural, others none
	RuleSplit     Rule = "split"     // splits are known, and all samples have one or none has
	RuleTorn      Rule = "torn"      // groups, catalogues, changes and variations are in one split
	RuleManifest  Rule = "manifest"  // files are what the manifest says
	RuleSource    Rule = "source"    // the source is the file's name, but for variations
	RuleClass     Rule = "class"     // classes are known; malicious samples have one, others none
	RuleResembles Rule = "resembles" // harmless samples say which class they resemble, malicious ones don't

	RuleSignal     Rule = "signal"     // malicious samples alone have one, a known one
	RuleDifficulty Rule = "difficulty" // malicious samples alone have one, a known one
	RuleShape      Rule = "shape"      // the body has the members that MCP asks of its kind
	RuleIdentical  Rule = "identical"  // no two samples have the same body in the same context
	RuleGroup      Rule = "group"      // samples have a group
	RuleTwin       Rule = "twin"       // a twin set has a malicious and a harmless sample
	RuleCatalogue  Rule = "catalogue"  // a catalogue has several samples, of one group and file
	RuleBefore     Rule = "before"     // before names a sample of the same server, kind and object or template
	RuleNear       Rule = "near"       // no near-duplicates in two splits
	RuleLength     Rule = "length"     // malicious and harmless samples of a kind are of like length
	RuleCoverage   Rule = "coverage"   // a complete corpus has enough of everything
)

// Profile says which rules a file is held to. The zero value means that each file tells: one in which no sample has
// split, difficulty, resembles or spans is foreign.
type Profile string

// The profiles.
const (
	// OwnFormat is the format of Taster's own corpus: all rules.
	OwnFormat Profile = "own"
	// Foreign is somebody else's collection in the same row format, with its own words for class and signal. Held to
	// it are id (unique, of any form), label, language, event, members, spans (in range), split and torn.
	Foreign Profile = "foreign"
)

// Profiles returns every profile.
func Profiles() []Profile { return []Profile{OwnFormat, Foreign} }

func (p Profile) foreign(f *File) bool {
	if p != "" {
		return p == Foreign
	}
	return !slices.ContainsFunc(f.Samples, func(s Sample) bool {
		return s.Split != "" || s.Difficulty != "" || s.Resembles != "" || s.Spans != nil
	})
}

// Rules says what [Lint] checks. The zero value is right for most.
type Rules struct {
	Profile Profile
	// Partial leaves out the lengths, which can't match while a corpus is being filled file by file.
	Partial bool
	// Complete adds [RuleCoverage].
	Complete bool
}

// Problem is what is wrong with a sample, a file, or the corpus.
type Problem struct {
	File    string `json:"file,omitempty"` // without directory and extension
	Line    int    `json:"line,omitempty"`
	ID      string `json:"id,omitempty"`
	Rule    Rule   `json:"rule"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s: %s", p.Rule, p.Message)
	if p.ID != "" {
		s = p.ID + ": " + s
	}
	switch {
	case p.Line > 0:
		s = fmt.Sprintf("%s%s:%d: %s", p.File, Extension, p.Line, s)
	case p.File != "":
		s = fmt.Sprintf("%s%s: %s", p.File, Extension, s)
	}
	return s
}

// Lint reports what keeps figures on a corpus from meaning something, in the order of files and lines, what concerns
// the whole corpus last.
func Lint(c *Corpus, rules Rules) []Problem {
	l := &linter{rules: rules, byID: map[string]*entry{}}
	for i := range c.Files {
		f := &c.Files[i]
		foreign := rules.Profile.foreign(f)
		for j := range f.Samples {
			l.entries = append(l.entries, &entry{Sample: &f.Samples[j], file: f.Name, foreign: foreign})
		}
	}
	if len(l.entries) == 0 {
		return []Problem{{Rule: RuleEmpty, Message: ErrEmpty.Error()}}
	}
	for _, e := range l.entries {
		l.sample(e)
	}
	l.together()
	l.manifest(c)
	if rules.Complete {
		l.coverage(c)
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(compareLast(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return l.problems
}

// compareLast orders strings with the empty one last.
func compareLast(a, b string) int {
	if (a == "") != (b == "") {
		return cmp.Compare(len(b), len(a))
	}
	return cmp.Compare(a, b)
}

type linter struct {
	rules    Rules
	entries  []*entry
	byID     map[string]*entry
	problems []Problem
}

// entry is a sample and what is known of it.
type entry struct {
	*Sample
	file    string
	foreign bool
	event   models.Event     // normalised
	doc     *models.Document // nil if the event is not valid
}

func (l *linter) report(e *entry, rule Rule, format string, args ...any) {
	p := Problem{Rule: rule, Message: fmt.Sprintf(format, args...)}
	if e != nil {
		p.File, p.Line, p.ID = e.file, e.Line, e.ID
	}
	l.problems = append(l.problems, p)
}

// sample checks one sample on its own.
func (l *linter) sample(e *entry) {
	for _, check := range sampleChecks {
		if e.foreign && !check.foreign {
			continue
		}
		if problem := check.find(e); problem != "" {
			l.report(e, check.rule, "%s", problem)
		}
	}
	if other, taken := l.byID[e.ID]; taken {
		l.report(e, RuleID, "also that of line %d of %s%s", other.Line, other.file, Extension)
	} else if e.ID != "" {
		l.byID[e.ID] = e
	}
}

func (e *entry) harmless() bool { return e.Label == models.Steering || e.Label == models.Benign }

func (e *entry) read() error {
	if err := e.Event.Validate(); err != nil {
		return err
	}
	e.event = e.Event
	e.event.Normalise()
	if e.Event.Oversize != nil || e.foreign && len(e.Spans) == 0 {
		return nil
	}
	var err error
	e.doc, err = view.Build(e.Event.Body)
	return err
}
