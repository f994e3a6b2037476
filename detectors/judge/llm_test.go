//go:build llm

package judge_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aad6b6dc/taster/detectors/judge"
	"github.com/aad6b6dc/taster/models"
)

// TestRealModel puts events of the corpus to a llama.cpp server with a real model, and prints how that went:
//
//	TASTER_LLAMA_SERVER=.../llama-server TASTER_GGUF=.../model.gguf go test -tags llm -run TestRealModel -v ./detectors/judge
//
// Small models judge badly. What has to hold is the plumbing: every event ends in an outcome, nothing is taken for sound that
// is not, no decision gets milder, the budget is kept. TASTER_LLM_EVENTS is how many events, half of them malicious.
func TestRealModel(t *testing.T) {
	url := startLlama(t)
	n := 40
	if s := os.Getenv("TASTER_LLM_EVENTS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	c := judge.DefaultConfig()
	c.BaseURL, c.Model, c.MaxAnswerTokens, c.MaxTextBytes, c.Concurrency = url+"/v1", "local", 256, 2048, 1
	c.DeadlineSeconds, c.TrySeconds = 240, 120
	c.Budget = judge.Budget{TokensPerMinute: 1_000_000, TokensPerDay: 10_000_000}
	c.RecordFile = filepath.Join(t.TempDir(), "record.jsonl")
	j, err := judge.New(c)
	if err != nil {
		t.Fatal(err)
	}
	e := deep(t, j)
	ended := map[string]int{}
	var took []time.Duration
	raised := map[models.Label]int{}
	all := map[models.Label]int{}
	for _, s := range corpusEvents(t, n) {
		all[s.label]++
		began := time.Now()
		first, second := revisions(t, e, s.event)
		took = append(took, time.Since(began))
		o := outcomeOf(&second)
		end := string(o.Status)
		if o.Reason != "" {
			end += " " + string(o.Reason) + " " + between(o.Detail, "(", ":")
		}
		ended[end]++
		if second.Decision != first.Decision {
			raised[s.label]++
		}
		if !second.Final || models.Stricter(first.Decision, second.Decision) != second.Decision {
			t.Errorf("%s: %s became %s", s.id, first.Decision, second.Decision)
		}
		t.Logf("%-10s %-9s %-40s %6.1f s  %s", s.id, s.label, end, took[len(took)-1].Seconds(), o.Detail)
	}
	slices.Sort(took)
	if tokens, _ := judge.Spent(j); tokens > c.Budget.TokensPerMinute*int64(len(took)+1) {
		t.Errorf("%d tokens, over the budget", tokens)
	}
	t.Logf("events %d (malicious %d, benign %d)", len(took), all[models.Malicious], all[models.Benign])
	for _, k := range sortedKeys(ended) {
		t.Logf("  %-50s %d", k, ended[k])
	}
	t.Logf("raised rightly %d of %d, wrongly %d of %d", raised[models.Malicious], all[models.Malicious], raised[models.Benign], all[models.Benign])
	logAnswers(t, c.RecordFile)
	t.Logf("seconds per event: median %.1f, most %.1f", took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
	if len(took) == 0 {
		t.Fatal("no events")
	}
}

// logAnswers says how far each recorded answer came, from the first check to the last.
func logAnswers(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	asked, ended, whole, nonce := 0, 0, 0, 0
	var tokens, micros int64
	conclusions := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Key, Nonce string
			Reply      *struct {
				Content, Finish string
				PromptTokens    int64 `json:"prompt_tokens"`
				AnswerTokens    int64 `json:"answer_tokens"`
				Micros          int64
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Reply == nil {
			continue
		}
		asked++
		tokens += line.Reply.PromptTokens + line.Reply.AnswerTokens
		micros += line.Reply.Micros
		var a struct{ Nonce, Conclusion string }
		if line.Reply.Finish == "stop" {
			ended++
		}
		if json.Unmarshal([]byte(line.Reply.Content), &a) != nil {
			continue
		}
		whole++
		conclusions[a.Conclusion]++
		if a.Nonce == line.Nonce {
			nonce++
		}
	}
	if asked == 0 {
		t.Error("no answer was recorded")
		return
	}
	t.Logf("answers %d: ended by the model %d, JSON of the schema %d, with the nonce %d, conclusions %v; %.1f seconds and %d tokens each",
		asked, ended, whole, nonce, conclusions, float64(micros)/1e6/float64(asked), tokens/int64(asked))
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func between(s, from, to string) string {
	_, s, ok := strings.Cut(s, from)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, to)
	return s
}

type sample struct {
	id    string
	label models.Label
	event models.Event
}

// corpusEvents are definitions of the train and dev splits, malicious and benign in turn.
func corpusEvents(t *testing.T, n int) []sample {
	t.Helper()
	files, err := filepath.Glob("../../corpus/data/a*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	byLabel := map[models.Label][]sample{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		taken := map[models.Label]int{}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			var head struct {
				Split string `json:"split"`
			}
			if json.Unmarshal(lines.Bytes(), &head) != nil || head.Split != "train" && head.Split != "dev" {
				continue
			}
			var row struct {
				ID    string       `json:"id"`
				Label models.Label `json:"label"`
				Event struct {
					Server string          `json:"server"`
					Kind   models.Kind     `json:"kind"`
					Body   json.RawMessage `json:"body"`
				} `json:"event"`
			}
			if json.Unmarshal(lines.Bytes(), &row) != nil || row.Event.Kind != models.KindTool || len(row.Event.Body) > 1200 || taken[row.Label] == 2 {
				continue
			}
			taken[row.Label]++
			byLabel[row.Label] = append(byLabel[row.Label], sample{row.ID, row.Label, models.Event{Server: row.Event.Server, Kind: row.Event.Kind, Body: row.Event.Body}})
		}
		f.Close()
	}
	var out []sample
	for i := range n / 2 {
		for _, l := range []models.Label{models.Malicious, models.Benign} {
			if i < len(byLabel[l]) {
				out = append(out, byLabel[l][i])
			}
		}
	}
	return out
}

// startLlama starts the server on a free port, or uses the one that runs at TASTER_LLM_URL.
func startLlama(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("TASTER_LLM_URL"); url != "" {
		return url
	}
	program, model := os.Getenv("TASTER_LLAMA_SERVER"), os.Getenv("TASTER_GGUF")
	if program == "" || model == "" {
		t.Skip("set TASTER_LLAMA_SERVER and TASTER_GGUF, or TASTER_LLM_URL; see the README")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "--model", model, "--host", "127.0.0.1", "--port", port, "--ctx-size", "4096", "--parallel", "1", "--threads", "1", "--no-webui")
	if testing.Verbose() && os.Getenv("TASTER_LLM_LOG") != "" {
		cmd.Stderr = t.Output()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get("http://" + address + "/health")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("the server is not up: %v", err))
		}
	}
}
