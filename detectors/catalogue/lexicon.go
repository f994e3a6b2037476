package catalogue

import (
	_ "embed"
	"sync"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

// concept is one thing that a sentence can speak of. Those of the lexicon come first; the rest are found in its shape, or follow
// from others.
type concept uint8

const (
	always   concept = iota // holds without exception
	argument                // what a call carries
	private                 // what people and houses keep to themselves
	secret                  // a credential
	outward                 // where anybody, or a stranger, can have it
	moved                   // data is moved
	stranger                // content of people whom nobody vouches for
	obey                    // what a text asks for is done
	decides                 // the user stays in charge
	mention                 // the text speaks about attacks, or gives an example
	tool                    // a tool, server or program
	others                  // "other", "any"
	domain                  // what tools are for: "mail", "payment"
	ours                    // "this", "our"
	samename                // one of two of the same name
	assemble                // parts are to be put together
	official                // claims to be the real one
	demand                  // asks for an entry
	browser                 // an honest way to sign in
	neg                     // says no
	know                    // to ask a person, or let them know
	user                    // a person
	keep                    // to keep or show data
	use                     // to use a tool
	replaced                // takes another thing's place
	leave                   // leaves it to others, or only describes
	will                    // what a person does who is in charge
	encoding                // how text is hidden in letters
	taken                   // data is got hold of
	house                   // a place whose customs a text claims to know
	deed                    // what tools of other kinds do
	generic                 // tools of a kind: "the mail tool"
	peer                    // one who calls an agent, or the agent by which the text is read
	inner                   // what an agent holds of itself, and of those whom it has worked for
	posing                  // an authority that a text gives itself, or an approval that it says was given
	lifted                  // a safeguard that is there no more
	worse                   // what another tool is said to lack
	hither                  // away from another tool, to the one whose text it is
	please                  // asks or orders those who read
	reading                 // speaks to a program that reads
	vault                   // a place that is not open to everybody
	apart                   // the text goes on in another definition, or comes from one
	numWords

	unasked  concept = iota - 1 // no asking, no telling
	assured                     // no keeping, no showing
	supplant                    // a tool is replaced, or not to be used
	refrains                    // no data is moved
	wish                        // a person is in charge

	address  // a mail address, a host that is a number, a file transfer address, an account number
	link     // an address of the web
	setting  // an argument with its value: "force=true"
	path     // a file's path or a channel
	named    // an identifier that is not the definition's own
	foreign  // a tool or server that is another server's
	relative // a tool of the same server
	itself   // the definition's own name
	field    // a parameter or value of the definition

	none concept = 255
)

// sections are the names in the lexicon of the concepts that words stand for.
var sections = [numWords]string{
	"always", "argument", "private", "secret", "outward", "moved", "stranger", "obey", "decides", "mention", "tool", "others",
	"domain", "ours", "samename", "assemble", "official", "demand", "browser", "neg", "know", "user", "keep", "use", "replaced",
	"leave", "will", "encoding", "taken", "house", "deed", "generic", "peer", "inner", "posing", "lifted", "worse", "hither", "please", "reading", "vault", "apart",
}

// concepts is a set.
type concepts uint64

func of(list ...concept) concepts {
	var set concepts
	for _, c := range list {
		set |= 1 << c
	}
	return set
}

func (s concepts) has(c concept) bool { return s&(1<<c) != 0 }

//go:embed lexicon.txt
var lexiconText string

// lexicon is the words by which concepts are recognised. It is the detector's own: its words are so common that they would only
// hold up those who read for orders. It is safe for concurrent use.
type lexicon struct {
	*directive.Lexicon
	concepts [directive.MaxSignals]concept // by signal
}

var phrases = sync.OnceValue(func() *lexicon {
	l, err := directive.Parse(directive.File{Name: "lexicon.txt", Text: lexiconText})
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	out := &lexicon{Lexicon: l}
	for s := range out.concepts {
		out.concepts[s] = none
	}
	for c, name := range sections {
		s, ok := l.Signal(name)
		if !ok {
			panic("catalogue: the lexicon has no section " + name)
		}
		out.concepts[s] = concept(c)
	}
	out.concepts[directive.Param] = argument
	return out
})
