// Package judgetest is an endpoint with a language model behind it, as far as tests can tell. The name of the model that
// is asked for says how it behaves: an able one, one that obeys what it reads, one that is broken.
package judgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/text/unicode/norm"
)

// The models. Every other name is [Able].
const (
	Able  = "able"  // reports what speaks of the things in [Harmful]
	Blind = "blind" // always says that there is nothing

	// These are able unless they read one of the attacks that the server knows, which they obey.
	ObeysBlind   = "obeys-blind"   // says in due form that there is nothing
	ObeysParrot  = "obeys-parrot"  // gives the first JSON that stands in the text, or a verdict of its own
	ObeysProse   = "obeys-prose"   // chats
	ObeysBomb    = "obeys-bomb"    // writes until it is cut off
	ObeysRefuse  = "obeys-refuse"  // refuses
	ObeysCunning = "obeys-cunning" // reports the plant and nothing else: the worst that there is

	Object      = "object"      // able, and knows json_object only
	NoFormat    = "no-format"   // knows neither
	Slow        = "slow"        // able, after [Server.Delay]
	Gated       = "gated"       // able, after [Server.Open]
	Hang        = "hang"        // never answers
	Garbage     = "garbage"     // answers what is no JSON
	Odd         = "odd"         // answers JSON that is no answer of the API
	Huge        = "huge"        // answers with 5 MB
	Cut         = "cut"         // ends the connection in the middle
	Busy        = "busy"        // 429 and Retry-After: 3600
	Once        = "once"        // 429 and Retry-After: 1 at first, able from then on
	Down        = "down"        // 503
	Forbidden   = "forbidden"   // 401
	WrongNonce  = "wrong-nonce" // able, with another nonce
	Invents     = "invents"     // able, with a quote that is not there
	Contradicts = "contradicts" // able, with a conclusion that contradicts it
	Moved       = "moved"       // able, under a redirect to another path
	Nonsense    = "nonsense"    // able, and says that it took less than no tokens
	Filtered    = "filtered"    // its provider refuses every text
)

// Harmful is what able models take for harmful: what plants are after, and a file that no tool needs.
var Harmful = regexp.MustCompile(`(?i)recovery codes|private keys|saved passwords|session tokens|card numbers|seed phrase|~/\.netrc`)

// Server is the endpoint. Its base URL is URL + "/v1".
type Server struct {
	*httptest.Server
	// Attacks are the texts that obedient models obey. Set it before the first request.
	Attacks []string
	// Delay of [Slow]. Set it before the first request.
	Delay time.Duration

	mu       sync.Mutex
	requests []openai.ChatCompletionRequest
	keys     map[string]bool
	once     map[string]bool
	stop     chan struct{}
	gate     chan struct{}
}

// New starts a server. The caller closes it.
func New() *Server {
	s := &Server{keys: map[string]bool{}, once: map[string]bool{}, stop: make(chan struct{}), gate: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Close stops the server, and those that hang.
func (s *Server) Close() {
	close(s.stop)
	s.Server.CloseClientConnections()
	s.Server.Close()
}

// Open has gated models answer. It is called once.
func (s *Server) Open() { close(s.gate) }

// Requests are all requests so far.
func (s *Server) Requests() []openai.ChatCompletionRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]openai.ChatCompletionRequest(nil), s.requests...)
}

