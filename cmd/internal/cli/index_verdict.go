package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/known"
	"github.com/aad6b6dc/taster/detectors/similarity/exchange"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/redact"
	"github.com/aad6b6dc/taster/models/view"
	"github.com/aad6b6dc/taster/pipeline/client"
)

// verdictFlags say of which verdict the texts are made known, to everybody on the bus.
type verdictFlags struct {
	signFlags
	verdict, tenant    string
	event, text, class string
	dryRun             bool
}

// addFromVerdict lets the command that adds texts also add those of a verdict.
func (a *app) addFromVerdict(cmd *cobra.Command, add *indexAddFlags) *cobra.Command {
	var f verdictFlags
	f.addTo(cmd)
	tenantFlag(cmd, &f.tenant)
	cmd.Flags().StringVar(&f.verdict, "verdict", "", "publish what the verdict with this `ID` rests on, to every engine on the bus, instead")
	cmd.Flags().StringVar(&f.event, "event", "", "of a verdict: the `FILE` that holds the object as the peer sent it, where the bus does not")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "of a verdict: only write the indicators, as taster index publish takes them")
	cmd.Long += `

With --verdict the texts are the sentences around a verdict's evidence, with secrets masked, and are not added here but
published, signed with the key: every engine on the bus that trusts it knows them within a second. The bus holds the bytes
of live definitions only; for anything else give them with --event, or the text itself with --text.`
	cmd.Example += "\n" + `  taster index add --verdict 3f1c... --key team.nk --owner ann@example.com --reason "took our keys"`
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.verdict == "" {
			for _, name := range []string{"event", "dry-run", "key", "owner", "reason"} {
				if cmd.Flags().Changed(name) {
					return usagef("--%s is for --verdict", name)
				}
			}
			return run(cmd, args)
		}
		f.text, f.class = add.text, add.class
		switch {
		case len(args) > 0:
			return usagef("--verdict and files exclude each other")
		case cmd.Flags().Changed("dir"):
			return usagef("--verdict is for every engine's index: --dir has no part in it")
		}
		if err := f.validate(); err != nil {
			return err
		}
		return a.shareVerdict(cmd.Context(), &f, nil)
	}
	return cmd
}

func (f *verdictFlags) validate() error {
	switch {
	case f.event != "" && f.text != "":
		return usagef("--event and --text exclude each other")
	case !f.dryRun && (f.key == "" || f.owner == "" || f.reason == ""):
		return usagef("publishing takes --key, --owner and --reason")
	}
	return nil
}

// shareVerdict publishes what a verdict rests on. before is called when everything else that can be known is known to be
// right, and nothing has been sent yet.
func (a *app) shareVerdict(ctx context.Context, f *verdictFlags, before func(*client.Client) error) error {
	if f.dryRun {
		return a.previewVerdict(ctx, f)
	}
	p, err := a.openPublisher(ctx, &f.signFlags, f.tenant)
	if err != nil {
		return err
	}
	defer p.close()
	texts, err := a.verdictTexts(p.ctx, p.client, f)
	if err != nil {
		return err
	}
	signed, err := p.sign(a.additions(texts))
	if err == nil {
		err = p.askTrust()
	}
	if err == nil && before != nil {
		err = before(p.client)
	}
	if err != nil {
		return err
	}
	return p.publish(signed)
}

func (a *app) previewVerdict(ctx context.Context, f *verdictFlags) error {
	c, err := a.connect(f.nats, f.tenant)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	texts, err := a.verdictTexts(ctx, c, f)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := exchange.Write(&b, exchange.JSONL, texts); err != nil {
		return err
	}
	if _, err := a.stdout.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing indicators: %w", err)
	}
	return nil
}

// verdictTexts finds the verdict and makes its texts.
func (a *app) verdictTexts(ctx context.Context, c *client.Client, f *verdictFlags) ([]models.Indicator, error) {
	v, err := c.Verdict(ctx, f.verdict)
	if errors.Is(err, client.ErrNoVerdict) {
		return nil, hinted(fmt.Errorf("there is no verdict %q of tenant %s, or no longer", f.verdict, f.tenant), "taster index publish takes texts from files")
	}
	if err != nil {
		return nil, explained(err)
	}
	if len(v.Findings) == 0 && f.class == "" {
		return nil, hinted(fmt.Errorf("verdict %s found nothing", v.ID), "--class and --text say what is known now")
	}
	source := "verdict " + v.ID
	var texts []models.Indicator
	if f.text != "" {
		x := models.Indicator{Label: models.Malicious, Text: redact.Mask(f.text), Source: source, FirstSeen: v.Time.UTC()}
		if len(v.Findings) > 0 {
			x.Class = v.Findings[0].Class
		}
		texts = append(texts, x)
	} else if texts, err = a.evidence(ctx, c, f, &v, source); err != nil {
		return nil, err
	}
	for i := range texts {
		x := &texts[i]
		if f.class != "" {
			x.Class = models.Class(f.class)
		}
		*x = x.Identify()
		if err := x.Validate(); err != nil {
			return nil, usagef("--%w", err)
		}
	}
	return texts, nil
}

const giveText = "give the object as the peer sent it with --event FILE, or the text itself with --text"

// evidence is what the verdict rests on.
func (a *app) evidence(ctx context.Context, c *client.Client, f *verdictFlags, v *models.Verdict, source string) ([]models.Indicator, error) {
	body, err := a.verdictBody(ctx, c, f.event, v)
	if err != nil {
		return nil, err
	}
	doc, err := view.Build(body)
	if err != nil {
		return nil, fmt.Errorf("taking the object apart: %w", err)
	}
	texts := known.Evidence(doc, v, source)
	if len(texts) == 0 {
		return nil, hinted(fmt.Errorf("no evidence of verdict %s reads as a sentence", v.ID), "--text gives the text itself")
	}
	return texts, nil
}

// verdictBody is what the verdict is about, byte for byte: from a file, or from the bus.
func (a *app) verdictBody(ctx context.Context, c *client.Client, file string, v *models.Verdict) ([]byte, error) {
	if file == "" {
		e, err := c.Definition(ctx, v)
		if errors.Is(err, client.ErrGone) {
			return nil, hinted(err, giveText)
		}
		return e.Body, explained(err)
	}
	body, err := a.input(file)
	if err != nil {
		return nil, err
	}
	if models.Digest(body) != v.Subject.RawDigest {
		if trimmed := bytes.TrimSpace(body); models.Digest(trimmed) == v.Subject.RawDigest { // editors end files with a line break
			return trimmed, nil
		}
		return nil, hinted(fmt.Errorf("%s is not what verdict %s is about: its digest is %s, not %s", file, v.ID, models.Digest(body), v.Subject.RawDigest), giveText)
	}
	return body, nil
}
