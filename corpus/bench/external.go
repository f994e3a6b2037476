package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"

	"github.com/aad6b6dc/taster/models"
)

// External is a foreign scanner as a [Judge]. It is started for each call of Judge, gets every event as one JSON line
// on its standard input (the form of [models.Event.AppendJSON]: id, server, kind, body and so on), and answers on its
// standard output with one JSON line for each, in any order, while it reads or after its input has ended:
//
//	{"id":"a1-0001","decision":"block","score":0.93,"findings":[{"rule":"hidden-instruction","message":"..."}],"micros":412}
//	{"id":"a1-0002","tier":"none"}
//	{"id":"a1-0003","error":"unsupported kind"}
//
// See [ExternalAnswer]. An event without an answer is not inspected, never clean. What it writes to standard error goes
// to Stderr. It gets no deadline for a single event, since it may read everything before it answers: it is stopped when
// Idle passes without an answer, and without its end after the last one.
//
// Hand it all events at once: [Settings.Workers] 1 and [Settings.Batch] as large as the corpus.
type External struct {
	Args   []string // command and arguments
	Dir    string   // optional: where to run it
	Env    []string // optional: nil means this process's
	Stderr io.Writer
	// Idle is how long the scanner may stay silent. Optional: 0 means [DefaultIdle].
	Idle time.Duration
}

// DefaultIdle is how long a foreign scanner may stay silent.
const DefaultIdle = 5 * time.Minute

// ExternalAnswer is a foreign scanner's answer to one event. One of Decision, Tier, Flagged and Error is required.
type ExternalAnswer struct {
	ID string `json:"id"`
	// Decision is one of [models.Decisions] that the kind may get.
	Decision models.Decision `json:"decision"`
	// Tier is for scanners that know no decisions: none, noted, flagged or blocked.
	Tier string `json:"tier"`
	// Flagged is for scanners that say yes or no.
	Flagged *bool `json:"flagged"`
	// Error says why the event was not inspected.
	Error string `json:"error"`
	// Score in [0, 1] is optional: without it the tier stands in ([TierScore]).
	Score    *float64         `json:"score"`
	Severity models.Severity  `json:"severity"`
	Findings []models.Finding `json:"findings"`
	// Micros is the time that the event took, in microseconds. Optional: without it every event is given its share of
	// the scanner's wall time.
	Micros float64 `json:"micros"`
}

// ParseExternal splits a command line as a shell would, without running one.
func ParseExternal(command string) (*External, error) {
	args, err := shellwords.Parse(command)
	if err != nil {
		return nil, fmt.Errorf("reading command %q: %w", command, err)
	}
	if len(args) == 0 {
		return nil, errors.New("reading command: it is empty")
	}
	return &External{Args: args}, nil
}

// MaxAnswerBytes limits a line of a foreign scanner.
const MaxAnswerBytes = 1 << 20

// Judge runs the scanner over the events.
func (x *External) Judge(ctx context.Context, events []models.Event) ([]Answer, error) {
	input, err := lines(events)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, x.Args[0], x.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = x.Dir, x.Env, x.Stderr
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = 5 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", x.Args[0], err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", x.Args[0], err)
	}
	// A child of the scanner may outlive it with the output open: reading ends all the same.
	stop := context.AfterFunc(ctx, func() { _ = stdout.Close() })
	defer stop()
	idle := cmp.Or(x.Idle, DefaultIdle)
	watchdog := time.AfterFunc(idle, func() { cancel(fmt.Errorf("no answer in %s", idle)) })
	answers, readErr := readAnswers(stdout, events, func() { watchdog.Reset(idle) })
	if readErr != nil {
		cancel(readErr)
	}
	waitErr := cmd.Wait() // still watched: a scanner may have closed its output and stay
	watchdog.Stop()
	switch {
	case readErr != nil && ctx.Err() == nil, errors.As(readErr, new(*answerError)):
		return nil, readErr
	case ctx.Err() != nil:
		return nil, fmt.Errorf("running %s: %w", x.Args[0], context.Cause(ctx))
	case waitErr != nil:
		return nil, fmt.Errorf("running %s: %w", x.Args[0], waitErr)
	}
	shareTime(answers, time.Since(start))
	return answers, nil
}

