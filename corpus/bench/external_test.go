package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/models"
)

// scannerMode makes the test's own program a foreign scanner of that sort.
const scannerMode = "BENCH_TEST_SCANNER"

// scan is the foreign scanner. It flags what contains "poison".
func scan(mode string) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	var kept []string
	for in.Scan() {
		var e struct {
			ID, Kind string
			Body     json.RawMessage
		}
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			fmt.Fprintln(os.Stderr, "scanner:", err)
			os.Exit(1)
		}
		answer := fmt.Sprintf(`{"id":%q,"flagged":%t}`, e.ID, strings.Contains(string(e.Body), "poison"))
		switch mode {
		case "stream":
			fmt.Println(answer)
		case "backwards", "half":
			kept = append(kept, answer)
		case "silent":
			time.Sleep(time.Minute)
		case "child": // that keeps the output open
			child := exec.Command("sleep", "40")
			child.Stdout = os.Stdout
			if err := child.Start(); err != nil {
				os.Exit(1)
			}
			time.Sleep(time.Minute)
		case "mute":
			_ = os.Stdout.Close()
			time.Sleep(time.Minute)
		case "exit":
			os.Exit(7)
		case "garbage":
			fmt.Println("Scanning...")
		case "stranger":
			fmt.Println(`{"id":"nobody","flagged":true}`)
		case "twice":
			fmt.Println(answer)
			fmt.Println(answer)
		}
	}
	if mode == "half" {
		kept = kept[:len(kept)/2]
	}
	slices.Reverse(kept)
	for _, a := range kept {
		fmt.Println(a)
	}
}

func scanner(t *testing.T, mode string) *External {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &External{Args: []string{program}, Env: append(os.Environ(), scannerMode+"="+mode), Stderr: io.Discard, Idle: 20 * time.Second}
}

func events(n int) []models.Event {
	out := make([]models.Event, n)
	for i := range out {
		text := "harmless"
		if i%3 == 0 {
			text = "poison"
		}
		out[i] = models.Event{ID: fmt.Sprintf("e%d", i), Server: "s", Kind: models.KindTool, Body: fmt.Appendf(nil, `{"name":"n","description":%q}`, text)}
	}
	return out
}

func TestExternalAnswersInAnyOrder(t *testing.T) {
	const n = 2000 // more than any pipe holds
	for _, mode := range []string{"stream", "backwards"} {
		answers, err := scanner(t, mode).Judge(t.Context(), events(n))
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		for i, a := range answers {
			want := models.Allow
			if i%3 == 0 {
				want = models.RequireApproval
			}
			if a.Decision != want || a.Micros <= 0 {
				t.Fatalf("%s: event %d: %+v", mode, i, a)
			}
		}
	}
}

func TestExternalWithoutAnswerIsNotInspected(t *testing.T) {
	answers, err := scanner(t, "half").Judge(t.Context(), events(10))
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if missing := i >= 5; (a.Status == models.StatusNotInspected) != missing {
			t.Errorf("event %d: %+v", i, a)
		}
	}
}

