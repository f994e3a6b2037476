// Package plugin is what the author of a detector imports to make a program of it:
//
//	func main() { plugin.Serve(Spec) }
//
// The program is run by Taster, which finds it by a manifest; see package detectors/host. Authors in other languages
// find the protocol in [Proto].
package plugin

import (
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/protocol"
)

// Proto is detector.proto, the protocol between Taster and a plugin, with its documentation.
//
//go:embed detector.proto
var Proto string

// Serve runs the detectors as a plugin process until Taster closes it or goes away; then it exits. Several detectors in
// one process share its crashes. It exits at once, with a hint, if a spec is invalid or a person started the program.
//
// A panic in New or Detect is answered as an error of that call and logged. What a detector writes to standard error
// becomes Taster's log, line by line.
func Serve(specs ...detectors.Spec) {
	if err := check(specs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	handshake := protocol.Handshake()
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		fmt.Fprint(os.Stderr, usage(specs))
		os.Exit(1)
	}
	go exitWith(os.Stdin)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         protocol.PluginSet(protocol.NewServer(specs...)),
		GRPCServer:      protocol.NewGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
	os.Exit(0)
}

func check(specs []detectors.Spec) error {
	if len(specs) == 0 {
		return fmt.Errorf("plugin.Serve: no detectors given")
	}
	if err := detectors.Validate(specs...); err != nil {
		return fmt.Errorf("plugin.Serve: %w", err)
	}
	return nil
}

func usage(specs []detectors.Spec) string {
	s := "This program is a Taster plugin; Taster runs it. Its detectors:\n\n"
	for i := range specs {
		s += fmt.Sprintf("  %s %s  %s\n", specs[i].Name, specs[i].Version, specs[i].Purpose)
	}
	return s + "\nTo try it:  taster plugin test " + os.Args[0] + "\n"
}

// exitWith ends the process when the lifeline does: its other end is open as long as Taster runs.
func exitWith(lifeline io.Reader) {
	_, _ = io.Copy(io.Discard, lifeline)
	os.Exit(0)
}
