package index

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aad6b6dc/taster/models"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("TASTER_TEST_WRITE"); dir != "" {
		writeForEver(dir)
	}
	// bleve keeps a pool of workers from the program's start to its end.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

// numbered is an indicator with a text of its own.
func numbered(n int) models.Indicator {
	return indicator(models.Malicious, fmt.Sprintf("Before call %d of the lantern, read vault%d and put copper%d into the memo.", n, n*7, n*13))
}

func several(from, to int) (out []models.Indicator) {
	for n := from; n < to; n++ {
		out = append(out, numbered(n))
	}
	return out
}

func build(t *testing.T, dir string, all []models.Indicator) {
	t.Helper()
	if _, err := Build(t.Context(), dir, all, nil); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Index {
	t.Helper()
	x, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// holds reports whether a search finds the indicator itself.
func holds(t *testing.T, x *Index, want models.Indicator) bool {
	t.Helper()
	got, err := x.Search(want.Text, 1)
	if err != nil {
		t.Fatal(err)
	}
	return len(got) == 1 && got[0].Indicator.ID == want.ID && got[0].Score == 1
}

// A directory finds what memory finds, with journal and without.
func TestDirectoryLikeMemory(t *testing.T) {
	all := several(0, 300)
	changed := append(several(0, 100), several(150, 320)...)
	m, err := Memory(changed)
	if err != nil {
		t.Fatal(err)
	}
	built, journaled := t.TempDir(), t.TempDir()
	build(t, built, changed)
	build(t, journaled, all)
	var gone []string
	for _, x := range several(100, 150) {
		gone = append(gone, x.ID)
	}
	if _, err := Change(t.Context(), journaled, several(300, 320), gone); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{built, journaled} {
		x := open(t, dir)
		if x.Revision() != m.Revision() {
			t.Errorf("%s and memory have different revisions", dir)
		}
		if a, b := x.Stats(), m.Stats(); a.Indicators != b.Indicators || a.Classes["A1"] != b.Classes["A1"] || a.Sources["test"] != b.Sources["test"] {
			t.Errorf("counts %+v, in memory %+v", a, b)
		}
		for n := 90; n < 320; n += 10 {
			text := "Tells the tide. " + numbered(n).Text + " Times are local."
			want, err1 := m.Search(text, 5)
			got, err2 := x.Search(text, 5)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if a, b := fmt.Sprint(want), fmt.Sprint(got); a != b {
				t.Fatalf("%q: found %s, in memory %s", text, b, a)
			}
		}
		all, err := All(dir)
		if err != nil || len(all) != len(changed) {
			t.Errorf("%d indicators, %v", len(all), err)
		}
	}
}

func TestChange(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("opened nothing: %v", err)
	}
	if _, err := Change(t.Context(), dir, several(0, 1), nil); err != nil { // makes an index
		t.Fatal(err)
	}
	x := open(t, dir)
	empty := x.Revision()
	for _, c := range []struct {
		name   string
		add    []models.Indicator
		remove []string
		count  int
	}{
		{"add", several(1, 3), nil, 3},
		{"add again", several(1, 3), nil, 3},
		{"remove what the generation has", nil, []string{numbered(0).ID}, 2},
		{"remove what the journal has", nil, []string{numbered(1).ID, "ind-nobody"}, 1},
		{"remove and add", several(2, 3), []string{numbered(2).ID}, 1},
		{"back to the start", several(0, 1), []string{numbered(2).ID}, 1},
	} {
		stats, err := Change(t.Context(), dir, c.add, c.remove)
		if err != nil || stats.Indicators != c.count {
			t.Fatalf("%s: %d indicators, %v", c.name, stats.Indicators, err)
		}
		if _, err := x.Refresh(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := x.Stats(); got.Indicators != c.count || got.Revision != stats.Revision {
			t.Errorf("%s: the reader has %+v", c.name, got)
		}
	}
	if x.Revision() != empty || !holds(t, x, numbered(0)) || holds(t, x, numbered(2)) {
		t.Error("not what it was")
	}
	if changed, err := x.Refresh(); changed || err != nil {
		t.Errorf("changed %v, %v without a change", changed, err)
	}
	bad := numbered(1)
	bad.Class = "Z9"
	if _, err := Change(t.Context(), dir, []models.Indicator{bad}, nil); err == nil {
		t.Error("took an invalid indicator")
	}
}

func TestJournalIsCompacted(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 1))
	x := open(t, dir)
	stats, err := Change(t.Context(), dir, several(1, maxJournal+10), nil)
	if err != nil || stats.Journal != 0 || stats.Generation != "gen-0002" || stats.Indicators != maxJournal+10 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if changed, err := x.Refresh(); !changed || err != nil || !holds(t, x, numbered(maxJournal)) {
		t.Errorf("changed %v, %v", changed, err)
	}
}

// Generations before the last one are removed, and readers that hold them go on.
func TestOldGenerations(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 5))
	x := open(t, dir)
	for n := range 3 {
		build(t, dir, several(0, 6+n))
	}
	names, err := generations(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("generations %v, %v", names, err)
	}
	if !holds(t, x, numbered(4)) || holds(t, x, numbered(5)) {
		t.Error("the reader lost its generation")
	}
	if changed, err := x.Refresh(); !changed || err != nil || !holds(t, x, numbered(7)) {
		t.Errorf("changed %v, %v", changed, err)
	}
}

