package judge

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/models"
)

// Config is the judge's section of the configuration. Units are in the names. The zero value of a field that is not
// required is not its default: begin with [DefaultConfig].
type Config struct {
	// BaseURL is where the endpoint's paths begin, for example https://api.openai.com/v1. Required, except that without
	// it nothing is asked at all.
	BaseURL string `json:"base_url"`
	// API is the endpoint's dialect: openai or azure.
	API string `json:"api"`
	// APIVersion is Azure's; required there.
	APIVersion string `json:"api_version"`
	// Model is the model's name, on Azure the deployment's. Required with BaseURL.
	Model string `json:"model"`
	// APIKey comes from a file that the configuration names. Optional: local servers want none.
	APIKey string `json:"api_key"`

	// Format is how the answer's form is asked for: json_schema, json_object, or auto, which falls back from the one to the
	// other.
	Format string `json:"format"`
	// MaxAnswerTokens limits the answer; TokenLimit is the name of the field that says so to the endpoint.
	MaxAnswerTokens int    `json:"max_answer_tokens"`
	TokenLimit      string `json:"token_limit"`
	// Temperature of the model; negative leaves it out, for models that refuse it.
	Temperature float64 `json:"temperature"`
	// LookTwice asks again about each half of the sentences where the model finds nothing.
	LookTwice bool `json:"look_twice"`
	// MaxTextBytes limits what of an event is sent. What is left out is listed as skipped.
	MaxTextBytes int `json:"max_text_bytes"`

	// DeadlineSeconds limits the time for one event, TrySeconds that for one request.
	DeadlineSeconds int `json:"deadline_seconds"`
	TrySeconds      int `json:"try_seconds"`
	// Retries follow a request that got no answer, HedgeSeconds later a second one is sent beside it; 0 for none.
	Retries      int     `json:"retries"`
	HedgeSeconds float64 `json:"hedge_seconds"`
	// BreakerFailures in a row stop all requests for BreakerSeconds.
	BreakerFailures int `json:"breaker_failures"`
	BreakerSeconds  int `json:"breaker_seconds"`
	// MaxResponseBytes limits the body of a response.
	MaxResponseBytes int64 `json:"max_response_bytes"`
	// Concurrency is how many requests may be under way.
	Concurrency int `json:"concurrency"`

	Budget Budget `json:"budget"`

	// CacheEntries is how many texts' outcomes are remembered.
	CacheEntries int `json:"cache_entries"`
	// RecordFile answers what stands in it, and gets every other exchange with the model; ReplayFile answers in the model's
	// place, without a network. At most one of them; they are for benchmarks.
	RecordFile string `json:"record_file"`
	ReplayFile string `json:"replay_file"`
}

// Budget limits what the judge may use. A zero limit is none.
type Budget struct {
	TokensPerMinute int64 `json:"tokens_per_minute"`
	TokensPerDay    int64 `json:"tokens_per_day"`
	// CostPerMinute and CostPerDay are in the currency of the prices, which are for a million tokens.
	CostPerMinute   float64 `json:"cost_per_minute"`
	CostPerDay      float64 `json:"cost_per_day"`
	PromptPricePerM float64 `json:"prompt_price_per_million"`
	AnswerPricePerM float64 `json:"answer_price_per_million"`
	// StateFile keeps what was spent in the last day, so that a new process begins with it. Optional: empty means that
	// each process begins with nothing spent. No two processes may use one file at the same time.
	StateFile string `json:"state_file"`
}

// The values that some fields may have.
const (
	apiOpenAI, apiAzure                                 = "openai", "azure"
	formatAuto, formatSchema, formatObject              = "auto", "json_schema", "json_object"
	limitMaxTokens, limitMaxCompletionTokens, limitNone = "max_tokens", "max_completion_tokens", "none"
	maxDeadline                                         = 4 * time.Minute
)

// DefaultConfig is everything but the endpoint.
func DefaultConfig() Config {
	return Config{
		API: apiOpenAI, Format: formatAuto, MaxAnswerTokens: 800, TokenLimit: limitMaxTokens, LookTwice: true, MaxTextBytes: 16 << 10,
		DeadlineSeconds: 60, TrySeconds: 20, Retries: 2, BreakerFailures: 5, BreakerSeconds: 30,
		MaxResponseBytes: 1 << 20, Concurrency: 4, CacheEntries: 4096,
		Budget: Budget{TokensPerMinute: 200_000, TokensPerDay: 5_000_000},
	}
}

