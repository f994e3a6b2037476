// Package cli is the taster command: [Run] and one file per subcommand.
//
// Every command ends with one of these codes:
//
//	0  clean: everything was inspected and nothing was found at or above --fail-on
//	1  broke: the command could not do its work
//	2  usage: flags or arguments are wrong
//	3  found: something was found at or above --fail-on (require_approval by default)
//	4  incomplete: nothing was found at or above --fail-on, but not everything was inspected
//
// Results go to standard output, everything else to standard error: errors as "taster: ..." without capital or period,
// followed by a hint where there is one.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The exit codes.
const (
	exitClean = iota
	exitBroke
	exitUsage
	exitFound
	exitIncomplete
)

// codedError ends the command with its code. An empty error prints nothing: the result has said it all.
type codedError struct {
	code int
	err  error
	hint string
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &codedError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func hinted(err error, hint string) error { return &codedError{code: exitBroke, err: err, hint: hint} }

// app is what the commands share: the outside world and the common flags.
type app struct {
	env            []string
	stdin          io.Reader
	stdout, stderr io.Writer

	json    bool
	verbose bool
}

// Run runs the command line args (without the program's name) and returns the exit code. env has the form of
// [os.Environ]. When ctx ends, the command stops and breaks.
func Run(ctx context.Context, env []string, stdin io.Reader, stdout, stderr io.Writer, args []string) int {
	a := &app{env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	started := false
	root := a.root()
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmp.Or(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil { // cobra would, but later
			return err
		}
		started = true
		return nil
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitClean
	}
	var coded *codedError
	if !errors.As(err, &coded) {
		coded = &codedError{code: exitBroke, err: err}
		if !started { // cobra refused the command line
			coded.code, coded.hint = exitUsage, "taster --help lists commands and flags"
		}
	}
	if coded.err != nil {
		fmt.Fprintf(stderr, "taster: %v\n", err)
	}
	if coded.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", coded.hint)
	}
	return coded.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "taster",
		Short:         "Finds tool poisoning in the Model Context Protocol",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write the result as JSON")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log to standard error what goes on")
	root.AddCommand(a.commands()...)
	return root
}

// commands are the subcommands, in alphabetical order.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.benchCommand(),
		a.checkCommand(),
		a.configCommand(),
		a.corpusCommand(),
		a.demoCommand(),
		a.indexCommand(),
		a.judgeCommand(),
		a.pluginCommand(),
		a.pluginServeCommand(),
		a.reportCommand(),
		a.rescoreCommand(),
		a.rulesCommand(),
		a.scanCommand(),
		a.serveCommand(),
		a.trainCommand(),
		a.verdictCommand(),
		a.versionCommand(),
		a.watchCommand(),
	}
}

// lookupEnv finds a variable of the command's environment.
func (a *app) lookupEnv(name string) (string, bool) {
	for _, kv := range a.env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// colour reports whether w may be coloured: a terminal, unless NO_COLOR (no-color.org) or TERM say otherwise.
func (a *app) colour(w io.Writer) bool {
	if v, _ := a.lookupEnv("NO_COLOR"); v != "" {
		return false
	}
	if v, _ := a.lookupEnv("TERM"); v == "dumb" {
		return false
	}
	return isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// logger logs warnings to standard error, and everything with --verbose.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// warn prints a line for a person to standard error.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.stderr, "taster: "+format+"\n", args...)
}
