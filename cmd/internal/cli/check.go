package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// checkFlags are the flags of the check command.
type checkFlags struct {
	nats    config.NATS
	tenant  string
	server  string
	kind    string
	event   models.Event
	failOn  string
	timeout time.Duration
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [flags] FILE|-",
		Short: "Ask a running Taster about one event and wait for the verdict",
		Long: `Ask a running Taster about one event and wait for the verdict, as a gateway does inline.

FILE holds one MCP object, as the peer sent it: a tool, a result, a message. The event is stored and streamed like any other.`,
		Example: `  taster check --server calc tool.json
  taster check --server mail --kind tool_result --object read_inbox - < result.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.event.Kind, f.event.Server = models.Kind(f.kind), f.server
			if d := models.Decision(f.failOn); d.Rank() < 1 {
				return usagef("--fail-on %q is not one of %s", f.failOn, words(models.Decisions()[1:]))
			}
			return a.check(cmd.Context(), &f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "`NAME` of the server, as the gateway knows it (required)")
	flags.StringVar(&f.kind, "kind", string(models.KindTool), "`KIND` of the object: "+words(models.Kinds()))
	flags.StringVar(&f.event.Object, "object", "", "`NAME` of the object; taken from it by default")
	flags.StringVar(&f.event.Session, "session", "", "`NAME` of the session")
	flags.StringVar(&f.event.Pin, "pin", "", "canonical `DIGEST` that was approved for the object")
	flags.StringVar(&f.event.ID, "id", "", "the gateway's own `ID` of this occurrence")
	flags.StringVar(&f.failOn, "fail-on", string(models.RequireApproval), "exit with 3 from this decision on")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "for the answer")
	busFlags(cmd, &f.nats, askDefault)
	tenantFlag(cmd, &f.tenant)
	_ = cmd.MarkFlagRequired("server") // the flag exists
	complete(cmd, "kind", models.Kinds())
	complete(cmd, "fail-on", models.Decisions())
	return cmd
}

func (a *app) check(ctx context.Context, f *checkFlags, file string) error {
	body, err := a.input(file)
	if err != nil {
		return err
	}
	e := f.event
	e.Body = json.RawMessage(body)
	// A body above the limit is sent as oversize, and comes back as not inspected.
	if err := e.Validate(); err != nil && len(body) <= models.MaxEventBytes {
		return &codedError{code: exitUsage, err: err}
	}
	c, err := a.connect(f.nats, f.tenant)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	v, err := c.Check(ctx, e)
	if err != nil {
		return explained(fmt.Errorf("asking for a verdict: %w", err))
	}
	if err := a.writeVerdict(&v, &e); err != nil {
		return err
	}
	return verdict(&output.Report{Items: []output.Item{{Verdict: v}}}, models.Decision(f.failOn))
}

// writeVerdict writes one verdict: as text, or as its JSON form.
func (a *app) writeVerdict(v *models.Verdict, e *models.Event) error {
	if a.json {
		return a.writeJSON(v)
	}
	if err := a.live(false).Verdict(v, e); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	return nil
}

// live writes verdicts as they come.
func (a *app) live(json bool) *output.Live {
	return output.NewLive(a.stdout, json, output.Options{Colour: a.colour(a.stdout)})
}

// writeJSON writes a result as indented JSON.
func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing result: %w", err)
	}
	return nil
}
