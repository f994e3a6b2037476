package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/detectors/similarity/exchange"
	"github.com/aad6b6dc/taster/detectors/similarity/index"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/config"
)

const indexHelp = `Work with the index of known texts, in which the similarity detector looks for attacks: those that Taster ships are in the
program, those of this place in a directory. Every engine on this machine reads it and follows its changes.

An indicator is a text with a threat class, a source and the time when it was first seen; it is malicious, or benign: a
harmless text that looks like an attack and speaks against a match.`

// indexName is the directory of the index below the one where data lives.
const indexName = "index"

func (a *app) indexCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "index", Short: "Keep, search and exchange known texts", Long: indexHelp}
	cmd.AddCommand(
		a.indexAddCommand(),
		a.indexBuildCommand(),
		a.indexExportCommand(),
		a.indexImportCommand(),
		a.indexKeyCommand(),
		a.indexMeasureCommand(),
		a.indexPublishCommand(),
		a.indexRemoveCommand(),
		a.indexSearchCommand(),
		a.indexStatsCommand(),
	)
	return cmd
}

// indexDir is the flag that names an index.
type indexDir struct{ dir string }

func (d *indexDir) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.dir, "dir", "", "`DIR` of the index; by default "+indexName+" where taster's data lives")
}

func (d *indexDir) path() (string, error) {
	if d.dir != "" {
		return d.dir, nil
	}
	state, err := config.StateDir()
	if err != nil {
		return "", hinted(err, "--dir names the directory of the index")
	}
	return filepath.Join(state, indexName), nil
}

// open opens the index for reading.
func (d *indexDir) open() (*index.Index, error) {
	dir, err := d.path()
	if err != nil {
		return nil, err
	}
	x, err := index.Open(dir)
	return x, noIndex(dir, err)
}

// all returns where the index is, and what it holds.
func (d *indexDir) all() (dir string, all []models.Indicator, err error) {
	if dir, err = d.path(); err != nil {
		return "", nil, err
	}
	all, err = index.All(dir)
	return dir, all, noIndex(dir, err)
}

// noIndex says of an index that is missing, or damaged beyond what its source makes up for, what makes one.
func noIndex(dir string, err error) error {
	var corrupt *index.CorruptError
	if errors.As(err, &corrupt) {
		return hinted(err, "taster index build makes it anew, of an export or of the indicators.jsonl in "+dir+" that is whole")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return hinted(fmt.Errorf("there is no index in %s", dir), "taster index build makes one of files, taster index add of a text")
	}
	return err
}

// readIndicators reads files of indicators, "-" for standard input. Those that do not say when they were first seen were
// seen now.
func (a *app) readIndicators(paths []string, use func(path string, im *exchange.Import) error) error {
	now := time.Now().UTC().Truncate(time.Second)
	for _, path := range paths {
		im, err := a.readIndicatorFile(path, now)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := use(path, im); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) readIndicatorFile(path string, now time.Time) (*exchange.Import, error) {
	if path == "-" {
		return exchange.Read(a.stdin, now)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return exchange.Read(f, now)
}

// wholeIndicators reads files of which every indicator has to be valid.
func (a *app) wholeIndicators(paths []string) (all []models.Indicator, err error) {
	err = a.readIndicators(paths, func(path string, im *exchange.Import) error {
		if im.RefusedCount() > 0 {
			return hinted(fmt.Errorf("%s: %s", path, output.Visible(im.Refused[0].String())), "taster index import takes over what is valid, and lists the rest")
		}
		all = append(all, im.Indicators...)
		return nil
	})
	return all, err
}

// counted says how many indicators an index holds.
func counted(s index.Stats) string {
	return fmt.Sprintf("%s: %d malicious, %d benign", plural(s.Indicators, "indicator"), s.Labels[string(models.Malicious)], s.Labels[string(models.Benign)])
}

// changedIndex is what there is to say of a change.
type changedIndex struct {
	Dir     string      `json:"dir"`
	Added   int         `json:"added"`
	Removed int         `json:"removed"`
	Index   index.Stats `json:"index"`
}

func (a *app) showChanged(c changedIndex) error {
	if a.json {
		return a.writeJSON(c)
	}
	_, err := fmt.Fprintf(a.stdout, "%d added, %d removed; %s holds %s\n", c.Added, c.Removed, c.Dir, counted(c.Index))
	return err
}
