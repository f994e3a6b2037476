package judge

import (
	crand "crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/aad6b6dc/taster/models"
)

//go:embed prompt/*.txt answer.schema.json
var promptFiles embed.FS

var prompts = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(promptFiles, "prompt/system.txt", "prompt/user.txt"))
})

// revision identifies everything besides model and configuration that decides: prompt, schema, plants and signs.
var revision = sync.OnceValue(func() string {
	parts := [][]byte{[]byte(signWords)}
	for _, name := range []string{"prompt/system.txt", "prompt/user.txt", "prompt/plants.txt", "answer.schema.json"} {
		parts = append(parts, promptFile(name))
	}
	return models.Digest(parts...)
})

func promptFile(name string) []byte {
	data, err := promptFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	return data
}

// question is one text as the model is asked about it. No two are dressed up the same.
type question struct {
	nonce  string
	mark   rune
	text   *text
	plant  string
	place  int // the plant stands before this item; len(text.items) for the end
	system string
	user   string
}

// shownItem is an item as the model sees it.
type shownItem struct {
	Number  int
	Pointer string
	Text    string
}

// ask dresses a text up with a fence that nobody can close who has not seen it, spaces that are none, and a plant: an item
// of our own among the others, that has to be reported. Who is talked into reporting nothing does not report it either.
func newQuestion(t *text, draw *rand.Rand) (*question, error) {
	q := &question{
		nonce: fmt.Sprintf("%08x", draw.Uint32()), mark: rune(0xE000 + draw.IntN(64)), text: t,
		plant: plants().draw(draw), place: draw.IntN(len(t.items) + 1),
	}
	items := make([]shownItem, 0, len(t.items)+1)
	for i := range t.items {
		items = append(items, shownItem{Pointer: t.items[i].pointer, Text: t.items[i].shown})
	}
	items = slices.Insert(items, q.place, shownItem{Pointer: q.plantPointer(draw), Text: q.plant})
	for i := range items {
		it := &items[i]
		it.Number, it.Pointer, it.Text = i+1, q.marked(models.Truncate(it.Pointer, maxPointerBytes)), q.marked(it.Text)
	}
	data := map[string]any{"Kind": kindName(t.kind), "Noun": "the " + kindName(t.kind), "Nonce": q.nonce, "Mark": string(q.mark), "Items": items}
	var err error
	if q.system, err = render("system.txt", data); err == nil {
		q.user, err = render("user.txt", data)
	}
	return q, err
}

func render(name string, data any) (string, error) {
	var b strings.Builder
	if err := prompts().ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("writing the prompt: %w", err)
	}
	return b.String(), nil
}

// marked replaces spaces by the mark, and puts one into what a server or a model could take for the structure of a
// conversation: <|im_start|>, [INST], </data>.
func (q *question) marked(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	space := false
	for _, r := range s {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u00a0':
			space = true
			continue
		case private(r) || r < ' ':
			r = '\uFFFD'
		}
		if space {
			b.WriteRune(q.mark)
			space = false
		}
		b.WriteRune(r)
		if r == '<' || r == '[' || r == '|' {
			b.WriteRune(q.mark)
		}
	}
	return b.String()
}

// plantPointer gives the plant a place like those of the other items.
func (q *question) plantPointer(draw *rand.Rand) string {
	if n := len(q.text.items); n > 1 {
		near := q.text.items[draw.IntN(n)].pointer
		if i := strings.LastIndexByte(near, '/'); i > 0 {
			return near[:i] + "/" + [...]string{"note", "hint", "remark", "summary"}[draw.IntN(4)]
		}
	}
	return [...]string{"/note", "/hint", "/remark", "/summary"}[draw.IntN(4)]
}

// item returns the item with the number that the model saw; nil for the plant and for numbers that do not exist.
func (q *question) item(number int) *item {
	i := number - 1
	switch {
	case i < 0 || i == q.place || i > len(q.text.items):
		return nil
	case i > q.place:
		i--
	}
	return &q.text.items[i]
}

// plantNumber is the number that the model saw at the plant.
func (q *question) plantNumber() int { return q.place + 1 }

// kindName is what a kind of event is called in the prompt.
func kindName(k models.Kind) string {
	if k == models.KindInstructions {
		return "server"
	}
	return strings.ReplaceAll(string(k), "_", " ")
}

// grammar is what plants are made of.
type grammar [][]string

var plants = sync.OnceValue(func() grammar {
	var g grammar
	for line := range strings.Lines(string(promptFile("prompt/plants.txt"))) {
		_, choices, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if ok && !strings.HasPrefix(line, "#") {
			g = append(g, strings.Split(choices, "|"))
		}
	}
	return g
})

func (g grammar) draw(draw *rand.Rand) string {
	var b strings.Builder
	for _, part := range g {
		choice := part[draw.IntN(len(part))]
		if b.Len() > 0 && choice[0] != ',' && choice[0] != '.' {
			b.WriteByte(' ')
		}
		b.WriteString(choice)
	}
	return b.String()
}

// drawer makes the chance of one question.
type drawer func(key string) *rand.Rand

// drawFresh is chance that nobody can foresee.
func drawFresh(string) *rand.Rand {
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		panic(err) // crypto/rand.Read never fails
	}
	return rand.New(rand.NewChaCha8(seed))
}

// drawSeeded is chance that follows from a seed and the question's key, so that a recorded exchange can be had again.
func drawSeeded(seed string) drawer {
	return func(key string) *rand.Rand {
		return rand.New(rand.NewChaCha8(sha256.Sum256([]byte(seed + "\x00" + key))))
	}
}

// newSeed is a seed for [drawSeeded].
func newSeed() string {
	var b [16]byte
	if _, err := crand.Read(b[:]); err != nil {
		panic(err) // crypto/rand.Read never fails
	}
	return hex.EncodeToString(b[:])
}
