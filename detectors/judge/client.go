package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/semaphore"

	"github.com/aad6b6dc/taster/models"
)

// asker puts a question to a model. The error is a [*failure], or an [*unsound] where the endpoint itself objects to the
// text.
type asker interface {
	ask(ctx context.Context, key string, q *question) (*reply, error)
}

// reply is what a model said.
type reply struct {
	Content      string `json:"content"`
	Refusal      string `json:"refusal,omitempty"`
	Finish       string `json:"finish"`
	Model        string `json:"model"`
	Format       string `json:"format"`
	PromptTokens int64  `json:"prompt_tokens"`
	AnswerTokens int64  `json:"answer_tokens"`
	Micros       int64  `json:"micros"`
}

// client asks an OpenAI-compatible endpoint. It is safe for concurrent use.
type client struct {
	config    Config
	api       *openai.Client
	transport *http.Transport
	budget    *meter
	places    *semaphore.Weighted
	caution   failsafe.Executor[*reply]
	// object is set once the endpoint turned out not to know json_schema.
	object atomic.Bool
	// pause is until when the endpoint wants to be left alone, in Unix nanoseconds.
	pause atomic.Int64
}

func newClient(c Config) (*client, error) {
	budget, err := newMeter(c.Budget)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: c.Concurrency, IdleConnTimeout: 60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	hc := &http.Client{
		Transport: &limiter{next: transport, maxBytes: c.MaxResponseBytes},
	}
	conf := openai.DefaultConfig(c.APIKey)
	if c.API == apiAzure {
		conf = openai.DefaultAzureConfig(c.APIKey, c.BaseURL)
		conf.APIVersion = c.APIVersion
		conf.AzureModelMapperFunc = func(model string) string { return model }
	}
	conf.BaseURL, conf.HTTPClient = strings.TrimRight(c.BaseURL, "/"), hc
	cl := &client{
		config: c, api: openai.NewClientWithConfig(conf), transport: transport, budget: budget,
		places: semaphore.NewWeighted(int64(c.Concurrency)),
	}
	cl.caution = cl.policies()
	return cl, nil
}

// The pauses between tries: short, because a deep event has little time, and longer each time.
const (
	firstPause = 200 * time.Millisecond
	mostPause  = 5 * time.Second
)

// policies are what stands between a question and a request, the outermost first: retries, the breaker, the hedge.
func (c *client) policies() failsafe.Executor[*reply] {
	retry := retrypolicy.NewBuilder[*reply]().
		HandleIf(func(_ *reply, err error) bool { return transient(err) }).
		WithMaxRetries(c.config.Retries).
		WithBackoff(firstPause, mostPause).
		WithJitterFactor(0.2).
		ReturnLastFailure().
		Build()
	breaker := circuitbreaker.NewBuilder[*reply]().
		HandleIf(func(_ *reply, err error) bool { return transient(err) }).
		WithFailureThreshold(uint(c.config.BreakerFailures)).
		WithSuccessThreshold(1).
		WithDelay(time.Duration(c.config.BreakerSeconds) * time.Second).
		Build()
	policies := []failsafe.Policy[*reply]{retry, breaker}
	if c.config.HedgeSeconds > 0 {
		delay := time.Duration(c.config.HedgeSeconds * float64(time.Second))
		policies = append(policies, hedgepolicy.NewBuilderWithDelay[*reply](delay).
			// Of the two, only an answer ends the other: a second one over the budget must not take the first with it.
			CancelIf(func(_ *reply, err error) bool { return err == nil }).
			Build())
	}
	return failsafe.With(policies...)
}

// trouble is a request that got no answer, and may get one later.
type trouble struct{ failure }

func transient(err error) bool {
	var t *trouble
	return errors.As(err, &t)
}

func (c *client) ask(ctx context.Context, _ string, q *question) (*reply, error) {
	r, err := c.caution.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[*reply]) (*reply, error) {
		return c.try(e.Context(), q)
	})
	var t *trouble
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, circuitbreaker.ErrOpen):
		return nil, &failure{reason: models.ReasonCircuitOpen, detail: fmt.Sprintf("%d requests in a row got no answer: none for %d s", c.config.BreakerFailures, c.config.BreakerSeconds)}
	case errors.As(err, &t):
		return nil, &t.failure
	case ctx.Err() != nil:
		return nil, &failure{reason: models.ReasonDeadline, detail: fmt.Sprintf("no answer within %d s", c.config.DeadlineSeconds)}
	}
	return nil, err
}