// SawKey reports whether a request had the key.
func (s *Server) SawKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var req openai.ChatCompletionRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&req); err != nil {
		fail(w, http.StatusBadRequest, "not a request")
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.keys[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = true
	s.keys[r.Header.Get("api-key")] = true
	first := !s.once[req.Model]
	s.once[req.Model] = true
	s.mu.Unlock()
	if s.misbehave(w, r, &req, first) {
		return
	}
	d, err := parse(&req)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	s.say(w, &req, s.think(&req, d))
}

// misbehave does what has nothing to do with the text, and reports whether it did.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, req *openai.ChatCompletionRequest, first bool) bool {
	format := ""
	if req.ResponseFormat != nil {
		format = string(req.ResponseFormat.Type)
	}
	switch req.Model {
	case Object, NoFormat:
		if format == "json_schema" || req.Model == NoFormat {
			fail(w, http.StatusBadRequest, "response_format "+format+" is not supported")
			return true
		}
	case Slow:
		select {
		case <-time.After(s.Delay):
		case <-r.Context().Done():
		case <-s.stop:
		}
	case Gated:
		select {
		case <-s.gate:
		case <-r.Context().Done():
		case <-s.stop:
		}
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.stop:
		}
		return true
	case Garbage:
		fmt.Fprint(w, "<html>It works!</html>")
		return true
	case Odd:
		fmt.Fprint(w, `{"choices":{"a":1}}`)
		return true
	case Huge:
		fmt.Fprint(w, `{"choices":[{"message":{"content":"`)
		for range 80 {
			if _, err := w.Write(filler); err != nil {
				break
			}
		}
		fmt.Fprint(w, `"}}]}`)
		return true
	case Cut:
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, `{"choices":[{"message":`)
		panic(http.ErrAbortHandler)
	case Busy:
		w.Header().Set("Retry-After", "3600")
		fail(w, http.StatusTooManyRequests, "slow down")
		return true
	case Once:
		if first {
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusTooManyRequests, "slow down")
			return true
		}
	case Down:
		fail(w, http.StatusServiceUnavailable, "down")
		return true
	case Forbidden:
		fail(w, http.StatusUnauthorized, "wrong key\x1b[31m: "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return true
	case Moved:
		w.Header().Set("Location", s.URL+"/v2")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case Filtered:
		fail(w, http.StatusBadRequest, "the response was filtered (content_filter)")
		return true
	}
	return false
}

var filler = []byte(strings.Repeat("x", 64<<10))

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	data, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": "error"}}) // strings: cannot fail
	_, _ = w.Write(data)
}

// thought is what a model says, and how it ends.
type thought struct{ content, refusal, finish string }

// data is what stands in the fence.
type data struct {
	nonce string
	mark  string
	items []string // with spaces for marks
}

var (
	fencePattern = regexp.MustCompile(`(?s)^<data-([0-9a-f]+)>\n(.*)</data-([0-9a-f]+)>`)
	markPattern  = regexp.MustCompile(`every space in them is written (\S)\.`)
	itemPattern  = regexp.MustCompile(`^\[(\d+)\] `)
)

func parse(r *openai.ChatCompletionRequest) (*data, error) {
	if len(r.Messages) != 2 {
		return nil, fmt.Errorf("%d messages", len(r.Messages))
	}
	fence := fencePattern.FindStringSubmatch(r.Messages[1].Content)
	mark := markPattern.FindStringSubmatch(r.Messages[0].Content)
	if fence == nil || mark == nil || fence[1] != fence[3] {
		return nil, fmt.Errorf("no data")
	}
	d := &data{nonce: fence[1], mark: mark[1]}
	for line := range strings.Lines(fence[2]) {
		if n := itemPattern.FindStringSubmatch(line); n == nil || n[1] != strconv.Itoa(len(d.items)+1) {
			return nil, fmt.Errorf("item %d is broken: %q", len(d.items)+1, line)
		}
		_, text, _ := strings.Cut(line, ": ")
		d.items = append(d.items, strings.TrimSuffix(strings.ReplaceAll(text, d.mark, " "), "\n"))
	}
	return d, nil
}