// WriteEvents writes what a foreign scanner reads.
func WriteEvents(w io.Writer, events []models.Event) error {
	input, err := lines(events)
	if err != nil {
		return err
	}
	if _, err := w.Write(input); err != nil {
		return fmt.Errorf("writing events: %w", err)
	}
	return nil
}

func lines(events []models.Event) ([]byte, error) {
	var buf []byte
	for i := range events {
		var err error
		if buf, err = events[i].AppendJSON(buf); err != nil {
			return nil, err
		}
		buf = append(buf, '\n')
	}
	return buf, nil
}

// answerError is a line of the scanner that breaks the protocol.
type answerError struct {
	line int
	err  error
}

func (e *answerError) Error() string { return fmt.Sprintf("answer %d: %v", e.line, e.err) }
func (e *answerError) Unwrap() error { return e.err }

// readAnswers reads a line for each event, in any order, until the scanner closes its output.
func readAnswers(r io.Reader, events []models.Event, alive func()) ([]Answer, error) {
	index := make(map[string]int, len(events))
	answers := make([]Answer, len(events))
	for i := range events {
		index[events[i].ID] = i
		answers[i] = NotInspected("no answer")
	}
	seen := make([]bool, len(events))
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), MaxAnswerBytes)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		alive()
		var given ExternalAnswer
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			return nil, &answerError{n, err}
		}
		i, known := index[given.ID]
		switch {
		case !known:
			return nil, &answerError{n, &models.FieldError{Field: "id", Problem: fmt.Sprintf("no event is called %q", given.ID)}}
		case seen[i]:
			return nil, &answerError{n, &models.FieldError{Field: "id", Problem: fmt.Sprintf("%q was answered before", given.ID)}}
		}
		seen[i] = true
		a, err := given.answer(events[i].Kind)
		if err != nil {
			return nil, &answerError{n, fmt.Errorf("%s: %w", given.ID, err)}
		}
		answers[i] = a
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading answers: %w", err)
	}
	return answers, nil
}

// DecisionFor returns the mildest decision that events of kind k may get in tier t.
func DecisionFor(k models.Kind, t models.Tier) models.Decision {
	for _, d := range k.Decisions() {
		if k.Tier(d) == t {
			return d
		}
	}
	return models.Block
}

// answer reads the scanner's words as an answer to an event of kind k.
func (g *ExternalAnswer) answer(k models.Kind) (Answer, error) {
	if g.Error != "" {
		a := NotInspected(g.Error)
		a.Micros = g.Micros
		return a, nil
	}
	a := Answer{Decision: g.Decision, Severity: g.Severity, Findings: g.Findings, Micros: g.Micros, Status: models.StatusClean}
	if a.Decision == "" {
		t, err := g.tier()
		if err != nil {
			return Answer{}, err
		}
		a.Decision = DecisionFor(k, t)
	}
	tier := k.Tier(a.Decision)
	if tier > models.TierNone || len(a.Findings) > 0 {
		a.Status = models.StatusFound
	}
	a.Score = TierScore(tier)
	if g.Score != nil {
		a.Score = *g.Score
	}
	return a, a.validate(k)
}

func (g *ExternalAnswer) tier() (models.Tier, error) {
	for t, name := range tierNames {
		if g.Tier == name {
			return models.Tier(t), nil
		}
	}
	switch {
	case g.Tier != "":
		return 0, &models.FieldError{Field: "tier", Problem: fmt.Sprintf("%q is not one of %s", g.Tier, strings.Join(tierNames[:], ", "))}
	case g.Flagged == nil:
		return 0, &models.FieldError{Field: "decision", Problem: "missing, and there is no tier, flagged or error either"}
	case *g.Flagged:
		return models.TierFlagged, nil
	}
	return models.TierNone, nil
}

// shareTime gives every answer without a time its share of the time that is left.
func shareTime(answers []Answer, wall time.Duration) {
	left, without := float64(wall.Microseconds()), 0
	for i := range answers {
		left -= answers[i].Micros
		if answers[i].Micros == 0 {
			without++
		}
	}
	for i := range answers {
		if answers[i].Micros == 0 {
			answers[i].Micros = max(left, 0) / float64(without)
		}
	}
}
