// Command taster finds tool poisoning in the Model Context Protocol.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/aad6b6dc/taster/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := cli.Run(ctx, os.Environ(), os.Stdin, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	os.Exit(code)
}