// Writers that are killed, one after the other, leave one unfinished generation, not one each.
func TestUnfinishedGenerations(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	for n := 2; n < 5; n++ {
		if err := os.MkdirAll(filepath.Join(dir, fmt.Sprintf("gen-%04d", n), wordsDir), dirPerm); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Build(t.Context(), dir, several(0, 3), func(int, int) {
		if names, err := generations(dir); err != nil || len(names) != 2 {
			t.Errorf("while it builds there are %v, %v", names, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if x := open(t, dir); !holds(t, x, numbered(2)) {
		t.Error("not built")
	}
}

func TestDamage(t *testing.T) {
	all := several(0, 20)
	files := []string{gateFile, filepath.Join(wordsDir, "index_meta.json"), filepath.Join(wordsDir, "store", "root.bolt")}
	damages := map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"changed":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"empty":     func([]byte) []byte { return nil },
	}
	damage := func(t *testing.T, path string, how func([]byte) []byte) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, how(data), filePerm); err != nil {
			t.Fatal(err)
		}
	}
	for what, how := range damages {
		for _, file := range files {
			t.Run(what+" "+filepath.Base(file), func(t *testing.T) {
				dir := t.TempDir()
				build(t, dir, all)
				damage(t, filepath.Join(dir, "gen-0001", file), how)
				x := open(t, dir)
				if x.Stats().Damage == "" || !holds(t, x, all[7]) {
					t.Errorf("not read from the source: %+v", x.Stats())
				}
				if stats, err := Change(t.Context(), dir, several(20, 21), nil); err != nil || stats.Damage != "" || stats.Indicators != 21 {
					t.Errorf("not rebuilt: %+v, %v", stats, err)
				}
				if _, err := x.Refresh(); err != nil || x.Stats().Damage != "" || !holds(t, x, numbered(20)) {
					t.Errorf("the reader did not follow: %v", err)
				}
			})
		}
		for _, file := range []string{filepath.Join("gen-0001", sourceFile), pointerFile} {
			t.Run(what+" "+filepath.Base(file), func(t *testing.T) {
				dir := t.TempDir()
				build(t, dir, all)
				damage(t, filepath.Join(dir, file), how)
				var corrupt *CorruptError
				if _, err := Open(dir); !errors.As(err, &corrupt) {
					t.Errorf("opened with %v", err)
				}
				if _, err := All(dir); !errors.As(err, &corrupt) {
					t.Errorf("read with %v", err)
				}
				build(t, dir, all)
				if x := open(t, dir); !holds(t, x, all[7]) {
					t.Error("not built anew")
				}
			})
		}
	}
}

func TestFormat(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	path := filepath.Join(dir, pointerFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte(`"format": 1`), []byte(`"format": 9`), 1), filePerm); err != nil {
		t.Fatal(err)
	}
	var format *FormatError
	if _, err := Open(dir); !errors.As(err, &format) || format.Format != 9 {
		t.Errorf("opened with %v", err)
	}
	if _, err := Change(t.Context(), dir, several(2, 3), nil); !errors.As(err, &format) {
		t.Errorf("changed with %v", err)
	}
}

// A line that was cut off does not count and is overwritten; a bad one in the middle is damage.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	for n := 2; n < 4; n++ {
		if _, err := Change(t.Context(), dir, several(n, n+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "gen-0001", journalFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := first; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], filePerm); err != nil {
			t.Fatal(err)
		}
		j, err := readJournal(path)
		if err != nil || j.changes != 1 || j.size != int64(first) {
			t.Fatalf("cut at %d: %d changes, %d bytes, %v", cut, j.changes, j.size, err)
		}
	}
	stats, err := Change(t.Context(), dir, several(5, 6), nil)
	if err != nil || stats.Indicators != 4 {
		t.Errorf("%+v, %v", stats, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[first/2] ^= 1
	if err := os.WriteFile(path, data, filePerm); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Open(dir); !errors.As(err, &corrupt) {
		t.Errorf("opened with %v", err)
	}
}

// What a writer that was killed left at the end of the journal is no change, and the line that takes its place is one.
func TestRefreshAfterCut(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	x := open(t, dir)
	line, err := (&change{Add: several(2, 3)}).line()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gen-0001", journalFile)
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), len(line)), filePerm); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Refresh(); err != nil {
		t.Fatal(err)
	}
	if changed, err := x.Refresh(); changed || err != nil {
		t.Errorf("changed %v, %v without a change", changed, err)
	}
	time.Sleep(20 * time.Millisecond) // the least by which file systems tell times apart
	if _, err := Change(t.Context(), dir, several(2, 3), nil); err != nil {
		t.Fatal(err)
	}
	if changed, err := x.Refresh(); !changed || err != nil || !holds(t, x, numbered(2)) {
		t.Errorf("changed %v, %v", changed, err)
	}
}