// try sends one request, and another in the other format if the endpoint does not know the first.
func (c *client) try(ctx context.Context, q *question) (*reply, error) {
	if err := c.heed(ctx); err != nil {
		return nil, err
	}
	if err := c.places.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.places.Release(1)
	format := c.format()
	r, err := c.send(ctx, c.request(q, format))
	var no *unknownFormat
	if !errors.As(err, &no) {
		return r, err
	}
	if format == formatSchema && c.config.Format == formatAuto {
		if r, err = c.send(ctx, c.request(q, formatObject)); err == nil {
			c.object.Store(true)
		}
	}
	if errors.As(err, &no) {
		return nil, &failure{reason: models.ReasonRefused, detail: "the endpoint takes neither json_schema nor json_object as configured: " + no.message}
	}
	return r, err
}

func (c *client) format() string {
	if c.config.Format == formatObject || c.config.Format == formatAuto && c.object.Load() {
		return formatObject
	}
	return formatSchema
}

// heed waits as long as the endpoint asked to be left alone, if there is time for that.
func (c *client) heed(ctx context.Context) error {
	wait := time.Until(time.Unix(0, c.pause.Load()))
	if wait <= 0 {
		return nil
	}
	if until, ok := ctx.Deadline(); ok && time.Until(until) <= wait {
		return &failure{
			reason: models.ReasonUnavailable,
			detail: fmt.Sprintf("the endpoint asked to be left alone for another %v", wait.Round(time.Second)),
		}
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request is exactly what is sent.
func (c *client) request(q *question, format string) openai.ChatCompletionRequest {
	r := openai.ChatCompletionRequest{
		Model: c.config.Model,
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: q.system},
			{Role: openai.ChatMessageRoleUser, Content: q.user},
		},
		ResponseFormat: &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject},
	}
	if c.config.Temperature >= 0 {
		// The library leaves out a zero, which would mean the endpoint's default.
		r.Temperature = max(float32(c.config.Temperature), math.SmallestNonzeroFloat32)
	}
	switch c.config.TokenLimit {
	case limitMaxTokens:
		//lint:ignore SA1019 local servers know no other name for it
		r.MaxTokens = c.config.MaxAnswerTokens
	case limitMaxCompletionTokens:
		r.MaxCompletionTokens = c.config.MaxAnswerTokens
	}
	if format == formatSchema {
		r.ResponseFormat = &openai.ChatCompletionResponseFormat{
			Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{
				Name: "inspection", Strict: true, Schema: json.RawMessage(promptFile("answer.schema.json")),
			},
		}
	}
	return r
}

// overhead is what a chat template may add to the messages, in tokens.
const overhead = 256

// most is the most tokens that a request can take: a tokenizer makes at most one token of each byte.
func (c *client) most(r *openai.ChatCompletionRequest) (prompt, answer int64) {
	for i := range r.Messages {
		prompt += int64(len(r.Messages[i].Content))
	}
	return prompt + overhead, int64(c.config.MaxAnswerTokens)
}

// send reserves the budget, sends the request and settles what it took.
func (c *client) send(ctx context.Context, r openai.ChatCompletionRequest) (*reply, error) {
	prompt, answer := c.most(&r)
	hold, err := c.budget.reserve(prompt, answer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.config.TrySeconds)*time.Second)
	defer cancel()
	seen := &exchange{}
	began := time.Now()
	resp, err := c.api.CreateChatCompletion(seen.in(ctx), r)
	if err != nil {
		// What a failed request cost is not known; one that was turned away cost nothing.
		if seen.turnedAway() {
			hold.settle(0, 0)
		}
		return nil, c.explain(ctx, err, seen)
	}
	out := &reply{
		Model: c.quote(resp.Model), Format: string(r.ResponseFormat.Type), Micros: time.Since(began).Microseconds(),
		PromptTokens: int64(resp.Usage.PromptTokens), AnswerTokens: int64(resp.Usage.CompletionTokens),
	}
	if out.PromptTokens > 0 && out.AnswerTokens >= 0 {
		hold.settle(out.PromptTokens, out.AnswerTokens)
	} // else the endpoint does not say, and what was reserved stands
	if len(resp.Choices) != 1 {
		return nil, &failure{reason: models.ReasonBadAnswer, detail: fmt.Sprintf("the endpoint answered with %d choices", len(resp.Choices))}
	}
	choice := &resp.Choices[0]
	out.Content, out.Refusal, out.Finish = choice.Message.Content, choice.Message.Refusal, c.quote(string(choice.FinishReason))
	return out, nil
}

