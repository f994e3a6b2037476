package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/aad6b6dc/taster/pipeline/engine"
)

// calibrationFlag is the flag --calibration: a file, read into the fusion that it stands for. Without it the fusion is the zero
// value, which means the shipped one.
type calibrationFlag struct {
	engine.Fusion
	path string
}

func (c *calibrationFlag) addTo(flags *pflag.FlagSet) {
	flags.Var(c, "calibration", "what evidence is worth, a `FILE` of \"taster bench calibrate\"; the shipped one otherwise")
}

func (c *calibrationFlag) String() string { return c.path }
func (c *calibrationFlag) Type() string   { return "FILE" }

// Set reads the file.
func (c *calibrationFlag) Set(path string) error {
	data, err := readFile(path, engine.MaxCalibrationBytes)
	if err != nil {
		return fmt.Errorf("reading calibration: %w", err)
	}
	parsed, err := engine.ParseCalibration(data)
	if err != nil {
		return err
	}
	c.path, c.Fusion = path, parsed.Fusion()
	return nil
}