// ParseConfig reads a section over [DefaultConfig]. It does not validate.
func ParseConfig(section detectors.Config) (Config, error) {
	c := DefaultConfig()
	return c, section.Decode(&c)
}

// String leaves out the key.
func (c Config) String() string {
	if c.APIKey != "" {
		c.APIKey = "***"
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Validate reports the first thing that is wrong, naming the field as in the file.
func (c *Config) Validate() error {
	for _, f := range []struct {
		field     string
		value     float64
		low, high float64
	}{
		{"max_answer_tokens", float64(c.MaxAnswerTokens), 64, 16384},
		{"temperature", c.Temperature, -1, 2},
		{"max_text_bytes", float64(c.MaxTextBytes), 512, 256 << 10},
		{"deadline_seconds", float64(c.DeadlineSeconds), 1, maxDeadline.Seconds()},
		{"try_seconds", float64(c.TrySeconds), 1, maxDeadline.Seconds()},
		{"retries", float64(c.Retries), 0, 10},
		{"hedge_seconds", c.HedgeSeconds, 0, maxDeadline.Seconds()},
		{"breaker_failures", float64(c.BreakerFailures), 1, 1000},
		{"breaker_seconds", float64(c.BreakerSeconds), 1, 3600},
		{"max_response_bytes", float64(c.MaxResponseBytes), 1 << 10, 64 << 20},
		{"concurrency", float64(c.Concurrency), 1, 64},
		{"cache_entries", float64(c.CacheEntries), 0, 1 << 20},
		{"budget.tokens_per_minute", float64(c.Budget.TokensPerMinute), 0, 1e15},
		{"budget.tokens_per_day", float64(c.Budget.TokensPerDay), 0, 1e15},
		{"budget.cost_per_minute", c.Budget.CostPerMinute, 0, 1e9},
		{"budget.cost_per_day", c.Budget.CostPerDay, 0, 1e9},
		{"budget.prompt_price_per_million", c.Budget.PromptPricePerM, 0, 1e9},
		{"budget.answer_price_per_million", c.Budget.AnswerPricePerM, 0, 1e9},
	} {
		if !(f.value >= f.low && f.value <= f.high) {
			return bad(f.field, "%v is outside [%v, %v]", f.value, f.low, f.high)
		}
	}
	for _, f := range []struct {
		field, value string
		of           []string
	}{
		{"api", c.API, []string{apiOpenAI, apiAzure}},
		{"format", c.Format, []string{formatAuto, formatSchema, formatObject}},
		{"token_limit", c.TokenLimit, []string{limitMaxTokens, limitMaxCompletionTokens, limitNone}},
	} {
		if !contains(f.of, f.value) {
			return bad(f.field, "%q is not one of %v", f.value, f.of)
		}
	}
	if b := &c.Budget; b.CostPerMinute+b.CostPerDay > 0 && b.PromptPricePerM+b.AnswerPricePerM == 0 {
		return bad("budget", "a limit of cost needs prompt_price_per_million or answer_price_per_million")
	}
	for _, f := range []struct{ field, path string }{
		{"record_file", c.RecordFile}, {"replay_file", c.ReplayFile}, {"budget.state_file", c.Budget.StateFile},
	} {
		if f.path != "" && !filepath.IsAbs(f.path) {
			return bad(f.field, "%q is not absolute: the judge's process has a place of its own", f.path)
		}
	}
	if c.RecordFile != "" && c.ReplayFile != "" {
		return bad("replay_file", "set together with record_file")
	}
	return c.validateEndpoint()
}

func (c *Config) validateEndpoint() error {
	if c.BaseURL == "" {
		if c.Model != "" || c.APIKey != "" || c.RecordFile != "" || c.ReplayFile != "" {
			return bad("base_url", "missing")
		}
		return nil
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return bad("base_url", "not an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return bad("base_url", "holds more than scheme, host and path: the key stands in api_key_file")
	case c.APIKey != "" && u.Scheme == "http" && !loopback(u.Hostname()):
		return bad("base_url", "a key would cross the network unencrypted: use https")
	case c.Model == "":
		return bad("model", "missing")
	case c.API == apiAzure && c.APIVersion == "":
		return bad("api_version", "missing: azure requires one")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Host is the endpoint's host and port.
func (c *Config) Host() string {
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return net.JoinHostPort(u.Hostname(), u.Port())
	}
	return u.Hostname()
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func bad(field, format string, args ...any) error {
	return &models.FieldError{Field: "judge." + field, Problem: fmt.Sprintf(format, args...)}
}
