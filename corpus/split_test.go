package corpus

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aad6b6dc/taster/models"
)

// unsplit makes groups of up to three samples each in several files.
func unsplit(t *testing.T, files, groups int) *Corpus {
	c := &Corpus{}
	for i := range files {
		var b strings.Builder
		name, n := fmt.Sprintf("f%d", i), 0
		for g := range groups {
			for k := range 1 + g%3 {
				n++
				label := []string{`"label":"malicious","class":"A%[5]d","signal":"structural","difficulty":"subtle"`, `"label":"benign","resembles":"A%[5]d"`}[(g+k)%2]
				fmt.Fprintf(&b, `{"id":"%[1]s-%04[2]d",`+label+`,"group":"%[1]s-%[3]d","event":{"server":"%[1]s","kind":"prompt","body":{"name":"n%[2]d_%[4]d"}}}`+"\n", name, n, g, k, i+1)
			}
		}
		c.Files = append(c.Files, parse(t, name+Extension, b.String()).Files...)
	}
	return c
}

func assign(t *testing.T, c *Corpus, plan Plan, reassign bool) int {
	t.Helper()
	n, err := c.Assign(plan, reassign)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAssignKeepsTheRatio(t *testing.T) {
	c := unsplit(t, 4, 60)
	if n := assign(t, c, DefaultPlan(), false); n != len(c.All()) {
		t.Errorf("assigned %d of %d", n, len(c.All()))
	}
	if problems := Lint(c, Rules{}); len(problems) > 0 {
		t.Errorf("found %d problems, the first: %v", len(problems), problems[0])
	}
	for _, f := range c.Files {
		for _, label := range []models.Label{models.Malicious, models.Benign} {
			count, all := map[Split]float64{}, 0.0
			for _, s := range f.Samples {
				if s.Label == label {
					count[s.Split]++
					all++
				}
			}
			for i, split := range Splits() {
				if want := DefaultPlan().Ratio.share(i) * all; math.Abs(count[split]-want) > 2 {
					t.Errorf("%s: %s has %v %s samples, want about %v", f.Name, split, count[split], label, want)
				}
			}
		}
	}
}

func splitsOf(c *Corpus) (out []Split) {
	for _, s := range c.All() {
		out = append(out, s.Split)
	}
	return out
}

func TestAssignDependsOnTheSeedAlone(t *testing.T) {
	a, b, other := unsplit(t, 2, 30), unsplit(t, 2, 30), unsplit(t, 2, 30)
	assign(t, a, DefaultPlan(), false)
	assign(t, b, DefaultPlan(), false)
	assign(t, other, Plan{2, DefaultPlan().Ratio}, false)
	if diff := cmp.Diff(splitsOf(a), splitsOf(b)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(splitsOf(a), splitsOf(other)) {
		t.Error("another seed changes nothing")
	}
	if n := assign(t, a, Plan{2, DefaultPlan().Ratio}, false); n != 0 || !cmp.Equal(splitsOf(a), splitsOf(b)) {
		t.Errorf("%d samples were moved", n)
	}
	if n := assign(t, a, Plan{2, DefaultPlan().Ratio}, true); n != len(a.All()) || !cmp.Equal(splitsOf(a), splitsOf(other)) {
		t.Error("reassigned, the splits are not those of the new seed")
	}
}

func TestAssignTearsNothingApart(t *testing.T) {
	near := func(a, b *Sample) {
		a.Event.Body = fmt.Appendf(nil, `{"name":"a","description":%q}`, story)
		b.Event.Body = fmt.Appendf(nil, `{"name":"b","description":%q}`, story+" at the end")
	}
	for name, tie := range map[string]func(a, b *Sample){
		"group":          func(a, b *Sample) { a.Group, b.Group = "together", "together" },
		"catalogue":      func(a, b *Sample) { a.Catalogue, b.Catalogue = "together", "together" },
		"before":         func(a, b *Sample) { a.Before = b.ID },
		"from":           func(a, b *Sample) { b.From = a.ID },
		"near-duplicate": near,
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				c := unsplit(t, 2, 12)
				a, b := &c.Files[0].Samples[0], &c.Files[1].Samples[5]
				tie(a, b)
				assign(t, c, Plan{seed, Ratio{1, 1, 1}}, false)
				if a.Split != b.Split || !a.Split.Valid() {
					t.Fatalf("seed %d: %q and %q", seed, a.Split, b.Split)
				}
			}
		})
	}
}

func TestAssignFollowsWhatIsThere(t *testing.T) {
	for _, split := range Splits() {
		c := unsplit(t, 1, 12)
		c.Files[0].Samples[1].Split = split // of the group of samples 1 and 2
		assign(t, c, DefaultPlan(), false)
		if got := c.Files[0].Samples[2].Split; got != split {
			t.Errorf("a sample of a group in %s is in %s", split, got)
		}
	}
}

func TestAssignRefuses(t *testing.T) {
	if _, err := unsplit(t, 1, 1).Assign(Plan{}, false); err == nil {
		t.Error("an empty plan is taken")
	}
	c := unsplit(t, 1, 1)
	c.Files[0].Samples[0].Event.Body = []byte(`{`)
	if _, err := c.Assign(DefaultPlan(), false); err == nil || !strings.Contains(err.Error(), "f0-0001") {
		t.Errorf("error %v", err)
	}
}

