package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models/wire"
)

const indexKeyHelp = `Make and show the keys that sign changes of the known texts.

A key is the nkey of an account, as NATS operators know it from nsc and nk: a file with the seed (SA...), which nobody else
can read, and a public key (A...), which engines have in their configuration. Neither is a way to log on to NATS. A user's
nkey is refused: at logon it signs whatever the server sends, which could be a change.`

func (a *app) indexKeyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make and show the keys that sign changes", Long: indexKeyHelp}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "new FILE",
			Short: "Make a key and print its public part, for indicators.trusted_keys",
			Args:  cobra.ExactArgs(1),
			RunE:  func(_ *cobra.Command, args []string) error { return a.newSigningKey(args[0]) },
		},
		&cobra.Command{
			Use:   "show FILE",
			Short: "Print the public part of a key",
			Args:  cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				key, err := readSigningKey(args[0])
				if err != nil {
					return err
				}
				return a.showKey(key.public)
			},
		},
	)
	return cmd
}

// signingKey is a key pair that signs changes.
type signingKey struct {
	nkeys.KeyPair
	public string
}

func (a *app) newSigningKey(path string) error {
	pair, err := nkeys.CreateAccount()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hinted(fmt.Errorf("writing the key: %w", err), "taster index key show prints the public part of a key that is there")
	}
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(append(seed, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return a.showKey(public)
}

func (a *app) showKey(public string) error {
	if a.json {
		return a.writeJSON(map[string]string{"public_key": public})
	}
	_, err := fmt.Fprintln(a.stdout, public)
	return err
}

// maxKeyBytes limits a key file: a seed has 58 bytes, with all that nsc writes around it some hundred.
const maxKeyBytes = 4 << 10

// readSigningKey reads a key file that nobody else can read.
func readSigningKey(path string) (*signingKey, error) {
	hint := "taster index key new FILE makes a key"
	info, err := os.Stat(path)
	if err != nil {
		return nil, hinted(fmt.Errorf("reading the key: %w", err), hint)
	}
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" { // where modes say nothing
		return nil, hinted(fmt.Errorf("reading the key: %s has mode %04o, others can get at it", path, info.Mode().Perm()),
			"chmod 600 shuts it; if somebody may have read it, make a new one")
	}
	data, err := readFile(path, maxKeyBytes)
	if err != nil {
		return nil, hinted(fmt.Errorf("reading the key: %w", err), hint)
	}
	defer clear(data)
	pair, err := nkeys.ParseDecoratedNKey(data)
	if err != nil {
		return nil, hinted(fmt.Errorf("reading the key: %s: %w", path, err), hint)
	}
	public, err := pair.PublicKey()
	if err == nil {
		err = wire.ValidatePublicKey(public)
	}
	if err != nil {
		return nil, hinted(fmt.Errorf("reading the key: %s: %w", path, err), hint)
	}
	return &signingKey{pair, public}, nil
}