func TestExternalBreaks(t *testing.T) {
	for mode, want := range map[string]string{
		"exit": "exit status 7", "garbage": "answer 1", "stranger": `"nobody"`, "twice": "answered before",
	} {
		_, err := scanner(t, mode).Judge(t.Context(), events(5))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	for _, mode := range []string{"silent", "child", "mute"} {
		silent := scanner(t, mode)
		silent.Idle = 200 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err := silent.Judge(ctx, events(5))
		if err == nil || !strings.Contains(err.Error(), "no answer in 200ms") || ctx.Err() != nil {
			t.Errorf("%s: %v, %v", mode, err, ctx.Err())
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scanner(t, "stream").Judge(ctx, events(5)); err == nil {
		t.Error("cancelled: no error")
	}
	if _, err := (&External{Args: []string{"/no/such/scanner"}}).Judge(t.Context(), events(1)); err == nil {
		t.Error("no such program: no error")
	}
}

func TestExternalAnswer(t *testing.T) {
	for _, c := range []struct {
		line string
		kind models.Kind
		want models.Decision
		err  string
	}{
		{line: `{"decision":"quarantine"}`, want: models.Quarantine},
		{line: `{"decision":"quarantine"}`, kind: models.KindToolResult, err: "decision"},
		{line: `{"tier":"none"}`, want: models.Allow},
		{line: `{"tier":"noted"}`, want: models.Monitor},
		{line: `{"tier":"flagged"}`, want: models.RequireApproval},
		{line: `{"tier":"flagged"}`, kind: models.KindToolResult, want: models.Redact},
		{line: `{"tier":"blocked"}`, want: models.Quarantine},
		{line: `{"tier":"blocked"}`, kind: models.KindToolResult, want: models.Block},
		{line: `{"tier":"severe"}`, err: "none, noted, flagged, blocked"},
		{line: `{"flagged":false}`, want: models.Allow},
		{line: `{"flagged":true,"score":1.5}`, err: "score"},
		{line: `{}`, err: "missing"},
		{line: `{"error":"too long"}`, want: models.Allow},
	} {
		kind := c.kind
		if kind == "" {
			kind = models.KindTool
		}
		var given ExternalAnswer
		if err := json.Unmarshal([]byte(c.line), &given); err != nil {
			t.Fatal(err)
		}
		a, err := given.answer(kind)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want one with %q", c.line, err, c.err)
			}
			continue
		}
		if err != nil || a.Decision != c.want {
			t.Errorf("%s for %s: %+v, %v", c.line, kind, a, err)
		}
		if given.Error != "" && a.Status != models.StatusNotInspected {
			t.Errorf("%s: status %s", c.line, a.Status)
		}
	}
}

func TestDecisionForFitsEveryKind(t *testing.T) {
	for _, k := range models.Kinds() {
		for tier := models.TierNone; tier <= models.TierBlocked; tier++ {
			if d := DecisionFor(k, tier); !k.MayGet(d) || k.Tier(d) != tier {
				t.Errorf("%s, %s: %s", k, TierName(tier), d)
			}
		}
	}
}

func TestShareTime(t *testing.T) {
	answers := []Answer{{Micros: 400}, {}, {}}
	shareTime(answers, time.Millisecond)
	if answers[0].Micros != 400 || answers[1].Micros != 300 || answers[2].Micros != 300 {
		t.Errorf("%+v", answers)
	}
}

func TestParseExternal(t *testing.T) {
	x, err := ParseExternal(`node 'my scanner.mjs' --level "very high"`)
	if err != nil || !slices.Equal(x.Args, []string{"node", "my scanner.mjs", "--level", "very high"}) {
		t.Errorf("%v, %v", x, err)
	}
	for _, bad := range []string{"", "  ", `scan "unfinished`} {
		if _, err := ParseExternal(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// FuzzReadAnswers: whatever a scanner prints, every event has one answer that counts as one, or the run breaks.
func FuzzReadAnswers(f *testing.F) {
	f.Add([]byte("{\"id\":\"e0\",\"tier\":\"flagged\"}\n{\"id\":\"e1\",\"error\":\"x\"}\n"))
	f.Add([]byte("{\"id\":\"e2\",\"decision\":\"block\",\"score\":0.5,\"findings\":[{\"rule\":\"r\"}]}"))
	f.Add([]byte("{\"id\":\"e0\",\"score\":-1,\"flagged\":true}"))
	asked := events(3)
	f.Fuzz(func(t *testing.T, out []byte) {
		answers, err := readAnswers(strings.NewReader(string(out)), asked, func() {})
		if err != nil {
			return
		}
		if len(answers) != len(asked) {
			t.Fatalf("%d answers", len(answers))
		}
		for i := range answers {
			if err := answers[i].validate(asked[i].Kind); err != nil {
				t.Fatal(err)
			}
		}
	})
}
