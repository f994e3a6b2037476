package classifier_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/corpus"
	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/view"
)

// synonyms are what a rewriter reaches for first.
var synonyms = map[string][]string{
	"must": {"should", "need to", "are expected to"}, "before": {"prior to", "ahead of"}, "read": {"look at", "fetch", "open", "load"},
	"user": {"person", "customer", "operator"}, "tell": {"inform", "let know"}, "send": {"deliver", "pass", "transmit"}, "file": {"document", "record"},
	"always": {"each time", "without exception"}, "never": {"do not", "at no time"}, "tool": {"function", "helper", "utility"}, "use": {"run", "apply", "employ"},
	"using": {"running", "applying"}, "pass": {"supply", "provide", "hand over"}, "content": {"text", "data"}, "contents": {"text", "data"}, "include": {"add", "attach"},
	"do": {"please do"}, "not": {"never"}, "mention": {"bring up", "note"}, "important": {"note", "remark"}, "all": {"every", "the full"}, "first": {"initially", "to begin with"},
	"call": {"invoke", "trigger"}, "instructions": {"guidance", "directions"}, "silently": {"quietly", "in the background"}, "ensure": {"make sure"}, "parameter": {"field", "argument"},
	"email": {"message", "mail"}, "emails": {"messages", "mail"}, "execute": {"run", "perform"}, "ignore": {"disregard", "skip"}, "otherwise": {"or else"}, "otherwise,": {"or else"},
}

var fillers = []string{"for better results", "as is usual", "as the documentation says", "where that applies", "in the normal way", "for each request"}
var padding = []string{"Returns a list of results in JSON.", "The limit is 100 results per page.", "Dates are in ISO 8601.", "Supports paging with a cursor."}

// mutate changes a text as one who looks for a gap would: other words, padding, splitting, encoding.
func mutate(r *rand.Rand, text string) string {
	words := strings.Fields(text)
	if len(words) < 2 {
		return text
	}
	i := r.IntN(len(words))
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		for range len(words) {
			if s := synonyms[strings.ToLower(strings.Trim(words[i], ".,:;"))]; s != nil {
				words[i] = s[r.IntN(len(s))]
				break
			}
			i = (i + 1) % len(words)
		}
	case 4:
		words[i] += " " + fillers[r.IntN(len(fillers))]
	case 5:
		words[i] = strings.TrimRight(words[i], ".") + ". " + padding[r.IntN(len(padding))]
	case 6:
		words[i] += []string{".", ";", "\n\n"}[r.IntN(3)]
	case 7:
		if i+1 < len(words) {
			words[i], words[i+1] = words[i+1], words[i]
		}
	case 8:
		if len(words[i]) > 3 {
			words[i] = words[i][:2] + "\u200b" + words[i][2:]
		}
	case 9:
		j := min(len(words), i+4)
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Join(words[i:j], " ")))
		words = append(words[:i:i], append([]string{coded}, words[j:]...)...)
	}
	return strings.Join(words, " ")
}

// queries is how often the attacker may ask.
const queries = 200

// maxEscapes is the share of attacks that get away. It is high: a linear model bears little rewording, and the bar is here so
// that it does not get worse.
const maxEscapes = 0.6

// TestClimb rewords definitions of the own corpus that are found, up hill against the detector's own score, until they are
// clean.
func TestClimb(t *testing.T) {
	own, err := corpus.Own()
	if err != nil {
		t.Fatal(err)
	}
	d, err := classifier.Spec.New(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	score := func(body map[string]any) float64 {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := view.Build(raw)
		if err != nil {
			t.Fatal(err)
		}
		ev := &models.Event{Server: "s", Kind: models.KindTool, Body: raw}
		answer, err := d.Detect(t.Context(), &detectors.Batch{Inputs: []detectors.Input{{Event: ev, Segments: doc.Segments}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Outcomes[0].Findings) == 0 {
			return 0
		}
		f := answer.Outcomes[0].Findings[0]
		return float64(f.Severity.Rank()) + f.Confidence
	}
	seeds, escaped := 0, 0
	for _, s := range own.All() {
		var body map[string]any
		if s.Split == corpus.Test || s.Label != models.Malicious || s.Event.Kind != models.KindTool || json.Unmarshal(s.Event.Body, &body) != nil {
			continue
		}
		seed, _ := body["description"].(string)
		best := score(body)
		if best == 0 || seed == "" {
			continue
		}
		text, limit, r := seed, len(strings.Fields(seed))*3/2+10, rand.New(rand.NewPCG(1, uint64(seeds)))
		for n := 0; n < queries && best > 0; n++ {
			next := mutate(r, text)
			if len(strings.Fields(next)) > limit || broken(next)-broken(seed) > 4 {
				continue
			}
			body["description"] = next
			if got := score(body); got < best {
				best, text = got, next
			}
		}
		if seeds++; best == 0 {
			escaped++
		}
	}
	if seeds < 50 {
		t.Fatalf("%d seeds", seeds)
	}
	share := float64(escaped) / float64(seeds)
	t.Logf("%d of %d escape (%.2f) within %d queries", escaped, seeds, share, queries)
	if share > maxEscapes {
		t.Errorf("%.2f escape, the bar is %.2f", share, maxEscapes)
	}
}

// broken counts what makes a text unreadable, of which a model bears only so much.
func broken(text string) int {
	return strings.Count(text, ".") + strings.Count(text, ";") + strings.Count(text, "\n\n") + 2*strings.Count(text, "\u200b") + 2*strings.Count(text, "==")
}