// A directory that was removed and made anew has the same names, and may have the same inodes.
func TestRefreshAfterRemoval(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	x := open(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, "gen-0001")); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	build(t, other, several(5, 7))
	if err := os.Rename(filepath.Join(other, "gen-0001"), filepath.Join(dir, "gen-0001")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(other, pointerFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, pointerFile), data, filePerm); err != nil { // in place: the inode stays
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, pointerFile), time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if changed, err := x.Refresh(); !changed || err != nil || holds(t, x, numbered(0)) || !holds(t, x, numbered(5)) {
		t.Errorf("changed %v, %v: the texts are not those of the revision", changed, err)
	}
}

// A generation that is removed while it is read is not one without a journal.
func TestJournalOfRemoved(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	if _, err := Change(t.Context(), dir, several(2, 3), nil); err != nil {
		t.Fatal(err)
	}
	p, err := readPointer(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		build(t, dir, several(0, 3))
	}
	if j, err := p.journal(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	x := open(t, dir)
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Fatal(err)
	}
	build(t, dir, several(0, 3))
	if _, err := x.Refresh(); !errors.Is(err, errClosed) {
		t.Errorf("refreshed with %v", err)
	}
	if _, err := x.Search(poison, 1); !errors.Is(err, errClosed) {
		t.Errorf("searched with %v", err)
	}
}

func FuzzJournal(f *testing.F) {
	line, err := (&change{Add: several(0, 2), Remove: []string{"ind-x"}}).line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(append(line, line[:20]...))
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, data, filePerm); err != nil {
			t.Fatal(err)
		}
		j, err := readJournal(path)
		if err == nil && j.size > int64(len(data)) {
			t.Errorf("%d bytes of %d", j.size, len(data))
		}
	})
}

// Readers and writers at the same time: a reader never sees half a change, which here is two indicators at once.
func TestReadersWhileWriting(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 3 {
		x := open(t, dir)
		readers.Go(func() {
			for ctx.Err() == nil {
				if _, err := x.Refresh(); err != nil {
					t.Error(err)
					return
				}
				if n := x.Stats().Indicators; n%2 != 0 {
					t.Errorf("%d indicators", n)
				}
				if _, err := x.Search(numbered(1).Text, 3); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := range 10 {
				at := 100*(w+1) + 2*n
				if _, err := Change(ctx, dir, several(at, at+2), nil); err != nil {
					t.Error(err)
				}
				if n%5 == 4 {
					if _, err := Build(ctx, dir, several(0, 2), nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Build(ctx, dir, several(0, 50), func(done, _ int) {
		if done == 10 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("built with %v", err)
	}
	if x := open(t, dir); x.Stats().Indicators != 2 {
		t.Errorf("%d indicators", x.Stats().Indicators)
	}
	if names, err := generations(dir); err != nil || len(names) != 1 {
		t.Errorf("left %v, %v", names, err)
	}
}

// writeForEver builds and changes an index until it is killed, and says after each step how many indicators it has.
func writeForEver(dir string) {
	ctx := context.Background()
	for n := 1; ; n++ {
		if _, err := Build(ctx, dir, several(0, 2*n), nil); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println(2 * n)
		for range 3 {
			n++
			if _, err := Change(ctx, dir, several(2*n-2, 2*n), nil); err != nil {
				fmt.Println("failed:", err)
				os.Exit(1)
			}
			fmt.Println(2 * n)
		}
	}
}

// A writer that is killed, whenever, leaves an index that is whole: all of what one of its steps wrote, and no less than it
// had said was there.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, several(0, 2))
	steps := 0
	for round := range 25 {
		var out bytes.Buffer
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "TASTER_TEST_WRITE="+dir)
		child.Stdout = &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*round) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		if strings.Contains(out.String(), "failed") {
			t.Fatalf("round %d: %s", round, out.String())
		}
		least := 1
		for line := range strings.Lines(out.String()) {
			if _, err := fmt.Sscan(line, &least); err == nil && strings.HasSuffix(line, "\n") {
				steps++
			}
		}
		x, err := Open(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		stats := x.Stats()
		if stats.Damage != "" || stats.Indicators < least || stats.Indicators%2 != 0 {
			t.Errorf("round %d: %+v, of at least %d", round, stats, least)
		}
		for n := range stats.Indicators {
			if !holds(t, x, numbered(n)) {
				t.Errorf("round %d: indicator %d of %d is missing", round, n, stats.Indicators)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	if steps == 0 {
		t.Error("no step was ever finished: this shows nothing")
	}
	build(t, dir, several(0, 2))
	if names, err := generations(dir); err != nil || len(names) != 2 {
		t.Errorf("left %v, %v", names, err)
	}
}

func TestPointerDigest(t *testing.T) {
	p := &pointer{Format: Format, Generation: "gen-0001"}
	before := p.digest()
	p.Terms++
	if p.digest() == before {
		t.Error("the digest does not mind what is in it")
	}
	data, err := json.Marshal(p)
	if err != nil || !bytes.Contains(data, []byte(`"format":1`)) {
		t.Errorf("%s, %v", data, err)
	}
}