// unknownFormat is the endpoint's answer to a response format that it does not know.
type unknownFormat struct{ message string }

func (u *unknownFormat) Error() string { return u.message }

// explain makes of an error what it means: [*trouble] for what may pass, [*unsound] for what the text is to blame for,
// [*failure] for the rest.
func (c *client) explain(ctx context.Context, err error, seen *exchange) error {
	if seen.oversize.Load() {
		return &failure{reason: models.ReasonBadAnswer, detail: fmt.Sprintf("a response over %d bytes", c.config.MaxResponseBytes)}
	}
	status, said := statusOf(err)
	detail := fmt.Sprintf("HTTP %d: %s", status, c.quote(said))
	switch {
	case status == http.StatusTooManyRequests, status >= 500:
		if wait := seen.retryAfter(); wait > 0 {
			c.pause.Store(time.Now().Add(min(wait, mostRetryAfter)).UnixNano())
		}
		return &trouble{failure{reason: models.ReasonUnavailable, detail: detail}}
	case status == http.StatusRequestTimeout, status == http.StatusConflict:
		return &trouble{failure{reason: models.ReasonUnavailable, detail: detail}}
	case strings.Contains(said, "content_filter"), strings.Contains(said, "content management policy"):
		return unsoundf("filter", "the endpoint refused the text")
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity, status == http.StatusNotImplemented:
		if lower := strings.ToLower(said); strings.Contains(lower, "response_format") || strings.Contains(lower, "schema") || strings.Contains(lower, "json_object") || strings.Contains(lower, "grammar") {
			return &unknownFormat{detail}
		}
		return &failure{reason: models.ReasonError, detail: detail}
	case status >= 400:
		return &failure{reason: models.ReasonError, detail: detail}
	case seen.moved():
		return &failure{reason: models.ReasonError, detail: fmt.Sprintf("HTTP %d: a redirect, which is not followed", seen.status.Load())}
	case errors.Is(err, context.DeadlineExceeded):
		return &trouble{failure{reason: models.ReasonDeadline, detail: fmt.Sprintf("no answer within %d s", c.config.TrySeconds)}}
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case seen.status.Load() == http.StatusOK && malformed(err):
		return &failure{reason: models.ReasonBadAnswer, detail: "the response is not what the API says"}
	}
	return &trouble{failure{reason: models.ReasonUnavailable, detail: c.quote(err.Error())}}
}

// quote is what of the endpoint's own words is shown: not the key, which some repeat.
func (c *client) quote(said string) string {
	if c.config.APIKey != "" {
		said = strings.ReplaceAll(said, c.config.APIKey, "***")
	}
	return models.Truncate(plain(models.Truncate(said, 4096)), 200)
}

// mostRetryAfter is the longest that an endpoint is obeyed when it says when to come back.
const mostRetryAfter = 10 * time.Minute

// statusOf reads status and message out of the library's two kinds of error.
func statusOf(err error) (status int, said string) {
	var api *openai.APIError
	if errors.As(err, &api) {
		said = api.Message
		if api.Code != nil {
			said += fmt.Sprintf(" (%v)", api.Code)
		}
		return api.HTTPStatusCode, said
	}
	var request *openai.RequestError
	if errors.As(err, &request) {
		return request.HTTPStatusCode, string(request.Body)
	}
	return 0, err.Error()
}

// malformed reports whether a response was read and is no JSON of the right form.
func malformed(err error) bool {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &typ)
}