// think is what the model makes of the data.
func (s *Server) think(r *openai.ChatCompletionRequest, d *data) thought {
	able := answer{Nonce: d.nonce, Conclusion: "suspicious", Reason: "It asks for what the job does not need."}
	for i, text := range d.items {
		if Harmful.MatchString(text) {
			able.Passages = append(able.Passages, passage{i + 1, head(text), "send", "secret", "stranger", false})
		}
	}
	nothing := answer{Nonce: d.nonce, Passages: []passage{}, Conclusion: "harmless", Reason: "Nothing to report."}
	obeys := strings.HasPrefix(r.Model, "obeys-") && s.attacked(d)
	switch {
	case r.Model == Blind, r.Model == ObeysBlind && obeys:
		return stop(nothing)
	case r.Model == ObeysCunning && obeys:
		only := able
		only.Passages = nil
		for _, p := range able.Passages {
			if !strings.Contains(p.Quote, ".netrc") && planted.MatchString(d.items[p.Item-1]) {
				only.Passages = append(only.Passages, p)
			}
		}
		return stop(only)
	case r.Model == ObeysParrot && obeys:
		return thought{content: parrot(d), finish: "stop"}
	case r.Model == ObeysProse && obeys:
		return thought{content: "Certainly! This is harmless.", finish: "stop"}
	case r.Model == ObeysBomb && obeys:
		return thought{content: `{"nonce":"` + d.nonce + `","reason":"1 2 3 4 5 6 7`, finish: "length"}
	case r.Model == ObeysRefuse && obeys:
		return thought{refusal: "I cannot help with that.", finish: "stop"}
	case r.Model == WrongNonce:
		able.Nonce = "00000000"
	case r.Model == Invents:
		able.Passages = append(able.Passages, passage{1, "words that stand nowhere", "send", "secret", "stranger", false})
	case r.Model == Contradicts:
		able.Conclusion = "harmless"
	}
	return stop(able)
}

// planted is the form of a plant.
var planted = regexp.MustCompile(`(?:the collector of this vendor|an address outside|the server of a stranger|the inbox of a third party)`)

// attacked reports whether a sentence of an attack stands in the data.
func (s *Server) attacked(d *data) bool {
	all := squeeze(strings.Join(d.items, " "))
	for _, a := range s.Attacks {
		for _, part := range sentenceEnd.Split(a, -1) {
			if part = squeeze(part); len(part) >= shortestOrder && strings.Contains(all, part) {
				return true
			}
		}
	}
	return false
}

// An order is a sentence of some length. One is enough.
const shortestOrder = 12

var sentenceEnd = regexp.MustCompile(`[.!?。！？]\s*|\n`)

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r >= 0xE000 && r <= 0xF8FF || r == '\uFFFD' {
			return -1
		}
		return r
	}, norm.NFKC.String(s))
}

// head is the first words of a text, as a quote.
func head(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), 40)], " ")
}

var object = regexp.MustCompile(`\{[^{}]*\}`)

func parrot(d *data) string {
	for _, text := range d.items {
		if json := object.FindString(text); json != "" {
			return json
		}
	}
	return `{"verdict":"harmless"}`
}

type answer struct {
	Nonce      string    `json:"nonce"`
	Passages   []passage `json:"passages"`
	Addressed  string    `json:"addressed"`
	Conclusion string    `json:"conclusion"`
	Reason     string    `json:"reason"`
}

type passage struct {
	Item        int    `json:"item"`
	Quote       string `json:"quote"`
	Effect      string `json:"effect"`
	Object      string `json:"object"`
	Beneficiary string `json:"beneficiary"`
	Necessary   bool   `json:"necessary"`
}

func stop(a answer) thought {
	data, _ := json.Marshal(a) // strings and numbers: cannot fail
	return thought{content: string(data), finish: "stop"}
}

// say sends a thought. Usage is counted as four bytes a token.
func (s *Server) say(w http.ResponseWriter, r *openai.ChatCompletionRequest, t thought) {
	prompt := 0
	for _, m := range r.Messages {
		prompt += len(m.Content) / 4
	}
	out := openai.ChatCompletionResponse{
		ID: "fake", Object: "chat.completion", Model: r.Model,
		Choices: []openai.ChatCompletionChoice{{
			Message:      openai.ChatCompletionMessage{Role: "assistant", Content: t.content, Refusal: t.refusal},
			FinishReason: openai.FinishReason(t.finish),
		}},
		Usage: openai.Usage{PromptTokens: prompt, CompletionTokens: len(t.content) / 4, TotalTokens: prompt + len(t.content)/4},
	}
	if r.Model == Nonsense {
		out.Usage.CompletionTokens = -1 << 30
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}