func TestParseRatio(t *testing.T) {
	for s, want := range map[string]Ratio{"60/20/20": {60, 20, 20}, "1/1/1": {1, 1, 1}} {
		if got, err := ParseRatio(s); err != nil || got != want || got.String() != s {
			t.Errorf("ParseRatio(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "60/40", "60/20/20/0", "60/40/0", "a/b/c", "-1/1/1", "1001/1/1"} {
		if _, err := ParseRatio(s); err == nil {
			t.Errorf("ParseRatio(%q) is taken", s)
		}
	}
}

// TestNearDuplicatesAgreesWithTheDefinition compares with every pair counted out.
func TestNearDuplicatesAgreesWithTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []uint64 {
			set := rapid.SliceOfNDistinct(rapid.Uint64Range(0, 30), 0, 20, rapid.ID).Draw(t, "set")
			slices.Sort(set)
			return set
		}), 0, 8).Draw(t, "sets")
		var want []Pair
		for a := range sets {
			for b := a + 1; b < len(sets); b++ {
				n := 0
				for _, h := range sets[a] {
					if slices.Contains(sets[b], h) {
						n++
					}
				}
				if c := float64(n) / float64(max(min(len(sets[a]), len(sets[b])), fewShingles)); c >= NearDuplicate {
					want = append(want, Pair{a, b, c})
				}
			}
		}
		if diff := cmp.Diff(want, nearDuplicates(sets)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWords(t *testing.T) {
	count := func(text string) int { return len(appendWords(nil, text)) }
	for text, want := range map[string]int{
		"": 0, "one": 1, "one, two-three": 3, "कृपया पढ़ें": 2, "請讀取檔案": 5, "ファイルを読む": 7, "파일을 읽어": 2, " ?! ": 0, "v2.1": 2,
	} {
		if got := count(text); got != want {
			t.Errorf("%q has %d words, want %d", text, got, want)
		}
	}
	if !cmp.Equal(appendWords(nil, "ÉTÉ Was"), appendWords(nil, "été was")) {
		t.Error("case counts")
	}
}

func TestSaveAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data [v1]") // no pattern
	c := parse(t, "s.jsonl", soundLines)
	if err := c.Save(dir, Plan{7, Ratio{8, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Error(diff)
	}
	if again.Manifest.Plan.Seed != 7 || again.Digest() != c.Digest() {
		t.Errorf("manifest %+v", again.Manifest)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestSaveWritesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	if err := parse(t, "s.jsonl", soundLines).Save(dir, DefaultPlan()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *Corpus){
		"invalid event": func(c *Corpus) { c.Files[1].Samples[0].Event.Kind = "" },
		"stray member":  func(c *Corpus) { c.Files[1].Samples[0].Stray = "unknown" },
	} {
		c, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		before := c.Digest()
		c.Files = append(c.Files, unsplit(t, 1, 2).Files...)
		c.Files[0].Samples[0].Note = "changed"
		spoil(c)
		if err := c.Save(dir, DefaultPlan()); err == nil {
			t.Errorf("%s: saved", name)
		}
		again, err := Open(dir)
		if err != nil || again.Digest() != before {
			t.Errorf("%s: something was written: %v", name, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			t.Errorf("%s: left behind: %v, %v", name, entries, err)
		}
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrEmpty) {
		t.Errorf("a directory without files: %v", err)
	}
	dir := t.TempDir()
	if err := parse(t, "s.jsonl", soundLines).Save(dir, DefaultPlan()); err != nil {
		t.Fatal(err)
	}
	if c, err := Open(filepath.Join(dir, "s.jsonl")); err != nil || c.Manifest != nil || c.Files[0].Samples[6].Line != 7 {
		t.Errorf("one file: %+v, %v", c, err)
	}
	if c, err := OpenFS(os.DirFS(dir)); err != nil || c.Manifest == nil {
		t.Errorf("a file system: %+v, %v", c, err)
	}
	edit(t, filepath.Join(dir, ManifestName), "{", "[")
	if _, err := Open(dir); err == nil {
		t.Error("a broken manifest is taken")
	}
	if _, err := Read("x.jsonl", strings.NewReader("{}\n\n[]\n")); err == nil || !strings.HasPrefix(err.Error(), "x.jsonl:1: ") {
		t.Errorf("error %v", err)
	}
}

func TestSummarise(t *testing.T) {
	st := Summarise(parse(t, "s.jsonl", soundLines))
	want := Stats{
		Digest: st.Digest, Samples: 7, Groups: 4, TwinSets: 1, Catalogues: 1, Changes: 1,
		Labels: ByLabel{"malicious": 3, "steering": 1, "benign": 3},
		Files:  map[string]ByLabel{"s": {"malicious": 3, "steering": 1, "benign": 3}},
		Kinds:  map[models.Kind]ByLabel{"tool": {"malicious": 3, "benign": 3}, "prompt": {"steering": 1}},
		Classes: map[models.Class]*ClassStats{
			"A1":  {map[Difficulty]int{"subtle": 1}, ByLabel{"benign": 1}},
			"A7":  {map[Difficulty]int{"moderate": 1}, ByLabel{"benign": 1}},
			"A10": {map[Difficulty]int{}, ByLabel{"steering": 1}},
			"E1":  {map[Difficulty]int{"blatant": 1}, ByLabel{"benign": 1}},
		},
		Languages: map[string]ByLabel{"en": {"malicious": 3, "benign": 3}, "pt-BR": {"steering": 1}},
		Splits:    map[Split]ByLabel{"train": {"malicious": 2, "benign": 2}, "dev": {"steering": 1}, "test": {"malicious": 1, "benign": 1}},
		Lengths:   map[models.Kind]LengthsByLabel{"tool": {"malicious": {38, 63, 112}, "benign": {37, 60, 113}}, "prompt": {"steering": {64, 64, 64}}},
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Error(diff)
	}
}
