package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/rpc"
	"github.com/aad6b6dc/taster/pipeline/mcp"
)

// gatherer reads everything that a scan names into events.
type gatherer struct {
	app        *app
	flags      *scanFlags
	sources    []output.Source
	items      []output.Item // without verdicts
	gaps       []output.Gap
	catalogues map[string]*models.Catalogue // by digest
}

func (g *gatherer) gather(ctx context.Context, args, command []string) error {
	if len(command) > 0 {
		name := strings.TrimSuffix(filepath.Base(command[0]), filepath.Ext(command[0]))
		target := mcp.Target{Name: g.named(name), Command: command[0], Args: command[1:]}
		return g.live(ctx, target)
	}
	for _, arg := range args {
		if err := g.argument(ctx, arg); err != nil {
			return err
		}
	}
	return nil
}

// named is the name of a server that nobody has named but the --server flag.
func (g *gatherer) named(otherwise string) string {
	if g.flags.server != "" {
		return g.flags.server
	}
	return otherwise
}

func (g *gatherer) argument(ctx context.Context, arg string) error {
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		u, err := url.Parse(arg)
		if err != nil {
			return usagef("address %q: %w", arg, err)
		}
		return g.live(ctx, mcp.Target{Name: g.named(u.Host), URL: arg})
	}
	data, err := g.app.input(arg)
	if err != nil {
		return err
	}
	targets, err := mcp.ClientConfigs(data)
	switch {
	case errors.Is(err, mcp.ErrNotConfig):
		return g.saved(arg, data)
	case err != nil:
		return fmt.Errorf("%s: %w", arg, err)
	}
	return g.config(ctx, arg, targets)
}

// saved takes the events of a file.
func (g *gatherer) saved(name string, data []byte) error {
	server := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	if name == "-" {
		name, server = "stdin", "stdin"
	}
	batch, err := rpc.Parse(data, g.named(server))
	if err != nil {
		return hinted(fmt.Errorf("reading %s: %w", name, err),
			"a file holds a tools/list result, JSON-RPC frames, events as JSON lines, or an MCP client configuration")
	}
	g.add(output.Source{Name: name, Data: data}, batch.Events)
	g.remember(batch.Catalogue)
	if len(batch.Events) == 0 {
		g.gap(name, "the file", "it holds nothing that a model would read")
	}
	return nil
}

// live takes the events of one server.
func (g *gatherer) live(ctx context.Context, target mcp.Target) error {
	listing, err := g.list(ctx, target)
	if err != nil {
		return err
	}
	g.add(output.Source{Name: target.String()}, listing.Events)
	g.remember(listing.Catalogue)
	return nil
}

func (g *gatherer) list(ctx context.Context, target mcp.Target) (*mcp.Listing, error) {
	if target.Runs() {
		g.app.warn("WARNING: this runs the server's code on this machine, with your rights: %s", target.String())
	}
	listing, err := mcp.List(ctx, target, thisBuild().Version, g.flags.limits)
	if err != nil {
		return nil, err
	}
	for _, gap := range listing.Gaps {
		g.gap(target.Name, gap.Method, gap.Reason)
	}
	if len(listing.Events) == 0 {
		g.gap(target.Name, "the server", "it offers nothing")
	}
	return listing, nil
}

// config takes the events of the servers that a client configuration names. They share a catalogue, as they share the
// client's model. A server that can't be read is a gap, and the others go on.
func (g *gatherer) config(ctx context.Context, name string, targets []mcp.Target) error {
	var chosen []mcp.Target
	for _, t := range targets {
		if g.flags.server == "" || g.flags.server == t.Name {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return usagef("%s names no server %q among its %d", name, g.flags.server, len(targets))
	}
	var all []models.CatalogueObject
	first := len(g.items)
	for _, t := range chosen {
		switch {
		case t.Disabled:
			g.app.warn("server %q is disabled and left out", t.Name)
			continue
		case !g.flags.run:
			g.app.warn("server %q: %s", t.Name, t.String())
			g.gap(name, "server "+t.Name, "not connected to without --run, which runs the code of stdio servers")
			continue
		}
		listing, err := g.expandAndList(ctx, t)
		if err != nil {
			g.gap(name, "server "+t.Name, err.Error())
			continue
		}
		g.add(output.Source{Name: t.String()}, listing.Events)
		if listing.Catalogue != nil {
			all = append(all, listing.Catalogue.Entries...)
		}
	}
	shared := models.NewCatalogue(all)
	g.remember(shared)
	for i := first; i < len(g.items); i++ {
		if e := g.items[i].Event; e.Catalogue != "" {
			e.Catalogue = shared.Digest
		}
	}
	return ctx.Err()
}

func (g *gatherer) expandAndList(ctx context.Context, t mcp.Target) (*mcp.Listing, error) {
	t, err := t.Expand(g.app.lookupEnv)
	if err != nil {
		return nil, err
	}
	return g.list(ctx, t)
}

func (g *gatherer) add(s output.Source, events []models.Event) {
	for i := range events {
		g.items = append(g.items, output.Item{Event: &events[i], Source: len(g.sources), Offset: -1})
	}
	g.sources = append(g.sources, s)
}

func (g *gatherer) remember(c *models.Catalogue) {
	if c != nil {
		g.catalogues[c.Digest] = c
	}
}

func (g *gatherer) gap(source, what, reason string) {
	g.gaps = append(g.gaps, output.Gap{Source: source, What: what, Reason: reason})
}

// locate finds where in its file each event's body stands. Events are in the order of the file.
func locate(r *output.Report) {
	from := make([]int, len(r.Sources))
	for i := range r.Items {
		item := &r.Items[i]
		data := r.Sources[item.Source].Data
		if len(item.Event.Body) == 0 || data == nil {
			continue
		}
		start := from[item.Source]
		if at := bytes.Index(data[start:], item.Event.Body); at >= 0 {
			item.Offset = start + at
			from[item.Source] = item.Offset + 1
		}
	}
}
